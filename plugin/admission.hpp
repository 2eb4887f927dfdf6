// Which live frames are taken when they come faster than they can be labelled: thinned evenly, so that the
// map keeps its shape.
#pragma once
#include <cmath>
#include <cstddef>

namespace bragglive {

// While at most `free_slots` are in use every frame is taken. From there on the stride (one frame in so many
// is taken) doubles with every twelfth of the rest, and the frames left out are spread evenly. So the pool
// settles where the stride is the one that the rates ask for, whatever they are, and far from full: a full
// pool would be a hole in the map, and a backlog that comes all at once has to be hundreds of pools long to
// fill it.
class Admission {
 public:
  Admission() = default;
  Admission(std::size_t free_slots, std::size_t slots)
      : free_(static_cast<double>(free_slots)),
        doubling_((static_cast<double>(slots) - free_) / k_doublings) {}

  // A frame comes while so many slots are in use.
  bool take(std::size_t in_use) {
    const double above = static_cast<double>(in_use) - free_;
    if (above <= 0) {
      credit_ = 1;
      return true;
    }
    credit_ += std::exp2(-above / doubling_);
    if (credit_ < 1) return false;
    credit_ -= 1;
    return true;
  }

 private:
  static constexpr double k_doublings = 12;
  double free_ = 0, doubling_ = 1, credit_ = 1;
};

}  // namespace bragglive
