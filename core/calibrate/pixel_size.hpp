// Pixel size from the lattice spacings of a known crystal.
#pragma once
#include <array>
#include <vector>

#include "core/calibrate/ring_fit.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

// A spacing that the crystal shows: |q| = 1/d in 1/Å, and how strong it is (sum of |F|^2 over the equivalent
// reflections).
struct KnownRing {
  double q = 0;
  double strength = 1;
};

// A reflection of the known crystal that shows: Cartesian, 1/Å.
struct KnownReflection {
  std::array<double, 3> g{};
  double strength = 1;  // |F|^2
};

struct PixelSizeFit {
  double pixel_size = 0;  // 1/Å per pixel
  double sigma = 0;       // standard uncertainty, from leaving out a tenth of the frames at a time
  double explained = 0;   // share of the vectors that lie on a ring
  double chance = 0;      // share that would lie on one by chance
  double merit =
      0;  // (explained - chance) in standard deviations of chance; a spot that many frames show counts once
  std::size_t rings = 0, vectors = 0;
};

// Tries every pixel size between `low` and `high` (1/Å per pixel), scores how many vectors lie on a ring
// against chance and how many of the strong rings are there, and refines the best. Fails when nothing beats
// chance.
Expected<PixelSizeFit> fit_pixel_size(const std::vector<RingVector>& vectors,
                                      const std::vector<KnownRing>& rings, double inner_px, double low,
                                      double high);

}  // namespace bragglive
