// Just enough CBOR to speak as a detector does.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "streams/codec/byte_order.hpp"

namespace bragglive::dectris {

class CborWriter {
 public:
  CborWriter& number(std::uint64_t value) { return head(0, value); }
  CborWriter& map(std::uint64_t pairs) { return head(5, pairs); }
  CborWriter& array(std::uint64_t items) { return head(4, items); }
  CborWriter& tag(std::uint64_t value) { return head(6, value); }
  CborWriter& text(std::string_view value) { return string(3, std::as_bytes(std::span(value))); }
  CborWriter& bytes(std::span<const std::byte> value) { return string(2, value); }
  CborWriter& boolean(bool value) { return head(7, value ? 21 : 20); }
  CborWriter& real(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, 8);
    out_.push_back(std::byte{0xfb});
    return big_endian(bits);
  }
  std::vector<std::byte> take() { return std::move(out_); }

 private:
  template <class T>
  CborWriter& big_endian(T value) {
    out_.resize(out_.size() + sizeof(T));
    if constexpr (sizeof(T) == 1)
      out_.back() = static_cast<std::byte>(value);
    else
      store_big(out_.data() + out_.size() - sizeof(T), value);
    return *this;
  }
  CborWriter& head(unsigned major, std::uint64_t value) {
    const auto first = [&](unsigned info) { out_.push_back(static_cast<std::byte>((major << 5) | info)); };
    if (value < 24) return first(static_cast<unsigned>(value)), *this;
    if (value <= 0xff) return first(24), big_endian(static_cast<std::uint8_t>(value));
    if (value <= 0xffff) return first(25), big_endian(static_cast<std::uint16_t>(value));
    if (value <= 0xffff'ffff) return first(26), big_endian(static_cast<std::uint32_t>(value));
    return first(27), big_endian(value);
  }
  CborWriter& string(unsigned major, std::span<const std::byte> value) {
    head(major, value.size());
    out_.insert(out_.end(), value.begin(), value.end());
    return *this;
  }

  std::vector<std::byte> out_;
};

}  // namespace bragglive::dectris
