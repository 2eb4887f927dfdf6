#include "core/phases/phase_matcher.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bragglive {
namespace {

using namespace phases;

constexpr float k_shape = 0.05F;          // 1/Å: a reflection farther off the Ewald sphere is not seen
constexpr float k_shape_width = 0.012F;   // 1/Å: fall of the intensity off the sphere
constexpr float k_height_error = 0.015F;  // 1/Å: how well a spot's height on the sphere is known
constexpr float k_weak = 1e-2F;           // amplitude below which a reflection counts as forbidden
constexpr std::size_t k_seeds = 7;        // strongest spots that make pairs
constexpr std::size_t k_kept = 3;         // rotations that are refined
constexpr std::size_t k_coarse = 14;      // spots that score a rotation before it is refined
constexpr int k_rotations = 600;          // tried at most
constexpr float k_coarse_stretch = 0.004F;

// Gauss elimination of a symmetric positive system of four; false when it is singular.
bool solve4(std::array<std::array<double, 5>, 4>& m) {
  for (std::size_t i = 0; i < 4; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < 4; ++r)
      if (std::abs(m[r][i]) > std::abs(m[pivot][i])) pivot = r;
    std::swap(m[i], m[pivot]);
    if (std::abs(m[i][i]) < 1e-12) return false;
    for (std::size_t r = 0; r < 4; ++r) {
      if (r == i) continue;
      const double f = m[r][i] / m[i][i];
      for (std::size_t c = i; c < 5; ++c) m[r][c] -= f * m[i][c];
    }
  }
  for (std::size_t i = 0; i < 4; ++i) m[i][4] /= m[i][i];
  return true;
}

}  // namespace

// What a spot was taken for.
struct PhaseMatcher::Assigned {
  std::array<std::int8_t, MatchSpots::k_max> matched{};
  std::array<Vec, MatchSpots::k_max> g{};  // in the crystal's frame
  std::array<float, MatchSpots::k_max> amplitude{}, distance2{};
};

PhaseMatcher::PhaseMatcher(const Phase& phase, const MatchSettings& settings)
    : sigma_(static_cast<float>(settings.sigma)),
      stretch_(static_cast<float>(settings.stretch)),
      wavelength_(static_cast<float>(settings.wavelength)) {
  const auto& b = phase.reciprocal;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k) reciprocal_[k * 3 + i] = static_cast<float>(b[i * 3 + k]);
  const double volume = b[0] * (b[4] * b[8] - b[5] * b[7]) - b[1] * (b[3] * b[8] - b[5] * b[6]) +
                        b[2] * (b[3] * b[7] - b[4] * b[6]);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t p = (i + 1) % 3, q = (i + 2) % 3;
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t m = (k + 1) % 3, n = (k + 2) % 3;
      direct_[i * 3 + k] =
          static_cast<float>((b[p * 3 + m] * b[q * 3 + n] - b[p * 3 + n] * b[q * 3 + m]) / volume);
    }
  }
  for (const PhaseReflection& r : phase.reflections) {
    reach_[0] = std::max(reach_[0], std::abs(int{r.h}));
    reach_[1] = std::max(reach_[1], std::abs(int{r.k}));
    reach_[2] = std::max(reach_[2], std::abs(int{r.l}));
  }
  table_.assign(
      std::size_t(2 * reach_[0] + 1) * std::size_t(2 * reach_[1] + 1) * std::size_t(2 * reach_[2] + 1), 0);
  std::vector<std::pair<Reflection, bool>> all;
  for (const PhaseReflection& r : phase.reflections) {
    const Vec g = rotate(reciprocal_, {float(r.h), float(r.k), float(r.l)});
    const float amplitude = std::sqrt(r.strength);
    const std::size_t at =
        (std::size_t(r.h + reach_[0]) * std::size_t(2 * reach_[1] + 1) + std::size_t(r.k + reach_[1])) *
            std::size_t(2 * reach_[2] + 1) +
        std::size_t(r.l + reach_[2]);
    table_[at] = std::max(amplitude, 1e-6F);
    all.push_back(
        {{g.x, g.y, g.z, std::sqrt(dot(g, g)), amplitude}, r.representative != 0 && amplitude > k_weak});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& p, const auto& q) { return p.first.g < q.first.g; });
  for (const auto& [reflection, stands] : all) {
    if (stands) representatives_.push_back(static_cast<std::uint32_t>(reflections_.size()));
    reflections_.push_back(reflection);
  }
}

