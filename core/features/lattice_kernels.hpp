// The inner loops of the lattice search: whole indices for all spots at once.
#pragma once
#include <array>
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
LatticeKernels lattice_kernels(InstructionSet set = InstructionSet::best) noexcept;

}  // namespace bragglive::indexing
