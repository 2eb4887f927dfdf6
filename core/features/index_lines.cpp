#include "core/features/index_lines.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/features/index_families.hpp"

namespace bragglive::indexing {

void LineTable::fill(const SpotList& list) noexcept {
  bits_.fill(0);
  count_ = list.line_count;
  for (std::size_t i = 0; i < count_; ++i) {
    lines_[i] = list.lines[i];
    const float low = std::max(0.0F, lines_[i].square - lines_[i].tolerance),
                high = lines_[i].square + lines_[i].tolerance;
    const auto last = std::min(k_bins - 1, static_cast<std::size_t>(high * k_per_unit));
    for (auto bin = static_cast<std::size_t>(low * k_per_unit); bin <= last; ++bin) bits_[bin] |= 1U << i;
  }
}

namespace {

constexpr std::size_t k_seed_lines = 4;    // parameters are solved from pairs and triples of the lowest lines
constexpr std::size_t k_first_lines = 6;   // lines of the first, quick look
constexpr std::size_t k_kept = k_matches;  // candidates that get the full look
constexpr float k_smallest = 1.0F / (32.0F * 32.0F),
                k_largest = 1.0F / (1.9F * 1.9F);  // 1/d² of possible axes
constexpr float k_most_calculated = 4000;
constexpr float k_dense = 0.5F;  // lattices that would match so large a share by chance prove nothing

struct Candidate {
  std::array<float, 3> p{};
  float merit = 0;
};

float merit_of(float hits, float lines, float chance) {
  return (hits / lines - chance) / std::sqrt(chance * (1 - chance) / lines);
}

// Windows of the calculated lines as a share of the Q axis, thinned by their overlaps.
float chance_of(float calculated, float end, float tolerance) {
  const float x = calculated * 2 * tolerance / end;
  return std::max(1e-3F, x / (1 + 0.7F * x));  // close to 1 - exp(-x) up to x = 2
}

float mean_tolerance(const LineTable& table, std::size_t lines) {
  float sum = 0;
  for (std::size_t i = 0; i < lines; ++i) sum += table.line(i).tolerance;
  return sum / static_cast<float>(lines);
}

template <class Lattice>
class Search {
 public:
  explicit Search(const LineTable& table) : table_(table) {
    first_ = std::min(k_first_lines, table.count());
    first_end_ = table.end(first_);
    first_tolerance_ = mean_tolerance(table, first_);
    all_tolerance_ = mean_tolerance(table, table.count());
    // More lines than this and chance alone explains everything.
    dense_ = k_dense / (1 - 0.7F * k_dense) * first_end_ / (2 * first_tolerance_);
  }

  void offer(const std::array<float, 3>& p) {
    for (std::size_t k = 0; k < Lattice::k_free; ++k)
      if (!(p[k] > k_smallest && p[k] < k_largest)) return;
    if (Lattice::estimate(p.data(), first_end_) > 1.3F * dense_) return;
    std::uint32_t hits = 0;
    float calculated = 0;
    Lattice::rows(p.data(), first_end_, [&](const Row& row) {
      for (std::size_t i = 0; i < row.count; ++i) hits |= table_.at(row.base + row.step * row.n[i]);
      calculated += static_cast<float>(row.count);
      return calculated < dense_;
    });
    if (calculated >= dense_) return;
    hits &= (1U << first_) - 1;
    const float merit = merit_of(static_cast<float>(std::popcount(hits)), static_cast<float>(first_),
                                 chance_of(calculated, first_end_, first_tolerance_));
    keep({p, merit});
  }

  FamilyResult finish() {
    FamilyResult result;
    for (std::size_t i = 0; i < kept_count_; ++i) {
      Candidate candidate = kept_[i];
      for (const std::size_t lines : {(first_ + table_.count()) / 2, table_.count()})
        if (!refine(candidate, lines)) break;
      const LatticeMatch match = judge(candidate);
      bool is_new = match.merit > 0;
      for (std::size_t k = 0; k < result.count; ++k) {
        if (!same(match, result.match[k])) continue;
        is_new = false;
        if (match.merit > result.match[k].merit) result.match[k] = match;
      }
      if (is_new) result.match[result.count++] = match;
    }
    return result;
  }

 private:
  static bool same(const LatticeMatch& a, const LatticeMatch& b) {
    for (std::size_t k = 0; k < 3; ++k)
      if (std::abs(a.parameter[k] - b.parameter[k]) > 0.03F * b.parameter[k]) return false;
    return true;
  }

