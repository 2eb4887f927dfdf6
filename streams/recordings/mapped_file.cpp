#include "streams/recordings/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace bragglive {
namespace {

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

Expected<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& file) {
  Descriptor fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (fd.value < 0) return fail(ErrorArea::file, "cannot open {}: {}", file.string(), std::strerror(errno));
  struct stat status {};
  if (::fstat(fd.value, &status) != 0)
    return fail(ErrorArea::file, "cannot read {}: {}", file.string(), std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail(ErrorArea::file, "{} is not a file", file.string());
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return fail(ErrorArea::format, "{} is empty", file.string());
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.value, 0);
  if (at == MAP_FAILED)
    return fail(ErrorArea::memory, "cannot map {}: {}", file.string(), std::strerror(errno));
  return std::shared_ptr<const MappedFile>(
      new MappedFile({static_cast<const std::byte*>(at), size}, std::exchange(fd.value, -1), file));
}

MappedFile::MappedFile(std::span<const std::byte> bytes, int fd, std::filesystem::path name)
    : bytes_(bytes), fd_(fd), name_(std::move(name)) {
  ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);  // a hint
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  ::close(fd_);
}

std::size_t MappedFile::size_now() const {
  struct stat status {};
  return ::fstat(fd_, &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
}

Expected<void> MappedFile::copy(std::size_t offset, std::span<std::byte> into) const {
  while (!into.empty()) {
    const ssize_t n = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorArea::file, "cannot read {}: {}", name_.string(), std::strerror(errno));
    if (n == 0)
      return fail(ErrorArea::format, "{} became shorter while it was read: it ends before byte {}",
                  name_.string(), offset + into.size());
    into = into.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::size_t>(n);
  }
  return {};
}

Payload share(std::shared_ptr<const Payload> payload) {
  return Payload(
      std::move(payload), +[](const std::shared_ptr<const Payload>& held) { return held->bytes(); });
}

Payload own(std::vector<std::byte> bytes) {
  return Payload(
      std::move(bytes),
      +[](const std::vector<std::byte>& owner) { return std::span<const std::byte>(owner); });
}

}  // namespace bragglive
