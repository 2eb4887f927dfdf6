#include "core/bloch/scan/grain_diffraction.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

namespace bragglive {

Expected<GrainDiffraction> GrainDiffraction::create(const BlochSimulator& simulator, const Grain& grain,
                                                    double step_nm, double q_max,
                                                    const std::array<double, 2>& tilt,
                                                    BlochScratch& scratch) {
  constexpr double k_faintest = 1e-7;
  Orientation orientation;
  orientation.axes = grain.rotation.transpose();  // columns: the scan frame's axes seen from the crystal
  orientation.foil_normal = orientation.axes.col(2);
  if (tilt[0] != 0 || tilt[1] != 0) {
    // k_in = -k0 z' has the transverse part `tilt`.
    const double wavelength = simulator.electron().wavelength;
    const Eigen::Vector3d x = orientation.axes.col(0), y = orientation.axes.col(1);
    const Eigen::Vector3d z =
        (orientation.axes.col(2) - wavelength * (tilt[0] * x + tilt[1] * y)).normalized();
    orientation.axes.col(0) = (x - x.dot(z) * z).normalized();
    orientation.axes.col(1) = z.cross(orientation.axes.col(0));
    orientation.axes.col(2) = z;
  }
  GrainDiffraction result;
  result.step_nm_ = step_nm;
  const auto steps = static_cast<std::size_t>(std::max(2.0, std::ceil(grain.max_thickness_nm / step_nm) + 1));
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

GrainDiffraction::Weights GrainDiffraction::weights(double thickness_nm) const noexcept {
  // The grid ends one step beyond the largest thickness, so that the upper neighbour exists.
  const double x = std::clamp(thickness_nm / step_nm_, 0.0, static_cast<double>(thicknesses_ - 2));
  const std::size_t i = std::min(static_cast<std::size_t>(x), thicknesses_ - 3);
  const double p = x - static_cast<double>(i);
  Weights w;
  w.index = {i == 0 ? 1 : i - 1, i, i + 1,
             i + 2};  // intensities start with the square of the thickness: even at 0
  w.weight = {-p * (p - 1) * (p - 2) / 6, (p + 1) * (p - 1) * (p - 2) / 2, -(p + 1) * p * (p - 2) / 2,
              (p + 1) * p * (p - 1) / 6};
  return w;
}

double GrainDiffraction::Weights::of(const float* values) const noexcept {
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) sum += weight[k] * static_cast<double>(values[index[k]]);
  return std::max(sum, 0.0);
}

GrainDiffraction::Split GrainDiffraction::split(double thickness_nm) const noexcept {
  const Weights w = weights(thickness_nm);
  return {w.of(direct_.data()), w.of(diffracted_.data())};
}

void GrainDiffraction::append(double thickness_nm, double scale, BraggList& spots) const {
  const Weights w = weights(thickness_nm);
  for (std::size_t spot = 0; spot < positions_.size(); ++spot)
    spots.push_back({static_cast<double>(positions_[spot].first),
                     static_cast<double>(positions_[spot].second),
                     scale * w.of(intensities_.data() + spot * thicknesses_)});
}

}  // namespace bragglive
