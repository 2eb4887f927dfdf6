#include "streams/dectris/cbor_reader.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace bragglive::dectris {
namespace {

constexpr unsigned k_indefinite = 31;
constexpr std::uint64_t k_break_byte = 0xff;

double half_to_double(std::uint64_t half) {
  const auto exponent = static_cast<int>((half >> 10) & 0x1f);
  const auto mantissa = static_cast<double>(half & 0x3ff);
  double value = exponent == 0    ? std::ldexp(mantissa, -24)
                 : exponent != 31 ? std::ldexp(mantissa + 1024, exponent - 25)
                 : mantissa == 0  ? std::numeric_limits<double>::infinity()
                                  : std::numeric_limits<double>::quiet_NaN();
  return (half & 0x8000) != 0 ? -value : value;
}

}  // namespace

CborReader::Kind CborReader::peek() const {
  if (!ok_ || rest_.empty()) return Kind::end;
  const auto first = std::to_integer<unsigned>(rest_[0]);
  return first == k_break_byte ? Kind::end : static_cast<Kind>(first >> 5);
}

std::span<const std::byte> CborReader::take(std::uint64_t size) {
  if (!ok_ || size > rest_.size()) {
    ok_ = false;
    return {};
  }
  const auto taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

CborReader::Head CborReader::read_head() {
  const auto first = take(1);
  if (first.empty()) return {};
  const auto byte = std::to_integer<unsigned>(first[0]);
  Head head{static_cast<Kind>(byte >> 5), byte & 31U, 0};
  if (head.info < 24) {
    head.argument = head.info;
  } else if (head.info < 28) {
    for (const std::byte b : take(std::uint64_t{1} << (head.info - 24)))
      head.argument = (head.argument << 8) | std::to_integer<std::uint64_t>(b);
  } else if (head.info != k_indefinite) {
    ok_ = false;
  }
  return head;
}

std::optional<std::uint64_t> CborReader::take_tag() {
  if (peek() != Kind::tag) return std::nullopt;
  const Head head = read_head();
  if (head.info == k_indefinite) ok_ = false;
  return ok_ ? std::optional(head.argument) : std::nullopt;
}

std::uint64_t CborReader::read_unsigned() {
  const Head head = read_head();
  if (head.kind != Kind::unsigned_integer || head.info == k_indefinite) ok_ = false;
  return ok_ ? head.argument : 0;
}

double CborReader::read_number() {
  const Head head = read_head();
  if (!ok_ || head.info == k_indefinite) return ok_ = false, 0.0;
  if (head.kind == Kind::unsigned_integer) return static_cast<double>(head.argument);
  if (head.kind == Kind::negative_integer) return -1.0 - static_cast<double>(head.argument);
  if (head.kind == Kind::simple && head.info == 25) return half_to_double(head.argument);
  if (head.kind == Kind::simple && head.info == 26)
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(head.argument)));
  if (head.kind == Kind::simple && head.info == 27) return std::bit_cast<double>(head.argument);
  ok_ = false;
  return 0;
}

bool CborReader::read_bool() {
  const Head head = read_head();
  if (head.kind != Kind::simple || (head.argument != 20 && head.argument != 21)) ok_ = false;
  return ok_ && head.argument == 21;
}

std::span<const std::byte> CborReader::read_string(Kind kind) {
  const Head head = read_head();
  // Strings in pieces are legal CBOR, but no detector sends them: they would have to be joined.
  if (!ok_ || head.kind != kind || head.info == k_indefinite) {
    ok_ = false;
    return {};
  }
  return take(head.argument);
}

std::string_view CborReader::read_text() {
  const auto bytes = read_string(Kind::text);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> CborReader::read_bytes() {
  return read_string(Kind::bytes);
}

CborReader::Items CborReader::enter(Kind kind) {
  const Head head = read_head();
  if (head.kind != kind) ok_ = false;
  if (!ok_) return {};
  if (head.info == k_indefinite) return {0, true};
  // Each item takes a byte at least.
  if (head.argument > rest_.size()) return ok_ = false, Items{};
  return {head.argument, false};
}

CborReader::Items CborReader::enter_map() {
  return enter(Kind::map);
}
CborReader::Items CborReader::enter_array() {
  return enter(Kind::array);
}

bool CborReader::more(Items& items) {
  if (!ok_) return false;
  if (!items.indefinite) return items.left != 0 && items.left-- != 0;
  if (rest_.empty()) return ok_ = false;
  if (std::to_integer<unsigned>(rest_[0]) != k_break_byte) return true;
  rest_ = rest_.subspan(1);
  return false;
}

void CborReader::skip(int depth) {
  if (depth > k_max_depth) ok_ = false;
  if (!ok_) return;
  switch (peek()) {
    case Kind::array:
      for (Items items = enter_array(); more(items);) skip(depth + 1);
      return;
    case Kind::map:
      for (Items items = enter_map(); more(items);) {
        skip(depth + 1);
        skip(depth + 1);
      }
      return;
    case Kind::tag:
      take_tag();
      return skip(depth + 1);
    case Kind::end:
      ok_ = false;
      return;
    case Kind::bytes:
    case Kind::text: {
      const Head head = read_head();
      if (head.info != k_indefinite) {
        take(head.argument);
        return;
      }
      for (Items pieces{0, true}; more(pieces);) skip(depth + 1);
      return;
    }
    default: {
      const Head head = read_head();
      if (head.info == k_indefinite) ok_ = false;
    }
  }
}

}  // namespace bragglive::dectris
