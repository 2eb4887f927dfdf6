#include "core/features/index_lattice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/features/lattice_kernels.hpp"
#include "core/features/lattice_refinement.hpp"
#include "core/features/nearest_whole.hpp"

namespace bragglive::indexing {
namespace {

constexpr std::size_t k_vectors = 16;  // short vectors that form triples
constexpr std::size_t k_refined = 10;  // best triples that are refined

struct ShortVectors {
  std::array<Vector, k_vectors> at;
  std::size_t count = 0;
};

// Averages vectors that are the same or opposite within the tolerance; keeps the first, shortest ones.
class VectorGroups {
 public:
  explicit VectorGroups(float tolerance) : near2_(2.25F * tolerance * tolerance) {}
  bool full() const { return count_ == k_vectors; }
  float longest2() const { return mean_[count_ - 1].square(); }

  void add(const Vector& v) {
    for (std::size_t k = 0; k < count_; ++k) {
      const float sign = dot(mean_[k], v) < 0 ? -1.0F : 1.0F;
      const float dx = mean_[k].x - sign * v.x, dy = mean_[k].y - sign * v.y;
      if (dx * dx + dy * dy > near2_) continue;
      Vector& sum = sum_[k];
      sum = {sum.x + sign * v.x, sum.y + sign * v.y, sum.z + sign * v.z};
      members_[k] += 1;
      mean_[k] = {sum.x / members_[k], sum.y / members_[k], sum.z / members_[k]};
      return;
    }
    if (full()) return;
    sum_[count_] = mean_[count_] = v;
    members_[count_++] = 1;
  }
  ShortVectors means() const {
    ShortVectors out;
    out.count = count_;
    std::copy_n(mean_.begin(), count_, out.at.begin());
    return out;
  }

