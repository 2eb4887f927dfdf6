// A read-only file whose header lies in memory and whose frames are copied out of it.
#pragma once
#include <filesystem>
#include <memory>
#include <span>

#include "core/frame/error.hpp"
#include "streams/payload.hpp"

namespace bragglive {

class MappedFile {
 public:
  static Expected<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // For headers, when the file has just been opened: memory of a file that somebody cuts short later is gone.
  std::span<const std::byte> bytes() const { return bytes_; }
  // Of the file as it is now; it may have grown.
  std::size_t size_now() const;
  // For pixels: an error where the file has become shorter.
  Expected<void> copy(std::size_t offset, std::span<std::byte> into) const;

 private:
  MappedFile(std::span<const std::byte> bytes, int fd, std::filesystem::path name);
  std::span<const std::byte> bytes_;
  const int fd_;
  const std::filesystem::path name_;
};

Payload own(std::vector<std::byte> bytes);
// The same bytes once more.
Payload share(std::shared_ptr<const Payload> payload);

}  // namespace bragglive
