#include "core/features/lattice_kernels.hpp"

#include <cstdint>

#ifdef BL_SIMD_X86
// Without FMA, which would round differently.
#define BL_LATTICE_AVX2 [[gnu::target("avx2,prefer-vector-width=256")]]
#endif

namespace bragglive::indexing {
namespace {

// Eight floats; where there is no AVX the compiler takes two registers of four.
using Floats [[gnu::vector_size(32), gnu::may_alias]] = float;
using Masks [[gnu::vector_size(32), gnu::may_alias]] = std::int32_t;
constexpr std::size_t k_width = 8, k_blocks = k_lattice_spots / k_width;
static_assert(k_lattice_spots % k_width == 0);

constexpr float k_whole = 12582912.0F;  // 1.5 * 2^23: adding and taking it away rounds to a whole number
constexpr float k_lost = -1.5F;         // gain of a spot that nothing explains

BL_INLINE const Floats& load(const Lane& lane, std::size_t at) {
  return reinterpret_cast<const Floats&>(lane[at]);
}
BL_INLINE Floats& store(Lane& lane, std::size_t at) {
  return reinterpret_cast<Floats&>(lane[at]);
}
BL_INLINE const Masks& bits(const Floats& floats) {
  return reinterpret_cast<const Masks&>(floats);
}
BL_INLINE void choose(const Masks& where, const Floats& other, Floats& old) {
  const Masks merged = (where & bits(other)) | (~where & bits(old));
  old = reinterpret_cast<const Floats&>(merged);
}

BL_INLINE void plane_body(const Points& points, const Trial& trial, PlaneCoordinates& out) {
  const float inverse = 1 / cross(trial.a, trial.b);
  for (std::size_t s = 0; s < k_lattice_spots; ++s) {
    out.u[s] = (points.x[s] * trial.b.y - points.y[s] * trial.b.x) * inverse;
    out.v[s] = (trial.a.x * points.y[s] - trial.a.y * points.x[s]) * inverse;
  }
}

// Gains of the layers first..last of n3, both signs, where they are more than `gains` holds. The basis is as
// uncertain as its spots: what lies at high indices may be farther off.
BL_INLINE void layers_body(const Points& points, const PlaneCoordinates& plane, const Trial& trial, int first,
                           int last, Lane& gains) {
  const Vector a = trial.a, b = trial.b;
  const float tolerance2 = trial.tolerance2, slope = 0.15F * tolerance2;
  for (std::size_t s = 0; s < k_lattice_spots; s += k_width) {
    const Floats u0 = load(plane.u, s), v0 = load(plane.v, s), z0 = load(points.z, s);
    const Floats widest = 0 * z0 + 2 * tolerance2, highest = 0 * z0 + 100;
    Floats best = load(gains, s);
    for (int layer = first; layer <= last; ++layer) {
      const Floats gain = 0 * z0 + trial.gain[static_cast<std::size_t>(layer)];
      for (int sign = layer == 0 ? 1 : -1; sign <= 1; sign += 2) {
        const float n3 = static_cast<float>(sign * layer);
        const Floats u = u0 - n3 * trial.cu, v = v0 - n3 * trial.cv;
        const Floats n1 = (u + k_whole) - k_whole, n2 = (v + k_whole) - k_whole;
        const Floats du = u - n1, dv = v - n2;
        const Floats x = du * a.x + dv * b.x, y = du * a.y + dv * b.y;
        const Floats z = z0 - n3 * trial.c.z - n1 * a.z - n2 * b.z;
        const Floats square = n1 * n1 + n2 * n2 + n3 * n3, off = x * x + y * y;
        const Masks explained = (off < square * slope + tolerance2) & (off < widest) &
                                (z * z < square * 0.0003F + 0.0004F) & (square < highest);
        choose(explained & (gain > best), gain, best);
      }
    }
    store(gains, s) = best;
  }
}

BL_INLINE void first_layer_body(const Points& points, const PlaneCoordinates& plane, const Trial& trial,
                                Lane& gains) {
  gains.fill(0);
  layers_body(points, plane, trial, 0, 0, gains);
}

BL_INLINE float all_layers_body(const Points& points, const PlaneCoordinates& plane, const Trial& trial,
                                const Lane& first) {
  alignas(32) Lane gains = first;
  layers_body(points, plane, trial, 1, k_layers, gains);
  float sum = 0;
  for (std::size_t s = 0; s < points.count; ++s) sum += gains[s] > 0 ? gains[s] : k_lost;
  return sum;
}

BL_INLINE void index_body(const Points& points, const Basis& basis, const Window& window, Indices& out) {
  const auto [x0, x1, x2] = basis.x;
  const auto [y0, y1, y2] = basis.y;
  const auto [z0, z1, z2] = basis.z;
  const float inverse = 1 / (x0 * y1 - x1 * y0);
  for (std::size_t s = 0; s < k_lattice_spots; s += k_width) {
    const Floats px = load(points.x, s), py = load(points.y, s), pz = load(points.z, s),
                 q2 = load(points.q2, s);
    const Floats zero = 0 * q2, tolerance2 = zero + window.tolerance2,
                 tolerance_z2 = zero + window.tolerance_z2;
    const Masks near = q2 < zero + window.reach2;
    Floats best = zero + k_unindexed, best1 = zero, best2 = zero, best3 = zero;
    for (int layer = -window.layers; layer <= window.layers; ++layer) {
      const float n3 = static_cast<float>(layer);
      const Floats x = px - n3 * x2, y = py - n3 * y2;
      const Floats n1 = ((x * y1 - y * x1) * inverse + k_whole) - k_whole;
      const Floats n2 = ((x0 * y - y0 * x) * inverse + k_whole) - k_whole;
      const Floats dx = x - n1 * x0 - n2 * x1, dy = y - n1 * y0 - n2 * y1;
      const Floats dz = pz - n1 * z0 - n2 * z1 - n3 * z2;
      const Floats off = dx * dx + dy * dy, off_z = dz * dz;
      // Of several indices that fit, small ones are likelier.
      const Floats cost =
          off * window.weight_xy + off_z * window.weight_z + 0.02F * (n1 * n1 + n2 * n2 + n3 * n3);
      const Masks better = near & (off < tolerance2) & (off_z < tolerance_z2) & (cost < best);
      choose(better, cost, best), choose(better, n1, best1), choose(better, n2, best2);
      choose(better, zero + n3, best3);
    }
    store(out.cost, s) = best;
    store(out.n1, s) = best1, store(out.n2, s) = best2, store(out.n3, s) = best3;
    store(out.dx, s) = px - best1 * x0 - best2 * x1 - best3 * x2;
    store(out.dy, s) = py - best1 * y0 - best2 * y1 - best3 * y2;
    store(out.dz, s) = pz - best1 * z0 - best2 * z1 - best3 * z2;
  }
}

// The four functions of one instruction set.
#define BL_LATTICE_KERNELS(NAME, TARGET)                                                                    \
  struct NAME {                                                                                             \
    TARGET static void plane(const Points& p, const Trial& t, PlaneCoordinates& o) { plane_body(p, t, o); } \
    TARGET static void first_layer(const Points& p, const PlaneCoordinates& c, const Trial& t, Lane& g) {   \
      first_layer_body(p, c, t, g);                                                                         \
    }                                                                                                       \
    TARGET static float all_layers(const Points& p, const PlaneCoordinates& c, const Trial& t,              \
                                   const Lane& f) {                                                         \
      return all_layers_body(p, c, t, f);                                                                   \
    }                                                                                                       \
    TARGET static void index(const Points& p, const Basis& b, const Window& w, Indices& o) {                \
      index_body(p, b, w, o);                                                                               \
    }                                                                                                       \
  }
BL_LATTICE_KERNELS(Plain, );
#ifdef BL_SIMD_X86
BL_LATTICE_KERNELS(Avx2, BL_LATTICE_AVX2);
#endif
#undef BL_LATTICE_KERNELS

template <class Set>
LatticeKernels table_of() {
  return {Set::plane, Set::first_layer, Set::all_layers, Set::index};
}

}  // namespace

LatticeKernels lattice_kernels(InstructionSet set) noexcept {
#ifdef BL_SIMD_X86
  if (set != InstructionSet::plain && detail::has(InstructionSet::avx2)) return table_of<Avx2>();
#endif
  static_cast<void>(set);
  return table_of<Plain>();
}

}  // namespace bragglive::indexing