float PhaseMatcher::amplitude_at(int h, int k, int l) const noexcept {
  if (std::abs(h) > reach_[0] || std::abs(k) > reach_[1] || std::abs(l) > reach_[2]) return 0;
  return table_[(std::size_t(h + reach_[0]) * std::size_t(2 * reach_[1] + 1) + std::size_t(k + reach_[1])) *
                    std::size_t(2 * reach_[2] + 1) +
                std::size_t(l + reach_[2])];
}

// Share of the spots that lie on lattice points, half by number and half by weight. With `assigned`: all
// spots, and to which point each belongs; else the strongest only.
float PhaseMatcher::score(const Matrix& rotation, float scale, const MatchSpots& spots,
                          Assigned* assigned) const noexcept {
  const std::size_t count = assigned ? spots.size : std::min(spots.size, k_coarse);
  const float stretch = assigned ? 0.001F : k_coarse_stretch, each = 1 / static_cast<float>(count);
  float weights = 0, sum = 0;
  for (std::size_t i = 0; i < count; ++i) weights += spots.weight[i];
  for (std::size_t i = 0; i < count; ++i) {
    if (assigned) assigned->matched[i] = 0;
    const Vec v = rotate_back(rotation, {spots.x[i] / scale, spots.y[i] / scale, spots.z[i]});
    const Vec f = rotate(direct_, v);
    const float h = std::nearbyint(f.x), k = std::nearbyint(f.y), l = std::nearbyint(f.z);
    if (!(std::abs(h) < 128 && std::abs(k) < 128 && std::abs(l) < 128)) continue;
    const float amplitude = amplitude_at(int(h), int(k), int(l));
    if (amplitude == 0) continue;
    const Vec g = rotate(reciprocal_, {h, k, l});
    const Vec off = rotate(rotation, {v.x - g.x, v.y - g.y, v.z - g.z});
    const float tolerance = k_widths * sigma_ + stretch * spots.q[i];
    const float distance2 = (off.x * off.x + off.y * off.y) / (tolerance * tolerance);
    if (distance2 > 1 || std::abs(off.z) > k_shape) continue;
    const float value = (1 - 0.5F * distance2) * (amplitude > k_weak ? 1.F : 0.4F);
    sum += value * 0.5F * (each + spots.weight[i] / weights);
    if (!assigned) continue;
    assigned->matched[i] = 1;
    assigned->g[i] = g;
    assigned->amplitude[i] = amplitude;
    assigned->distance2[i] = off.x * off.x + off.y * off.y;
  }
  return sum;
}

std::pair<std::size_t, std::size_t> PhaseMatcher::shell(float g, float width) const {
  const auto by_length = [](const Reflection& r, float length) { return r.g < length; };
  const auto first = std::lower_bound(reflections_.begin(), reflections_.end(), g - width, by_length);
  const auto last = std::lower_bound(first, reflections_.end(), g + width, by_length);
  return {std::size_t(first - reflections_.begin()), std::size_t(last - reflections_.begin())};
}

