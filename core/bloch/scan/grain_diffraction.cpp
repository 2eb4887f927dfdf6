#include "core/bloch/scan/grain_diffraction.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {

Expected<GrainDiffraction> GrainDiffraction::create(const BlochSimulator& simulator, const Grain& grain,
                                                    double step_nm, double q_max, BlochScratch& scratch) {
  constexpr double k_faintest = 1e-7;
  Orientation orientation;
  orientation.axes = grain.rotation.transpose();  // columns: the scan frame's axes seen from the crystal
  orientation.foil_normal = orientation.axes.col(2);
  GrainDiffraction result;
  result.step_nm_ = step_nm;
  const auto steps = static_cast<std::size_t>(std::max(1.0, std::ceil(grain.max_thickness_nm / step_nm)));
  result.thicknesses_ = steps + 1;
  std::vector<double> thicknesses(steps);
  for (std::size_t i = 0; i < steps; ++i) thicknesses[i] = static_cast<double>(i + 1) * step_nm;
  DiffractionPattern pattern;
  if (auto ok = simulator.pattern(orientation, thicknesses, scratch, pattern); !ok)
    return tl::unexpected(ok.error());

  result.direct_.assign(steps + 1, 1.0F);
  result.diffracted_.assign(steps + 1, 0.0F);
  for (std::size_t beam = 0; beam < pattern.beams.size(); ++beam) {
    const Beam& b = pattern.beams[beam];
    const bool is_direct = b.h == 0 && b.k == 0 && b.l == 0;
    double strongest = 0;
    for (std::size_t i = 0; i < steps; ++i) {
      const double intensity = pattern.at(i)[beam];
      strongest = std::max(strongest, intensity);
      if (is_direct)
        result.direct_[i + 1] = static_cast<float>(intensity);
      else
        result.diffracted_[i + 1] += static_cast<float>(intensity);
    }
    if (is_direct || strongest < k_faintest || std::hypot(b.qx, b.qy) > q_max) continue;
    result.positions_.emplace_back(static_cast<float>(b.qx), static_cast<float>(b.qy));
    result.intensities_.push_back(0.0F);
    for (std::size_t i = 0; i < steps; ++i)
      result.intensities_.push_back(static_cast<float>(pattern.at(i)[beam]));
  }
  return result;
}

GrainDiffraction::Between GrainDiffraction::between(double thickness_nm) const noexcept {
  const double x = std::clamp(thickness_nm / step_nm_, 0.0, static_cast<double>(thicknesses_ - 1));
  const std::size_t index = std::min(static_cast<std::size_t>(x), thicknesses_ - 2);
  const double part = x - static_cast<double>(index);
  return {index, index == 0 ? part * part : part};  // intensities start with the square of the thickness
}

GrainDiffraction::Split GrainDiffraction::split(double thickness_nm) const noexcept {
  const auto [i, part] = between(thickness_nm);
  const auto mix = [&, i = i, part = part](const std::vector<float>& v) {
    return (1 - part) * static_cast<double>(v[i]) + part * static_cast<double>(v[i + 1]);
  };
  return {mix(direct_), mix(diffracted_)};
}

void GrainDiffraction::append(double thickness_nm, double scale, BraggList& spots) const {
  const auto [i, part] = between(thickness_nm);
  for (std::size_t spot = 0; spot < positions_.size(); ++spot) {
    const float* row = intensities_.data() + spot * thicknesses_ + i;
    const double intensity = (1 - part) * static_cast<double>(row[0]) + part * static_cast<double>(row[1]);
    spots.push_back({static_cast<double>(positions_[spot].first),
                     static_cast<double>(positions_[spot].second), scale * intensity});
  }
}

}  // namespace bragglive
