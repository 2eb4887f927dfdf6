// Unaligned loads and stores in a stated byte order.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bragglive {

static_assert(std::endian::native == std::endian::little,
              "pixels are handed on as they lie in memory: little-endian machines only");

template <class T>
T load_little(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

inline std::uint16_t swap_bytes(std::uint16_t v) {
  return __builtin_bswap16(v);
}
inline std::uint32_t swap_bytes(std::uint32_t v) {
  return __builtin_bswap32(v);
}
inline std::uint64_t swap_bytes(std::uint64_t v) {
  return __builtin_bswap64(v);
}

template <class T>
T load_big(const std::byte* from) {
  return swap_bytes(load_little<T>(from));
}

template <class T>
void store_big(std::byte* to, T value) {
  value = swap_bytes(value);
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace bragglive
