// Scattering factors along a line of reflections; internal to the structure factors.
#pragma once
#include <Eigen/Core>
#include <optional>
#include <vector>

#include "core/bloch/scattering.hpp"

namespace bragglive {

// f(|g|) of one kind of atom as CouplingTable needs it: dynamical_factor() for many g at a time.
template <class Real>
class FactorRow {
 public:
  FactorRow(FactorTable table, bool absorption, int z, double u_squared,
            const std::optional<Eigen::Matrix3d>& u_tensor, const Electron& electron, double g_max);

  // re and im for g² of `count` reflections; g_first is the first one (Cartesian), step the way to the next.
  // An anisotropic displacement replaces the isotropic Debye-Waller factor: f exp(-2π² gᵀUg) / W.
  void evaluate(const double* g2, int count, const Eigen::Vector3d& g_first, const Eigen::Vector3d& step,
                Real* re, Real* im) const;

 private:
  double absorptive(double g) const;

  FactorTable table_;
  bool absorption_;
  int z_;
  double u_squared_;
  std::optional<Eigen::Matrix3d> u_tensor_;
  Electron electron_;
  // The absorptive part changes slowly: it is interpolated between nodes where no series switches on or off.
  double node_spacing_ = 0;
  double interpolate_above_ = 0;
  std::vector<double> nodes_;
};

// re[i] + i im[i] += (pr + i pi) (zr[i] + i zi[i])
void accumulate_phases(float pr, float pi, const float* zr, const float* zi, int count, float* re, float* im);
void accumulate_phases(double pr, double pi, const double* zr, const double* zi, int count, double* re,
                       double* im);

extern template class FactorRow<float>;
extern template class FactorRow<double>;

}  // namespace bragglive
