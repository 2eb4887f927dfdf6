#include "streams/recordings/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bragglive {
namespace {

constexpr std::size_t k_ahead = std::size_t{32} << 20;
constexpr std::size_t k_behind = std::size_t{128} << 20;  // more than the engine has in flight

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

struct View {
  std::shared_ptr<const MappedFile> file;
  std::size_t offset, size;
};

void advise(std::span<const std::byte> bytes, std::size_t begin, std::size_t end, int advice) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  begin = begin / page * page;
  end = std::min(end, bytes.size());
  // A hint: a kernel that ignores it costs speed, not correctness.
  if (begin < end) ::madvise(const_cast<std::byte*>(bytes.data()) + begin, end - begin, advice);
}

}  // namespace

Expected<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& file) {
  const Descriptor fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
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
  return std::shared_ptr<const MappedFile>(new MappedFile({static_cast<const std::byte*>(at), size}));
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::want(std::size_t begin, std::size_t end) const {
  advise(bytes_, begin, end, MADV_WILLNEED);
}
void MappedFile::drop(std::size_t begin, std::size_t end) const {
  advise(bytes_, begin, end, MADV_DONTNEED);
}

Payload view_of(std::shared_ptr<const MappedFile> file, std::size_t offset, std::size_t size) {
  return Payload(
      View{std::move(file), offset, size},
      +[](const View& view) { return view.file->bytes().subspan(view.offset, view.size); });
}

Payload own(std::vector<std::byte> bytes) {
  return Payload(
      std::move(bytes),
      +[](const std::vector<std::byte>& owner) { return std::span<const std::byte>(owner); });
}

void SlidingWindow::visit(const MappedFile& file, std::size_t offset, std::size_t size) {
  const std::size_t end = offset + size;
  if (end + k_ahead / 2 > wanted_) {
    const std::size_t from = std::max(wanted_, offset);
    wanted_ = end + k_ahead;
    file.want(from, wanted_);
  }
  if (offset > dropped_ + 2 * k_behind) {
    file.drop(dropped_, offset - k_behind);
    dropped_ = offset - k_behind;
  }
}

}  // namespace bragglive
