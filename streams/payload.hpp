// The encoded bytes of one frame with whatever owns them (a ZeroMQ message, a mapped file, a buffer), moved
// and never copied.
#pragma once
#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace bragglive {

class Payload {
 public:
  Payload() = default;
  // Keeps `owner` alive (moved in, at most 80 bytes, nothrow-movable). `view(owner)` names the bytes and is
  // asked again after each move, because a small message keeps its bytes inside itself.
  template <class Owner>
  Payload(Owner owner, std::span<const std::byte> (*view)(const Owner&)) {
    static_assert(sizeof(Owner) <= k_room && alignof(Owner) <= alignof(std::max_align_t));
    static_assert(std::is_nothrow_move_constructible_v<Owner>);
    new (room_) Owner(std::move(owner));
    view_ = reinterpret_cast<void (*)()>(view);
    ops_ = &k_ops<Owner>;
  }
  Payload(Payload&& other) noexcept { take(other); }
  Payload& operator=(Payload&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Payload() { destroy(); }

  std::span<const std::byte> bytes() const {
    return ops_ ? ops_->bytes(room_, view_) : std::span<const std::byte>{};
  }
  bool empty() const { return bytes().empty(); }
  void reset() noexcept { destroy(); }

 private:
  // Not inlined: inside a std::variant GCC 12 takes the owner of another alternative for an uninitialised
  // one.
  [[gnu::noinline]] void destroy() noexcept {
    if (ops_) ops_->destroy(room_);
    ops_ = nullptr;
  }
  static constexpr std::size_t k_room = 80;  // a ZeroMQ message and where to look in it
  struct Ops {
    std::span<const std::byte> (*bytes)(const void* owner, void (*view)());
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void* owner) noexcept;
  };
  template <class Owner>
  static constexpr Ops k_ops = {[](const void* owner, void (*view)()) {
                                  return reinterpret_cast<std::span<const std::byte> (*)(const Owner&)>(view)(
                                      *static_cast<const Owner*>(owner));
                                },
                                [](void* from, void* to) noexcept {
                                  new (to) Owner(std::move(*static_cast<Owner*>(from)));
                                  static_cast<Owner*>(from)->~Owner();
                                },
                                [](void* owner) noexcept { static_cast<Owner*>(owner)->~Owner(); }};

  void take(Payload& other) noexcept {
    ops_ = std::exchange(other.ops_, nullptr);
    view_ = other.view_;
    if (ops_) ops_->move(other.room_, room_);
  }

  alignas(std::max_align_t) std::byte room_[k_room];
  void (*view_)() = nullptr;
  const Ops* ops_ = nullptr;
};

}  // namespace bragglive
