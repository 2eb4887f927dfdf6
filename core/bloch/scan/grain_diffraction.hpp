// Dynamical spots of one grain at any thickness: one Bloch-wave expansion, then look-ups.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "core/bloch/bloch_wave.hpp"
#include "core/bloch/scan/specimen.hpp"
#include "core/detect/bragg_list.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

class GrainDiffraction {
 public:
  // `tilt`: transverse part of the incident wave vector, 1/Å, scan frame; 0 = along -z. Spots stay at g.
  // Thicknesses 0, step, 2 step, … up to the grain's largest. Spots beyond q_max (1/Å) or never above 1e-7
  // are left out.
  static Expected<GrainDiffraction> create(const BlochSimulator& simulator, const Grain& grain,
                                           double step_nm, double q_max, const std::array<double, 2>& tilt,
                                           BlochScratch& scratch);

  // Diffracted spots in the scan frame, 1/Å, for this thickness, times `scale`; appended to `spots`. The
  // direct beam is not among them. Returns what the beam keeps: its intensity, the diffracted sum (also of
  // the spots left out), unscaled.
  struct Split {
    double direct = 1;
    double diffracted = 0;
  };
  Split split(double thickness_nm) const noexcept;
  void append(double thickness_nm, double scale, BraggList& spots) const;

  std::size_t spots() const { return positions_.size(); }
  std::size_t bytes() const {
    return (direct_.size() * 2 + positions_.size() * (2 + thicknesses_)) * sizeof(float);
  }

 private:
  // Cubic through the four nearest points of the grid.
  struct Weights {
    std::array<std::size_t, 4> index{};
    std::array<double, 4> weight{};
    double of(const float* values) const noexcept;
  };
  Weights weights(double thickness_nm) const noexcept;

  double step_nm_ = 1;
  std::size_t thicknesses_ = 0;
  std::vector<float> direct_, diffracted_;          // per thickness
  std::vector<std::pair<float, float>> positions_;  // qx, qy
  std::vector<float> intensities_;                  // [spot][thickness]
};

}  // namespace bragglive
