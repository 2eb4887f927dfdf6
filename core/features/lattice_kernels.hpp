// The inner loops of the lattice search: whole indices for all spots at once.
#pragma once
#include <array>
#include <cmath>
#include <cstddef>

#include "core/detect/simd.hpp"
#include "core/features/index_lattice.hpp"

namespace bragglive::indexing {

// One number per spot; places without a spot lie far outside.
using Lane = std::array<float, k_lattice_spots>;
constexpr float k_far = 1e4F;

struct Points {                  // by q2, ascending
  alignas(32) Lane x, y, z, q2;  // 1/Å, q2 = x² + y²
  std::size_t count = 0;
};

struct Vector {
  float x, y, z;
  float square() const { return x * x + y * y; }  // in the detector plane, as dot and cross are
};
inline float cross(const Vector& a, const Vector& b) {
  return a.x * b.y - a.y * b.x;
}
inline float dot(const Vector& a, const Vector& b) {
  return a.x * b.x + a.y * b.y;
}

constexpr int k_layers = 4;  // largest |n3| of the first look

// How a triple is judged: b1, b2, b3 = a, b, c; c also in units of a and b; gain for a spot explained by
// |n3|.
struct Trial {
  Vector a, b, c;
  float cu, cv;
  std::array<float, k_layers + 1> gain;
  float tolerance2;
};

// Spots in units of a and b.
struct PlaneCoordinates {
  alignas(32) Lane u, v;
};

constexpr std::size_t k_blocks = 3;  // spots are looked at eight at a time
struct FirstLayer {
  alignas(32) Lane gain;  // 0 where a spot is not explained
  std::array<float, k_blocks + 1>
      most;  // of the spots of a block and the later ones, if the next layers explain the rest
};

struct Basis {
  std::array<float, 3> x, y, z;  // components of b1, b2, b3
};
struct Window {
  float tolerance2, tolerance_z2;  // squares of the largest differences, in the plane and along z
  float weight_xy, weight_z;       // 1/σ²
  float reach2;                    // spots up to this q² take part
  int layers;                      // largest |n3|
};
// Sums over the spots that have indices n, the best ones, within the window; g is the spot, d = g - B n.
struct IndexSums {
  float count;
  std::array<float, 6> nn;                 // n1 n1, n1 n2, n1 n3, n2 n2, n2 n3, n3 n3
  std::array<std::array<float, 3>, 3> gn;  // [component of g][component of n]
  float zz, dxy2, dz2;                     // of g_z², d_x² + d_y², d_z²
};

// Of the kernels alone.
constexpr std::size_t k_width = k_lattice_spots / k_blocks;
static_assert(k_width == 8 && k_lattice_spots % k_blocks == 0);
constexpr float k_whole = 12582912.0F;  // 1.5 * 2^23: adding and taking it away rounds to a whole number
constexpr float k_unindexed = 1e9F;
constexpr float k_cost_of_index = 0.02F;  // of several indices that fit, small ones are likelier
constexpr float k_lost = -1.5F;           // gain of a spot that nothing explains
// A spot's indices are n1² + n2² + n3² < k_highest; its (height off)² is below k_height, and more with that
// sum.
constexpr float k_highest = 100, k_height = 0.0004F, k_height_slope = 0.0003F;

// A spot (x, y) lies at height h above the layer n3 = 0 and every layer is `step` higher: only those within
// the tolerance of h can hold it. The height of a layer is a plane's but for what (x, y) is off, times its
// slope.
struct LayerWindow {
  BL_INLINE LayerWindow(const Basis& basis, const Window& window) {
    const auto [x0, x1, x2] = basis.x;
    const auto [y0, y1, y2] = basis.y;
    const auto [z0, z1, z2] = basis.z;
    inverse = 1 / (x0 * y1 - x1 * y0);
    slope_x = (z0 * y1 - z1 * y0) * inverse, slope_y = (z1 * x0 - z0 * x1) * inverse;
    per_step = 1 / (z2 - x2 * slope_x - y2 * slope_y);
    const float tolerance = std::sqrt(window.tolerance2), tolerance_z = std::sqrt(window.tolerance_z2);
    const float near =
        (tolerance_z + tolerance * (std::abs(slope_x) + std::abs(slope_y))) * std::abs(per_step) + 0.51F;
    highest = static_cast<float>(window.layers);
    some = near < highest;
    sides = some ? static_cast<int>(near) : window.layers;
  }
  float inverse, slope_x, slope_y, per_step;
  float highest;  // |n3|
  bool some;      // else all layers, about the first one
  int sides;      // layers to look at on both sides of the nearest
};

// The same results to the last bit on every processor: no fused multiply-add, the same order of operations.
struct LatticeKernels {
  void (*plane)(const Points&, const Trial&, PlaneCoordinates&);
  // Gains of the spots in the layer n3 = 0.
  void (*first_layer)(const Points&, const PlaneCoordinates&, const Trial&, FirstLayer&);
  // Sum of the gains when the other layers may explain what the first did not; where it cannot be more than
  // `enough`, some number up to that.
  float (*all_layers)(const Points&, const PlaneCoordinates&, const Trial&, const FirstLayer&, float enough);
  IndexSums (*index)(const Points&, const Basis&, const Window&);
};
#ifdef BL_SIMD_X86
float all_layers_avx512(const Points&, const PlaneCoordinates&, const Trial&, const FirstLayer&,
                        float enough);
IndexSums index_avx512(const Points&, const Basis&, const Window&);
#endif
LatticeKernels lattice_kernels(InstructionSet set = InstructionSet::best) noexcept;

}  // namespace bragglive::indexing
