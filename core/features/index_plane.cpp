#include "core/features/index_plane.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/features/nearest_whole.hpp"

namespace bragglive::indexing {
namespace {

constexpr std::size_t k_figure_spots = 24;  // strongest that take part

struct Vector {
  float x = 0, y = 0;
  float square() const { return x * x + y * y; }
};
float cross(Vector a, Vector b) {
  return a.x * b.y - a.y * b.x;
}
float dot(Vector a, Vector b) {
  return a.x * b.x + a.y * b.y;
}

// Spots and differences of the innermost spots, shortest first, near-equal ones merged; opposite vectors are
// one.
class ShortVectors {
 public:
  static constexpr std::size_t k_most = 10;

  ShortVectors(const SpotList& list, float tolerance) {
    std::array<std::uint8_t, k_max_spots> order;
    const std::size_t n = std::min(k_figure_spots, list.size);
    for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint8_t>(i);
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n),
              [&](auto p, auto q) { return list.spots[p].square < list.spots[q].square; });
    constexpr std::size_t k_inner = 12;
    const std::size_t inner = std::min(k_inner, n);
    std::array<Vector, k_inner + k_inner*(k_inner - 1) / 2> all;
    std::size_t count = 0;
    for (std::size_t i = 0; i < inner; ++i) {
      const Spot& a = list.spots[order[i]];
      all[count++] = {a.x, a.y};
      for (std::size_t j = 0; j < i; ++j)
        all[count++] = {a.x - list.spots[order[j]].x, a.y - list.spots[order[j]].y};
    }
    std::sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
              [](Vector a, Vector b) { return a.square() < b.square(); });
    for (std::size_t i = 0; i < count && size_ < k_most; ++i) add(all[i], tolerance);
  }
  std::size_t size() const { return size_; }
  Vector at(std::size_t i) const { return {sum_[i].x / votes_[i], sum_[i].y / votes_[i]}; }

 private:
  void add(Vector v, float tolerance) {
    if (v.square() < 0.04F * 0.04F)
      return;  // closer than any two reflections of a 25 Å cell: one spot found twice
    for (std::size_t i = 0; i < size_; ++i) {
      const Vector mean = at(i);
      const float sign = dot(mean, v) < 0 ? -1.0F : 1.0F;
      const Vector off{mean.x - sign * v.x, mean.y - sign * v.y};
      if (off.square() > 4 * tolerance * tolerance) continue;
      sum_[i].x += sign * v.x;
      sum_[i].y += sign * v.y;
      votes_[i] += 1;
      return;
    }
    sum_[size_] = v;
    votes_[size_++] = 1;
  }
  std::array<Vector, k_most> sum_{};
  std::array<float, k_most> votes_{};
  std::size_t size_ = 0;
};

// Gauss reduction of a plane basis.
void reduce(Vector& a, Vector& b) {
  for (int step = 0; step < 20; ++step) {
    if (b.square() < a.square()) std::swap(a, b);
    const float m = nearest_whole(dot(a, b) / a.square());
    if (m == 0) return;
    b = {b.x - m * a.x, b.y - m * a.y};
  }
}

// The spots as rows of numbers, which a compiler turns into vectors.
class PlanePoints {
 public:
  explicit PlanePoints(const SpotList& list) {
    x_.fill(k_far), y_.fill(k_far);
    for (std::size_t i = 0; i < std::min(k_figure_spots, list.size); ++i)
      x_[i] = list.spots[i].x, y_[i] = list.spots[i].y;
  }
  // How many lie within a distance of the lattice of a and b.
  float explained(Vector a, Vector b, float distance2) const {
    const float inverse = 1 / cross(a, b);
    int hits = 0;
    for (std::size_t s = 0; s < k_figure_spots; ++s) {
      const float u = (x_[s] * b.y - y_[s] * b.x) * inverse, v = (a.x * y_[s] - a.y * x_[s]) * inverse;
      const float du = u - nearest_whole(u), dv = v - nearest_whole(v);
      const float x = du * a.x + dv * b.x, y = du * a.y + dv * b.y;
      hits += (x * x + y * y < distance2) & (x_[s] < k_far) ? 1 : 0;
    }
    return static_cast<float>(hits);
  }

 private:
  static constexpr float k_far = 100;  // 1/Å: no spot
  std::array<float, k_figure_spots> x_, y_;
};

void find_plane_cell(const SpotList& list, float tolerance, PlaneFeatures& out) {
  const ShortVectors vectors(list, tolerance);
  const PlanePoints points(list);
  const std::size_t n = std::min(k_figure_spots, list.size);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    for (std::size_t j = i + 1; j < vectors.size(); ++j) {
      Vector a = vectors.at(i), b = vectors.at(j);
      const float area = std::abs(cross(a, b));
      if (area < 0.2F * std::sqrt(a.square() * b.square())) continue;
      // A spot near a lattice point by chance; spots far out are measured against a basis that is itself
      // uncertain.
      const float chance = std::min(1.0F, 3.1416F * 4 * tolerance * tolerance / area);
      if (chance > 0.6F) continue;
      const float share = points.explained(a, b, 4 * tolerance * tolerance) / static_cast<float>(n);
      const float merit = (share - chance) / std::sqrt(chance * (1 - chance) / static_cast<float>(n));
      if (merit <= out.merit) continue;
      reduce(a, b);
      out.merit = merit;
      out.share = share;
      out.area = area;
      out.a = std::sqrt(a.square());
      out.b = std::sqrt(b.square());
      out.ratio = out.b / out.a;
      out.angle = std::acos(std::min(1.0F, std::abs(dot(a, b)) / (out.a * out.b))) * 57.29578F;
    }
  }
}