  void keep(const Candidate& candidate) {
    if (kept_count_ == k_kept && candidate.merit <= kept_[k_kept - 1].merit) return;
    for (std::size_t i = 0; i < kept_count_; ++i) {
      bool close = true;
      for (std::size_t k = 0; k < Lattice::k_free; ++k)
        close = close && std::abs(kept_[i].p[k] - candidate.p[k]) < 0.01F * kept_[i].p[k];
      if (!close) continue;
      if (candidate.merit <= kept_[i].merit) return;
      std::copy(kept_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                kept_.begin() + static_cast<std::ptrdiff_t>(kept_count_),
                kept_.begin() + static_cast<std::ptrdiff_t>(i));
      --kept_count_;
      break;
    }
    std::size_t at = std::min(kept_count_, k_kept - 1);
    kept_count_ = std::min(kept_count_ + 1, k_kept);
    for (; at > 0 && kept_[at - 1].merit < candidate.merit; --at) kept_[at] = kept_[at - 1];
    kept_[at] = candidate;
  }

  // Calls visit(row, place in it, measured lines) for calculated lines that meet a measured one; returns how
  // many there are.
  template <class Visit>
  float for_each_hit(const Candidate& candidate, std::size_t lines, Visit&& visit) const {
    float calculated = 0;
    Lattice::rows(candidate.p.data(), table_.end(lines), [&](const Row& row) {
      for (std::size_t i = 0; i < row.count; ++i)
        if (const std::uint32_t found = table_.at(row.base + row.step * row.n[i]); found != 0)
          visit(row, i, found);
      calculated += static_cast<float>(row.count);
      return calculated < k_most_calculated;
    });
    return calculated;
  }

  // Least squares of the matched lines among the first `lines`, weights 1 / tolerance².
  bool refine(Candidate& candidate, std::size_t lines) const {
    constexpr std::size_t n = Lattice::k_free;
    std::array<std::array<double, n + 1>, n> m{};
    const std::uint32_t mask = lines >= 32 ? ~0U : (1U << lines) - 1;
    for_each_hit(candidate, lines, [&](const Row& row, std::size_t i, std::uint32_t found) {
      const auto c = Lattice::coefficients(row, row.n[i]);
      for (std::uint32_t bits = found & mask; bits != 0; bits &= bits - 1) {
        const Line& line = table_.line(static_cast<std::size_t>(std::countr_zero(bits)));
        const double weight = 1 / (double{line.tolerance} * double{line.tolerance});
        for (std::size_t a = 0; a < n; ++a) {
          for (std::size_t b = 0; b < n; ++b) m[a][b] += weight * double{c[a]} * double{c[b]};
          m[a][n] += weight * double{c[a]} * double{line.square};
        }
      }
    });
    // Without lines that hold a parameter it stays where it was.
    for (std::size_t a = 0; a < n; ++a) {
      const double hold = 1e-6 * m[a][a] + 1e-9;
      m[a][a] += hold;
      m[a][n] += hold * double{candidate.p[a]};
    }
    for (std::size_t a = 0; a < n; ++a) {
      if (!(std::abs(m[a][a]) > 1e-12)) return false;
      for (std::size_t b = 0; b < n; ++b) {
        if (b == a) continue;
        const double factor = m[b][a] / m[a][a];
        for (std::size_t k = a; k <= n; ++k) m[b][k] -= factor * m[a][k];
      }
    }
    std::array<float, 3> p{};
    for (std::size_t a = 0; a < n; ++a) {
      p[a] = static_cast<float>(m[a][n] / m[a][a]);
      if (!(p[a] > k_smallest && p[a] < k_largest)) return false;
    }
    candidate.p = p;
    return true;
  }

  LatticeMatch judge(const Candidate& candidate) const {
    LatticeMatch match;
    const std::size_t lines = table_.count();
    std::array<float, k_max_lines> nearest;
    nearest.fill(1e9F);
    match.calculated =
        for_each_hit(candidate, lines, [&](const Row& row, std::size_t k, std::uint32_t found) {
          const float q = row.base + row.step * row.n[k];
          for (std::uint32_t bits = found; bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            nearest[i] = std::min(nearest[i], std::abs(q - table_.line(i).square) / table_.line(i).tolerance);
          }
        });
    float hits = 0, squares = 0;
    for (std::size_t i = 0; i < lines; ++i) {
      if (nearest[i] > 1) continue;
      hits += 1;
      squares += nearest[i] * nearest[i];
    }
    const auto n = static_cast<float>(lines);
    match.chance = chance_of(match.calculated, table_.end(lines), all_tolerance_);
    if (match.chance > 0.85F || hits < 1) return {};
    match.share = hits / n;
    match.residual = std::sqrt(squares / hits);
    match.merit = merit_of(hits, n, match.chance);
    match.parameter = candidate.p;
    if (Lattice::k_free == 1) match.parameter = {candidate.p[0], candidate.p[0], candidate.p[0]};
    if (Lattice::k_free == 2) match.parameter = {candidate.p[0], candidate.p[0], candidate.p[1]};
    if (Lattice::k_free == 3) std::sort(match.parameter.begin(), match.parameter.end(), std::greater<>());
    return match;
  }

