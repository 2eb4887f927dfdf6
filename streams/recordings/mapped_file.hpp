// A read-only file in memory, shared by the payloads that look into it.
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

  std::span<const std::byte> bytes() const { return bytes_; }
  // Hints for one pass over the file: the pages of [begin, end) are wanted soon, or no longer. Dropped pages
  // stay readable.
  void want(std::size_t begin, std::size_t end) const;
  void drop(std::size_t begin, std::size_t end) const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

// A payload that is a piece of the file.
Payload view_of(std::shared_ptr<const MappedFile> file, std::size_t offset, std::size_t size);
Payload own(std::vector<std::byte> bytes);

// Keeps a window of a mapped file in memory while a thread goes through it, so that a file larger than memory
// stays out of it.
class SlidingWindow {
 public:
  void visit(const MappedFile& file, std::size_t offset, std::size_t size);

 private:
  std::size_t wanted_ = 0, dropped_ = 0;
};

}  // namespace bragglive
