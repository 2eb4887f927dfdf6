#include "core/features/lattice_kernels.hpp"

#include <cmath>
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

BL_INLINE float sum_of(const Floats& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

// Gains of eight spots from s on in the layers first..last of n3, both signs, where they are more than `best`
// holds. The basis is as uncertain as its spots: what lies at high indices may be farther off.
BL_INLINE void layers_body(const Points& points, const PlaneCoordinates& plane, const Trial& trial,
                           std::size_t s, int first, int last, Floats& best) {
  const Vector a = trial.a, b = trial.b;
  const float tolerance2 = trial.tolerance2, slope = 0.15F * tolerance2;
  const Floats u0 = load(plane.u, s), v0 = load(plane.v, s), z0 = load(points.z, s);
  const Floats widest = 0 * z0 + 2 * tolerance2, highest = 0 * z0 + k_highest;
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
                              (z * z < square * k_height_slope + k_height) & (square < highest);
      choose(explained & (gain > best), gain, best);
    }
  }
}

// 1 for every place that has a spot.
BL_INLINE void spots_of(const Points& points, std::size_t s, Floats& out) {
  const Floats none{};
  out = none;
  choose(load(points.q2, s) < none + k_far, none + 1, out);
}

BL_INLINE void first_layer_body(const Points& points, const PlaneCoordinates& plane, const Trial& trial,
                                FirstLayer& out) {
  const Floats none{};
  out.most[k_blocks] = 0;
  for (std::size_t block = k_blocks; block-- > 0;) {
    Floats gain = none, there;
    layers_body(points, plane, trial, block * k_width, 0, 0, gain);
    store(out.gain, block * k_width) = gain;
    choose(gain < none + trial.gain[1], none + trial.gain[1], gain);
    spots_of(points, block * k_width, there);
    out.most[block] = out.most[block + 1] + sum_of(gain * there);
  }
}

BL_INLINE float all_layers_body(const Points& points, const PlaneCoordinates& plane, const Trial& trial,
                                const FirstLayer& first, float enough) {
  const Floats none{};
  float sum = 0;
  for (std::size_t block = 0; block < k_blocks; ++block) {
    if (sum + first.most[block] <= enough) return sum + first.most[block];
    Floats gain = load(first.gain, block * k_width), there;
    layers_body(points, plane, trial, block * k_width, 1, k_layers, gain);
    choose(gain <= none, none + k_lost, gain);
    spots_of(points, block * k_width, there);
    sum += sum_of(gain * there);
  }
  return sum;
}