  const LineTable& table_;
  std::size_t first_ = 0;
  float first_end_ = 0, first_tolerance_ = 0, all_tolerance_ = 0, dense_ = 0;
  std::array<Candidate, k_kept> kept_{};
  std::size_t kept_count_ = 0;
};

FamilyResult search_cubic(const LineTable& table) {
  Search<CubicFamily> search(table);
  for (std::size_t i = 0; i < std::min(k_seed_lines, table.count()); ++i)
    for (const int n : {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 24})
      search.offer({table.line(i).square / static_cast<float>(n), 0, 0});
  return search.finish();
}

struct Index2 {
  float n, l2;
};

template <class Lattice>
FamilyResult search_uniaxial(const LineTable& table, std::span<const Index2> low) {
  Search<Lattice> search(table);
  const std::size_t seeds = std::min(k_seed_lines, table.count());
  for (std::size_t i = 0; i < seeds; ++i) {
    for (std::size_t j = i + 1; j < seeds; ++j) {
      const float qi = table.line(i).square, qj = table.line(j).square;
      for (const Index2& a : low) {
        for (const Index2& b : low) {
          const float det = a.n * b.l2 - b.n * a.l2;
          if (det == 0) continue;
          search.offer({(qi * b.l2 - qj * a.l2) / det, (a.n * qj - b.n * qi) / det, 0});
        }
      }
    }
  }
  return search.finish();
}

constexpr std::array<Index2, 13> k_tetragonal_low = {
    {{1, 0}, {2, 0}, {4, 0}, {5, 0}, {0, 1}, {0, 4}, {1, 1}, {1, 4}, {2, 1}, {2, 4}, {1, 9}, {4, 1}, {5, 1}}};
constexpr std::array<Index2, 12> k_hexagonal_low = {
    {{1, 0}, {3, 0}, {4, 0}, {0, 1}, {0, 4}, {1, 1}, {1, 4}, {1, 9}, {3, 1}, {3, 4}, {4, 1}, {0, 9}}};
constexpr std::array<Index2, 13> k_rhombohedral_low = {{{3, 0},
                                                        {0, 9},
                                                        {1, 1},
                                                        {1, 4},
                                                        {1, 16},
                                                        {4, 1},
                                                        {4, 4},
                                                        {1, 25},
                                                        {3, 9},
                                                        {7, 1},
                                                        {7, 4},
                                                        {0, 36},
                                                        {9, 0}}};

// Axes are lines, quarters of lines, or what is left of a line when another axis is taken off.
FamilyResult search_orthorhombic(const LineTable& table) {
  Search<OrthorhombicFamily> search(table);
  std::array<float, 64> axis{};
  std::size_t axes = 0;
  const std::size_t seeds = std::min<std::size_t>(4, table.count());
  const auto add = [&](float value) {
    if (!(value > k_smallest && value < k_largest) || axes == axis.size()) return;
    for (std::size_t k = 0; k < axes; ++k)
      if (std::abs(axis[k] - value) < 0.02F * value) return;
    axis[axes++] = value;
  };
  for (std::size_t i = 0; i < seeds; ++i) add(table.line(i).square), add(table.line(i).square / 4);
  for (std::size_t i = 0; i < seeds; ++i)
    for (std::size_t j = i + 1; j < seeds; ++j) add(table.line(j).square - table.line(i).square);
  axes = std::min<std::size_t>(axes, 12);
  for (std::size_t a = 0; a < axes; ++a)
    for (std::size_t b = a; b < axes; ++b)
      for (std::size_t c = b; c < axes; ++c) search.offer({axis[a], axis[b], axis[c]});
  return search.finish();
}

}  // namespace

FamilyResult search_family(const LineTable& table, Family family) noexcept {
  constexpr std::size_t k_fewest = 4;
  if (table.count() < k_fewest) return {};
  switch (family) {
    case Family::cubic:
      return search_cubic(table);
    case Family::tetragonal:
      return search_uniaxial<TetragonalFamily>(table, k_tetragonal_low);
    case Family::hexagonal:
      return search_uniaxial<HexagonalFamily>(table, k_hexagonal_low);
    case Family::rhombohedral:
      return search_uniaxial<RhombohedralFamily>(table, k_rhombohedral_low);
    case Family::orthorhombic:
      return search_orthorhombic(table);
  }
  return {};
}

}  // namespace bragglive::indexing
