#include "core/train/quality_patterns.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace bragglive {
namespace {

constexpr double k_direct_radius = 0.02;  // 1/Å

std::uint32_t any_of_list(std::span<const std::uint32_t> list, CounterRandom& random) {
  return list[std::min(list.size() - 1,
                       static_cast<std::size_t>(random.uniform() * static_cast<double>(list.size())))];
}

// One grain with its share of the beam, turned at random; the direct beams of all grains are one spot.
void add_grain(const Dataset& data, std::uint32_t pattern, double share, CounterRandom& random,
               BraggList& out) {
  const double angle = random.uniform(0, 2 * std::numbers::pi), c = std::cos(angle), s = std::sin(angle);
  const double mirror = random.uniform() < 0.5 ? -1 : 1;
  BraggList grain;
  data.copy_pattern(pattern, grain);
  for (const BraggPeak& peak : grain) {
    const double intensity = share * peak.intensity;
    if (std::hypot(peak.qx, peak.qy) < k_direct_radius && !out.empty()) {
      out.front().intensity += intensity;
      continue;
    }
    const double y = mirror * peak.qy;
    out.push_back({c * peak.qx - s * y, s * peak.qx + c * y, intensity});
    // The direct beam stays in front.
    if (std::hypot(peak.qx, peak.qy) < k_direct_radius) std::swap(out.front(), out.back());
  }
}

// Another pattern: of the same material half the time, where the list has its neighbours.
std::uint32_t partner_of(const Dataset& data, std::span<const std::uint32_t> patterns, std::uint32_t first,
                         CounterRandom& random) {
  if (random.uniform() < 0.5) {
    const auto at = std::lower_bound(patterns.begin(), patterns.end(), first) - patterns.begin();
    for (int attempt = 0; attempt < 4; ++attempt) {
      const auto other = at + static_cast<std::ptrdiff_t>(random.uniform(-8, 9));
      if (other < 0 || other >= std::ssize(patterns) || other == at) continue;
      const std::uint32_t pattern = patterns[static_cast<std::size_t>(other)];
      if (data.material[pattern] == data.material[first]) return pattern;
    }
  }
  return any_of_list(patterns, random);
}

void random_spots(CounterRandom& random, BraggList& out) {
  const int spots = 6 + static_cast<int>(50 * random.uniform() * random.uniform());
  const double reach = random.uniform(0.6, 1.8);
  out.push_back({0, 0, 0.5});
  for (int i = 0; i < spots; ++i) {
    const double q = reach * std::sqrt(random.uniform()), angle = random.uniform(0, 2 * std::numbers::pi);
    if (q > 0.08)
      out.push_back({q * std::cos(angle), q * std::sin(angle), 0.02 * std::exp(2 * random.normal())});
  }
}

struct QualityScratch final : RowSource::Scratch {
  std::unique_ptr<FeatureSet::Scratch> features;
  BraggList peaks;
};

}  // namespace

void make_quality_pattern(const Dataset& data, std::span<const std::uint32_t> patterns, PatternQuality kind,
                          const DetectionModel& detection, CounterRandom& random, BraggList& out) {
  out.clear();
  const std::uint32_t first = any_of_list(patterns, random);
  if (kind == PatternQuality::single) {
    data.copy_pattern(first, out);
  } else if (kind == PatternQuality::mixed) {
    const double share = random.uniform(0.2, 0.8);
    add_grain(data, first, share, random, out);
    add_grain(data, partner_of(data, patterns, first, random), 1 - share, random, out);
  } else if (random.uniform() < 0.5) {
    random_spots(random, out);
  } else {
    const int grains = 5 + static_cast<int>(random.uniform(0, 8));
    for (int i = 0; i < grains; ++i)
      add_grain(data, any_of_list(patterns, random), 1.0 / grains, random, out);
  }
  apply_detection(detection, random, out);
}

QualityRows::QualityRows(const Dataset& data, std::span<const std::uint32_t> patterns,
                         const FeatureSet& features, const DetectionModel& detection, std::size_t rows,
                         std::uint32_t min_disks, std::uint64_t seed)
    : data_(data),
      patterns_(patterns),
      features_(features),
      detection_(detection),
      rows_(rows),
      min_disks_(min_disks),
      seed_(seed) {}

std::unique_ptr<RowSource::Scratch> QualityRows::make_scratch() const {
  auto scratch = std::make_unique<QualityScratch>();
  scratch->features = features_.make_scratch();
  return scratch;
}

bool QualityRows::compute(std::size_t row, Scratch& scratch, std::span<float> out) const {
  auto& work = static_cast<QualityScratch&>(scratch);
  CounterRandom random(random_key(seed_, 0x9a11, row));
  make_quality_pattern(data_, patterns_, kind_of(row), detection_, random, work.peaks);
  if (work.peaks.size() < min_disks_) {
    std::fill(out.begin(), out.end(), 0.0F);
    return false;
  }
  features_.compute(work.peaks, work.features.get(), out);
  return true;
}

double area_under_curve(std::span<const float> of_positive, std::span<const float> of_negative) {
  if (of_positive.empty() || of_negative.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<float> negative(of_negative.begin(), of_negative.end());
  std::sort(negative.begin(), negative.end());
  double wins = 0;
  for (const float value : of_positive) {
    const auto [low, high] = std::equal_range(negative.begin(), negative.end(), value);
    wins += static_cast<double>(low - negative.begin()) + 0.5 * static_cast<double>(high - low);
  }
  return wins / (static_cast<double>(of_positive.size()) * static_cast<double>(negative.size()));
}

}  // namespace bragglive
