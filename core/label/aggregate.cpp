#include "core/label/aggregate.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <vector>

namespace bragglive {
namespace {

float median(std::vector<float>& values) {
  if (values.empty()) return std::numeric_limits<float>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace

AggregateLabel aggregate(std::span<const PatternLabel> patterns) {
  AggregateLabel out;
  double total = 0;
  for (const PatternLabel& label : patterns) {
    if (label.system == CrystalSystem::none) continue;
    out.weight[static_cast<std::size_t>(label.system)] += static_cast<double>(label.difference_confidence);
    total += static_cast<double>(label.difference_confidence);
  }
  out.lattice_angstrom.fill(std::numeric_limits<float>::quiet_NaN());
  if (!(total > 0)) return out;
  const auto best = std::max_element(out.weight.begin(), out.weight.end());
  out.system = static_cast<CrystalSystem>(best - out.weight.begin());
  out.confidence = static_cast<float>(*best / total);
  std::vector<PatternLabel> of_winner;
  std::copy_if(patterns.begin(), patterns.end(), std::back_inserter(of_winner),
               [&](const PatternLabel& label) { return label.system == out.system; });
  agree_on_structure(of_winner, out.space_group, out.lattice_angstrom);
  return out;
}

void agree_on_structure(std::span<const PatternLabel> patterns, std::uint16_t& space_group,
                        std::array<float, 3>& lattice_angstrom) {
  std::map<std::uint16_t, double> groups;
  std::array<std::vector<float>, 3> lengths;
  for (const PatternLabel& label : patterns) {
    if (label.space_group != 0)
      groups[label.space_group] += static_cast<double>(label.space_group_confidence);
    for (std::size_t k = 0; k < 3; ++k)
      if (std::isfinite(label.lattice_angstrom[k])) lengths[k].push_back(label.lattice_angstrom[k]);
  }
  double most = 0;
  space_group = 0;
  for (const auto& [group, weight] : groups)
    if (weight > most) most = weight, space_group = group;
  for (std::size_t k = 0; k < 3; ++k) lattice_angstrom[k] = median(lengths[k]);
}

}  // namespace bragglive
