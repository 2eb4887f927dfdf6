#include <array>
#include <bit>
#include <cstring>

#include "core/forest/model_container.hpp"

namespace bragglive {
namespace {

// Eight bytes a step: one table per byte position.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) ? 0xEDB88320U : 0U);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t)
    for (std::size_t i = 0; i < 256; ++i)
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFFU];
  return tables;
}
constexpr Tables k_tables = make_tables();

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t continued) noexcept {
  static_assert(std::endian::native == std::endian::little);
  std::uint32_t crc = ~continued;
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    word ^= crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= k_tables[7 - i][(word >> (8 * i)) & 0xFFU];
    bytes = bytes.subspan(8);
  }
  for (const std::byte b : bytes)
    crc = (crc >> 8) ^ k_tables[0][(crc ^ std::to_integer<std::uint32_t>(b)) & 0xFFU];
  return ~crc;
}

}  // namespace bragglive