// Which spot lies at a place: a grid of cells, each spot entered in its own and the eight around it.
class SpotGrid {
 public:
  SpotGrid(std::span<const Spot> spots, float tolerance) : spots_(spots), tolerance2_(tolerance * tolerance) {
    for (std::size_t i = spots.size(); i-- > 0;) {  // the strongest last: it stays
      const int row = cell(spots[i].x), col = cell(spots[i].y);
      for (int r = std::max(0, row - 1); r <= std::min(k_side - 1, row + 1); ++r)
        for (int c = std::max(0, col - 1); c <= std::min(k_side - 1, col + 1); ++c)
          cells_[static_cast<std::size_t>(r * k_side + c)] = static_cast<std::uint8_t>(i + 1);
    }
  }
  // Share of the spots whose image is a spot; adds the intensity ratio of the pairs.
  struct Score {
    float share = 0, ratio = 0;
  };
  // Image of (x, y): (m00 x + m01 y, m10 x + m11 y).
  Score score(float m00, float m01, float m10, float m11) const {
    float hits = 0, ratio = 0;
    for (const Spot& spot : spots_) {
      const float x = m00 * spot.x + m01 * spot.y, y = m10 * spot.x + m11 * spot.y;
      const int row = cell(x), col = cell(y);
      if (row < 0 || col < 0 || row >= k_side || col >= k_side) continue;
      const std::uint8_t at = cells_[static_cast<std::size_t>(row * k_side + col)];
      if (at == 0) continue;
      const Spot& other = spots_[at - 1U];
      const float dx = other.x - x, dy = other.y - y;
      if (dx * dx + dy * dy > tolerance2_) continue;
      hits += 1;
      ratio += std::min(spot.intensity, other.intensity) / std::max(spot.intensity, other.intensity);
    }
    return {hits / static_cast<float>(spots_.size()), hits > 0 ? ratio / hits : 0};
  }
  Score rotation(float degrees) const {
    const float angle = degrees / 57.29578F, c = std::cos(angle), s = std::sin(angle);
    return score(c, -s, s, c);
  }
  // Mirror line along the unit vector (ux, uy).
  Score mirror(float ux, float uy) const {
    const float c = ux * ux - uy * uy, s = 2 * ux * uy;
    return score(c, s, s, -c);
  }

 private:
  static constexpr int k_side = 96;
  static constexpr float k_half = 2.96F;  // images of spots up to 2.05 along both axes stay positive
  static int cell(float v) { return static_cast<int>((v + k_half) * (k_side / (2 * k_half))); }
  std::span<const Spot> spots_;
  float tolerance2_;
  std::array<std::uint8_t, static_cast<std::size_t>(k_side) * k_side> cells_{};
};

// Mirror lines worth trying run along a strong spot or half-way between two spots of equal length.
void find_mirrors(const SpotGrid& grid, std::span<const Spot> spots, float tolerance, PlaneFeatures& out) {
  float first_x = 1, first_y = 0;
  std::array<Vector, 40> lines;
  std::size_t count = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(12, spots.size()); ++i) {
    const Spot& a = spots[i];
    lines[count++] = {a.x / a.q, a.y / a.q};
    for (std::size_t j = 0; j < i && count < lines.size(); ++j) {
      if (std::abs(a.q - spots[j].q) > tolerance) continue;
      const Vector sum{a.x + spots[j].x, a.y + spots[j].y};
      const float length = std::sqrt(sum.square());
      if (length > 0.1F * a.q) lines[count++] = {sum.x / length, sum.y / length};
    }
    if (count == lines.size()) break;
  }
  std::array<SpotGrid::Score, 40> scores;
  for (std::size_t i = 0; i < count; ++i) {
    scores[i] = grid.mirror(lines[i].x, lines[i].y);
    if (scores[i].share <= out.mirror) continue;
    out.mirror = scores[i].share;
    out.mirror_ratio = scores[i].ratio;
    first_x = lines[i].x;
    first_y = lines[i].y;
  }
  for (std::size_t i = 0; i < count; ++i)
    if (std::abs(first_x * lines[i].y - first_y * lines[i].x) > 0.17F)
      out.second_mirror = std::max(out.second_mirror, scores[i].share);
}

}  // namespace

void describe_plane(const SpotList& list, double sigma, PlaneFeatures& out) noexcept {
  out = {};
  const std::size_t n = std::min(k_figure_spots, list.size);
  if (n < 3) return;
  const float tolerance = static_cast<float>(0.002 + 2 * sigma);
  find_plane_cell(list, tolerance, out);
  const auto spots = list.all().first(n);
  const SpotGrid grid(spots, 2 * tolerance);
  const auto two = grid.score(-1, 0, 0, -1), three = grid.rotation(120), four = grid.rotation(90),
             six = grid.rotation(60);
  out.two_fold = two.share, out.two_fold_ratio = two.ratio;
  out.three_fold = three.share, out.three_fold_ratio = three.ratio;
  out.four_fold = four.share, out.four_fold_ratio = four.ratio;
  out.six_fold = six.share, out.six_fold_ratio = six.ratio;
  find_mirrors(grid, spots, tolerance, out);
}

}  // namespace bragglive::indexing
