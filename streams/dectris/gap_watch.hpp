// Notices when frame numbers come in a regular stride: the mark of a second client that takes every other
// frame of a PUSH socket.
#pragma once
#include <cstdint>
#include <optional>

namespace bragglive::dectris {

class GapWatch {
 public:
  void reset() { *this = {}; }

  // The stride, once, when it has been seen often enough to be no accident.
  std::optional<std::uint64_t> see(std::uint64_t number) {
    const std::uint64_t step = last_ && number > *last_ ? number - *last_ : 0;
    last_ = number;
    run_ = step >= 2 && step == stride_ ? run_ + 1 : 0;
    stride_ = step;
    if (run_ < k_enough || said_) return std::nullopt;
    said_ = true;
    return stride_;
  }

 private:
  static constexpr int k_enough = 16;
  std::optional<std::uint64_t> last_;
  std::uint64_t stride_ = 0;
  int run_ = 0;
  bool said_ = false;
};

}  // namespace bragglive::dectris