BL_INLINE IndexSums index_body(const Points& points, const Basis& basis, const Window& window) {
  const auto [x0, x1, x2] = basis.x;
  const auto [y0, y1, y2] = basis.y;
  const auto [z0, z1, z2] = basis.z;
  const LayerWindow layers(basis, window);
  const float inverse = layers.inverse, highest = layers.highest;
  const Floats none{};
  Floats count = none, n11 = none, n12 = none, n13 = none, n22 = none, n23 = none, n33 = none, zz = none,
         dxy2 = none, dz2 = none, gx1 = none, gx2 = none, gx3 = none, gy1 = none, gy2 = none, gy3 = none,
         gz1 = none, gz2 = none, gz3 = none;
  // The order in which sixteen lanes and then the last eight would be added up.
  for (const std::size_t s : {std::size_t{0}, 2 * k_width, k_width}) {
    if (points.q2[s] >= window.reach2) continue;
    const Floats px = load(points.x, s), py = load(points.y, s), pz = load(points.z, s),
                 q2 = load(points.q2, s);
    const Masks inside = q2 < none + window.reach2;
    Floats layer = none;
    if (layers.some) {
      layer = (((pz - px * layers.slope_x - py * layers.slope_y) * layers.per_step) + k_whole) - k_whole;
      choose(layer > none + highest, none + highest, layer);
      choose(layer < none - highest, none - highest, layer);
    }
    Floats best = none + k_unindexed, best1 = none, best2 = none, best3 = none;
    for (int side = -layers.sides; side <= layers.sides; ++side) {
      const Floats n3 = layer + static_cast<float>(side);
      const Floats x = px - n3 * x2, y = py - n3 * y2;
      const Floats n1 = ((x * y1 - y * x1) * inverse + k_whole) - k_whole;
      const Floats n2 = ((x0 * y - y0 * x) * inverse + k_whole) - k_whole;
      const Floats dx = x - n1 * x0 - n2 * x1, dy = y - n1 * y0 - n2 * y1;
      const Floats dz = pz - n1 * z0 - n2 * z1 - n3 * z2;
      const Floats off = dx * dx + dy * dy, off_z = dz * dz;
      const Floats cost =
          off * window.weight_xy + off_z * window.weight_z + k_cost_of_index * (n1 * n1 + n2 * n2 + n3 * n3);
      const Masks better = inside & (off < none + window.tolerance2) & (off_z < none + window.tolerance_z2) &
                           (n3 * n3 < none + (highest * highest + 0.5F)) & (cost < best);
      choose(better, cost, best), choose(better, n1, best1), choose(better, n2, best2);
      choose(better, n3, best3);
    }
    // A spot without indices has n = 0 and adds nothing but to what is masked.
    const Masks indexed = best < none + k_unindexed;
    Floats one = none, z = none, dx = none, dy = none, dz = none;
    choose(indexed, none + 1, one), choose(indexed, pz, z);
    choose(indexed, px - best1 * x0 - best2 * x1 - best3 * x2, dx);
    choose(indexed, py - best1 * y0 - best2 * y1 - best3 * y2, dy);
    choose(indexed, pz - best1 * z0 - best2 * z1 - best3 * z2, dz);
    count += one, zz += z * z, dxy2 += dx * dx + dy * dy, dz2 += dz * dz;
    n11 += best1 * best1, n12 += best1 * best2, n13 += best1 * best3;
    n22 += best2 * best2, n23 += best2 * best3, n33 += best3 * best3;
    gx1 += px * best1, gx2 += px * best2, gx3 += px * best3;
    gy1 += py * best1, gy2 += py * best2, gy3 += py * best3;
    gz1 += pz * best1, gz2 += pz * best2, gz3 += pz * best3;
  }
  IndexSums out;
  out.count = sum_of(count), out.zz = sum_of(zz), out.dxy2 = sum_of(dxy2), out.dz2 = sum_of(dz2);
  out.nn = {sum_of(n11), sum_of(n12), sum_of(n13), sum_of(n22), sum_of(n23), sum_of(n33)};
  out.gn[0] = {sum_of(gx1), sum_of(gx2), sum_of(gx3)};
  out.gn[1] = {sum_of(gy1), sum_of(gy2), sum_of(gy3)};
  out.gn[2] = {sum_of(gz1), sum_of(gz2), sum_of(gz3)};
  return out;
}

// The four functions of one instruction set.
#define BL_LATTICE_KERNELS(NAME, TARGET)                                                                    \
  struct NAME {                                                                                             \
    TARGET static void plane(const Points& p, const Trial& t, PlaneCoordinates& o) { plane_body(p, t, o); } \
    TARGET static void first_layer(const Points& p, const PlaneCoordinates& c, const Trial& t,              \
                                   FirstLayer& f) {                                                         \
      first_layer_body(p, c, t, f);                                                                         \
    }                                                                                                       \
    TARGET static float all_layers(const Points& p, const PlaneCoordinates& c, const Trial& t,              \
                                   const FirstLayer& f, float e) {                                          \
      return all_layers_body(p, c, t, f, e);                                                                \
    }                                                                                                       \
    TARGET static IndexSums index(const Points& p, const Basis& b, const Window& w) {                       \
      return index_body(p, b, w);                                                                           \
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
  const bool wide = set == InstructionSet::avx512 || set == InstructionSet::best;
  if (wide && detail::has(InstructionSet::avx512))
    return {Avx2::plane, Avx2::first_layer, all_layers_avx512, index_avx512};
  if (set != InstructionSet::plain && detail::has(InstructionSet::avx2)) return table_of<Avx2>();
#endif
  static_cast<void>(set);
  return table_of<Plain>();
}

}  // namespace bragglive::indexing
