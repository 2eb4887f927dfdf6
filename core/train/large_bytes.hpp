// Bytes by the gigabyte, in large pages where the system has them: random reads of a table would else miss
// the address cache almost every time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bragglive {

class LargeBytes {
 public:
  // All zero. Throws std::bad_alloc like a vector.
  explicit LargeBytes(std::size_t size) {
    constexpr std::size_t k_page = std::size_t{2} << 20;
    const std::size_t whole = (size + k_page - 1) / k_page * k_page;
    if (whole == 0) return;
    bytes_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(k_page, whole)));
    if (!bytes_) throw std::bad_alloc();
#if defined(__linux__)
    ::madvise(bytes_.get(), whole, MADV_HUGEPAGE);  // a wish: without large pages all works the same
#endif
    std::memset(bytes_.get(), 0, size);
  }
  std::uint8_t* data() {
    return bytes_.get();
  }
  const std::uint8_t* data() const {
    return bytes_.get();
  }

 private:
  struct Free {
    void operator()(std::uint8_t* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::uint8_t[], Free> bytes_;
};

}  // namespace bragglive