void PhaseMatcher::search_pair(const MatchSpots& spots, std::size_t i, std::size_t j,
                               std::span<Candidate> best, int& left) const noexcept {
  const Vec a{spots.x[i], spots.y[i], spots.z[i]}, b{spots.x[j], spots.y[j], spots.z[j]};
  const float la = std::sqrt(dot(a, a)), lb = std::sqrt(dot(b, b)), product = dot(a, b);
  const auto laboratory = frame_of(a, b);
  const float wa = tolerance(la), wb = tolerance(lb);
  const auto [second_first, second_last] = shell(lb, wb);
  const auto by_length = [&](std::uint32_t r, float length) { return reflections_[r].g < length; };
  for (auto r = std::lower_bound(representatives_.begin(), representatives_.end(), la - wa, by_length);
       r != representatives_.end() && reflections_[*r].g < la + wa; ++r) {
    const Reflection& p = reflections_[*r];
    for (std::size_t s = second_first; s < second_last; ++s) {
      const Reflection& q = reflections_[s];
      if (q.amplitude < k_weak) continue;
      const float scale = (la + lb) / (p.g + q.g);
      if (std::abs(scale - 1) > stretch_ + 0.006F) continue;
      const float expected = (p.x * q.x + p.y * q.y + p.z * q.z) * scale * scale;
      if (std::abs(expected - product) > k_widths * sigma_ * (la + lb) * 0.8F) continue;
      if (left-- <= 0) return;
      const auto crystal = frame_of({p.x, p.y, p.z}, {q.x, q.y, q.z});
      Candidate found;
      for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t col = 0; col < 3; ++col) {
          float sum = 0;
          for (std::size_t k = 0; k < 3; ++k) {
            const Vec l = laboratory[k], c = crystal[k];
            sum += (row == 0 ? l.x : row == 1 ? l.y : l.z) * (col == 0 ? c.x : col == 1 ? c.y : c.z);
          }
          found.rotation[row * 3 + col] = sum;
        }
      found.score = score(found.rotation, scale, spots, nullptr);
      std::size_t at = best.size();
      while (at > 0 && best[at - 1].score < found.score) --at;
      if (at == best.size()) continue;
      std::move_backward(best.begin() + std::ptrdiff_t(at), best.end() - 1, best.end());
      best[at] = found;
    }
  }
}

// Rotation and scale that bring the matched reflections closest to their spots; returns the scale.
float PhaseMatcher::refine(Matrix& rotation, const MatchSpots& spots) const noexcept {
  float scale = 1;
  Assigned assigned;
  for (int step = 0; step < 3; ++step) {
    // The first look still allows for a scale that is off.
    score(rotation, scale, spots, &assigned);
    std::array<std::array<double, 5>, 4> m{};
    int used = 0;
    for (std::size_t i = 0; i < spots.size; ++i) {
      if (!assigned.matched[i]) continue;
      ++used;
      const Vec g = rotate(rotation, times(assigned.g[i], scale));
      // d(g)/dω = ω × g, d(g)/ds = g / s; the three rows are weighted by the errors of x, y and z.
      const double jacobian[3][4] = {{0, g.z, -g.y, g.x}, {-g.z, 0, g.x, g.y}, {g.y, -g.x, 0, 0}};
      const double rest[3] = {spots.x[i] - g.x, spots.y[i] - g.y, spots.z[i] - g.z};
      const double weight[3] = {1, 1, double(sigma_ * sigma_ / (k_height_error * k_height_error))};
      for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t p = 0; p < 4; ++p) {
          for (std::size_t q = 0; q < 4; ++q) m[p][q] += weight[c] * jacobian[c][p] * jacobian[c][q];
          m[p][4] += weight[c] * jacobian[c][p] * rest[c];
        }
    }
    if (used < 2) return scale;
    for (std::size_t p = 0; p < 3; ++p) m[p][p] += 1e-4;
    m[3][3] += static_cast<double>(sigma_ * sigma_ / (stretch_ * stretch_));
    if (!solve4(m)) return scale;
    const Vec turn{float(m[0][4]), float(m[1][4]), float(m[2][4])};
    const float angle = std::sqrt(dot(turn, turn));
    if (!(angle < 0.2F)) return scale;
    if (angle > 1e-7F) rotation = turned(rotation, turn);
    scale = std::clamp(scale * (1 + float(m[3][4])), 1 - 1.5F * stretch_, 1 + 1.5F * stretch_);
  }
  return scale;
}

