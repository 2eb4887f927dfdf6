// A bounds-checked cursor over CBOR (RFC 8949), for messages that may be anything.
//
// One failure flag instead of an error at every step: after the first mistake all reads give zeros and ok()
// is false. Nothing is allocated and no length from the wire is believed before it is compared with what is
// left.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bragglive::dectris {

class CborReader {
 public:
  enum class Kind { unsigned_integer, negative_integer, bytes, text, array, map, tag, simple, end };
  static constexpr int k_max_depth = 32;

  explicit CborReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  // What comes next, without taking it. Kind::end at the end of the input or of an indefinite container.
  Kind peek() const;
  // The number behind a tag that comes next; it is taken. nullopt: no tag comes.
  std::optional<std::uint64_t> take_tag();

  std::uint64_t read_unsigned();
  double read_number();  // integers and floats of any width
  bool read_bool();
  std::string_view read_text();
  std::span<const std::byte> read_bytes();

  // Items of a map (pairs) or an array: `for (auto items = r.enter_map(); r.more(items);) { … }`.
  struct Items {
    std::uint64_t left = 0;
    bool indefinite = false;
  };
  Items enter_map();
  Items enter_array();
  bool more(Items& items);

  // Any value with everything inside it.
  void skip(int depth = 0);
  void fail() { ok_ = false; }

 private:
  struct Head {
    Kind kind = Kind::end;
    unsigned info = 0;
    std::uint64_t argument = 0;
  };
  Head read_head();
  std::span<const std::byte> take(std::uint64_t size);
  Items enter(Kind kind);
  std::span<const std::byte> read_string(Kind kind);

  std::span<const std::byte> rest_;
  bool ok_ = true;
};

}  // namespace bragglive::dectris
