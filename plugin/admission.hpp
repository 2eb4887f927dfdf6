// Which live frames are taken when they come faster than they can be labelled: thinned evenly, so that the
// map keeps its shape.
#pragma once

namespace bragglive {

// Below half-full every frame is taken. Above, the share that is taken falls linearly to nothing at full, and
// the frames left out are spread evenly: at twice the rate that the graph can do, the pool settles at three
// quarters and every other frame is taken. Waiting for the pool to be full would leave holes of whole scan
// rows instead.
class Admission {
 public:
  // `occupancy`: slots in use / slots.
  bool take(double occupancy) {
    if (occupancy <= k_free_share) {
      credit_ = 1;
      return true;
    }
    credit_ += (1 - occupancy) / (1 - k_free_share);
    if (credit_ < 1) return false;
    credit_ -= 1;
    return true;
  }

 private:
  static constexpr double k_free_share = 0.5;
  double credit_ = 1;
};

}  // namespace bragglive