 private:
  std::array<Vector, k_vectors> sum_, mean_;
  std::array<float, k_vectors> members_;
  std::size_t count_ = 0;
  float near2_;
};

// Inner spots and their differences, shortest first: all are lattice vectors.
ShortVectors short_vectors(const Points& points, float tolerance) {
  constexpr std::size_t k_inner = 16, k_all = k_inner * (k_inner + 1) / 2;
  constexpr float k_shortest = 0.045F;  // 22 Å: closer spots are one spot found twice
  std::array<Vector, k_all> all;
  std::array<std::uint64_t, k_all> by_length;  // bits of the squared length, which sort as it does; number
  std::size_t count = 0;
  const auto add = [&](const Vector& v) {
    if (v.square() < k_shortest * k_shortest) return;
    by_length[count] = std::uint64_t{std::bit_cast<std::uint32_t>(v.square())} << 32U | count;
    all[count++] = v;
  };
  for (std::size_t i = 0; i < std::min(k_inner, points.count); ++i) {
    add({points.x[i], points.y[i], points.z[i]});
    for (std::size_t j = 0; j < i; ++j)
      add({points.x[i] - points.x[j], points.y[i] - points.y[j], points.z[i] - points.z[j]});
  }
  std::sort(by_length.begin(), by_length.begin() + static_cast<std::ptrdiff_t>(count));
  VectorGroups groups(tolerance);
  for (std::size_t i = 0; i < count; ++i) {
    // Longer than all by more than the tolerance: nothing further can join a group.
    const Vector& v = all[by_length[i] & 0xFFFFU];
    if (groups.full() && v.square() > 1.2F * groups.longest2() + 0.01F) break;
    groups.add(v);
  }
  return groups.means();
}

struct Triple {
  float score = 0;
  std::array<std::size_t, 3> vector{};
};
struct BestTriples {
  std::array<Triple, k_refined> at;
  std::size_t count = 0;
  float enough() const { return count < k_refined ? -1e9F : at[count - 1].score; }
  void offer(const Triple& triple) {
    if (triple.score <= enough()) return;
    std::size_t place = count < k_refined ? count++ : count - 1;
    for (; place > 0 && at[place - 1].score < triple.score; --place) at[place] = at[place - 1];
    at[place] = triple;
  }
};

// Gain = -ln(chance that a spot anywhere would be explained with |n3| or less).
void set_gains(float area, Trial& trial) {
  constexpr float k_pi = 3.1415927F, k_height = 0.7F;  // share of the layers' points that the height admits
  const float chance = k_pi * trial.tolerance2 / std::abs(area);
  for (int m = 0; m <= k_layers; ++m)
    trial.gain[static_cast<std::size_t>(m)] =
        -std::log(std::min(0.9F, chance * k_height * static_cast<float>(1 + 2 * m)));
}

constexpr float k_largest_cell = 8000;  // Å³: twice what is accepted, since the heights are rough

BestTriples search_triples(const Points& points, const ShortVectors& vectors, float tolerance,
                           const LatticeKernels& run) {
  BestTriples best;
  Trial trial;
  trial.tolerance2 = 4 * tolerance * tolerance;
  PlaneCoordinates plane;
  FirstLayer first;
  for (std::size_t i = 0; i < vectors.count; ++i) {
    for (std::size_t j = i + 1; j < vectors.count; ++j) {
      trial.a = vectors.at[i], trial.b = vectors.at[j];
      // Reduced pairs only: where a ± b is shorter than b it stands for the same plane lattice.
      if (std::abs(dot(trial.a, trial.b)) > 0.55F * std::min(trial.a.square(), trial.b.square())) continue;
      const float area = cross(trial.a, trial.b);
      set_gains(area, trial);
      trial.c = {0, 0, 0}, trial.cu = trial.cv = 0;
      run.plane(points, trial, plane);
      run.first_layer(points, plane, trial, first);
      if (first.most[0] <= best.enough()) continue;
      for (std::size_t k = j + 1; k < vectors.count; ++k) {
        trial.c = vectors.at[k];
        trial.cu = cross(trial.c, trial.b) / area, trial.cv = cross(trial.a, trial.c) / area;
        const float du = trial.cu - nearest_whole(trial.cu), dv = trial.cv - nearest_whole(trial.cv);
        const Vector off{du * trial.a.x + dv * trial.b.x, du * trial.a.y + dv * trial.b.y, 0};
        if (off.square() < trial.tolerance2) continue;  // in the plane lattice of a and b
        const float step = trial.c.z - trial.cu * trial.a.z - trial.cv * trial.b.z;
        if (std::abs(area * step) * k_largest_cell < 1) continue;
        best.offer({run.all_layers(points, plane, trial, first, best.enough()), {i, j, k}});
      }
    }
  }
  return best;
}

// The strongest ones, innermost first.
void take_points(const SpotList& list, Points& out) {
  constexpr float k_reach = 1.7F;  // 1/Å: beyond, indices are too large to be sure of
  std::array<const Spot*, k_lattice_spots> taken;
  for (const Spot& spot : list.all()) {
    if (spot.q > k_reach) continue;
    taken[out.count] = &spot;
    if (++out.count == k_lattice_spots) break;
  }
  std::sort(taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(out.count),
            [](const Spot* a, const Spot* b) { return a->q < b->q; });
  out.x.fill(k_far), out.y.fill(k_far), out.z.fill(0), out.q2.fill(k_far);
  for (std::size_t i = 0; i < out.count; ++i) {
    const Spot& spot = *taken[i];
    out.x[i] = spot.x, out.y[i] = spot.y, out.z[i] = spot.z, out.q2[i] = spot.q * spot.q;
  }
}

}  // namespace

LatticeFit fit_lattice(const SpotList& list, double sigma) noexcept {
  Points points;
  take_points(list, points);
  LatticeFit best;
  best.spots = points.count;
  constexpr std::size_t k_fewest = 5;
  if (points.count < k_fewest) return best;
  const LatticeKernels run = lattice_kernels();
  const float tolerance = static_cast<float>(2 * sigma + 0.0015);
  const ShortVectors vectors = short_vectors(points, tolerance);
  const BestTriples triples = search_triples(points, vectors, tolerance, run);
  LatticeRefinement refinement(points, run, sigma);
  for (std::size_t t = 0; t < triples.count; ++t) {
    Basis basis{};
    for (std::size_t k = 0; k < 3; ++k) {
      const Vector& v = vectors.at[triples.at[t].vector[k]];
      basis.x[k] = v.x, basis.y[k] = v.y, basis.z[k] = v.z;
    }
    LatticeFit fit;
    if (refinement.refine(basis, fit) && (!best.found() || fit.merit > best.merit)) best = fit;
  }
  return best;
}

}  // namespace bragglive::indexing