PhaseMatch PhaseMatcher::describe(const Matrix& rotation, float scale,
                                  const MatchSpots& spots) const noexcept {
  Assigned assigned;
  score(rotation, scale, spots, &assigned);
  PhaseMatch out;
  out.scale = scale - 1;
  // Predicted: amplitudes with a Gaussian fall off the Ewald sphere, as far out as spots were seen.
  const float reach = spots.q_max * 1.02F;
  float predicted_sum = 0, predicted2 = 0, lattice_points = 0;
  const Vec z{rotation[6], rotation[7], rotation[8]};
  for (const Reflection& r : reflections_) {
    if (r.g > reach) break;
    const float off = dot(z, {r.x, r.y, r.z}) - 0.5F * wavelength_ * r.g * r.g;
    if (std::abs(off) > k_shape) continue;
    lattice_points += r.amplitude > k_weak ? 1.F : 0.4F;
    const float amplitude = r.amplitude * std::exp(-off * off / (2 * k_shape_width * k_shape_width));
    predicted_sum += amplitude;
    predicted2 += amplitude * amplitude;
  }
  float matched = 0, observed2 = 0, product = 0, found = 0, distance2 = 0;
  for (std::size_t i = 0; i < spots.size; ++i) {
    observed2 += spots.weight[i] * spots.weight[i];
    if (!assigned.matched[i]) continue;
    const Vec g = assigned.g[i];
    const float off = dot(z, g) - 0.5F * wavelength_ * dot(g, g);
    const float amplitude =
        assigned.amplitude[i] * std::exp(-off * off / (2 * k_shape_width * k_shape_width));
    matched += assigned.amplitude[i] > k_weak ? 1.F : 0.4F;
    out.matched_weight += spots.weight[i];
    product += amplitude * spots.weight[i];
    found += amplitude;
    distance2 += assigned.distance2[i];
  }
  const auto n = static_cast<float>(spots.size);
  const float tolerance = k_widths * sigma_;
  const float p = std::clamp(lattice_points * tolerance * tolerance / (reach * reach), 1e-3F, 0.95F);
  out.chance = p;
  out.matched = matched / n;
  out.merit = (matched - p * n) / std::sqrt(n * p * (1 - p) + 0.25F);
  if (matched > 0) out.residual = std::sqrt(distance2 / std::max(matched, 1.F)) / sigma_;
  if (predicted2 > 0) out.likeness = product / std::sqrt(predicted2 * observed2);
  if (predicted_sum > 0) out.found = std::min(1.F, found / predicted_sum);
  return out;
}

PhaseMatch PhaseMatcher::match(const MatchSpots& spots) const noexcept {
  std::array<Candidate, k_kept> best{};
  int left = k_rotations;
  const std::size_t seeds = std::min(spots.size, k_seeds);
  // Pairs in rising order of the weaker one's rank: strong spots are real and well measured.
  for (std::size_t j = 1; j < seeds && left > 0; ++j)
    for (std::size_t i = 0; i < j && left > 0; ++i) {
      const float sine =
          std::abs(spots.x[i] * spots.y[j] - spots.y[i] * spots.x[j]) / (spots.q[i] * spots.q[j]);
      if (sine < 0.25F) continue;
      search_pair(spots, i, j, best, left);
      if (best[0].score > 0.9F) left = 0;
    }
  PhaseMatch out;
  float most = 0;
  for (Candidate& candidate : best) {
    if (candidate.score <= 0) continue;
    const float scale = refine(candidate.rotation, spots);
    const PhaseMatch found = describe(candidate.rotation, scale, spots);
    const float value = found.matched_weight + found.matched + found.likeness;
    if (value > most) most = value, out = found;
  }
  return out;
}

}  // namespace bragglive
