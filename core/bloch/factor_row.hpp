// Scattering factors along a line of reflections; internal to the structure factors.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/bloch/scattering.hpp"

namespace bragglive {

// phonon_factor() for many g: interpolated inside each stretch in which no term changes between series and
// closed form.
class PhononTable {
 public:
  PhononTable() = default;
  PhononTable(int z, double u_squared, double g_max);
  double operator()(double g) const;

 private:
  struct Stretch {
    double begin = 0, end = 0, step = 0;
    std::vector<double> values;  // at begin, begin + step, …, end
  };
  std::vector<Stretch> stretches_;
};

// f(|g|) of one kind of atom as CouplingTable needs it: dynamical_factor() for many g at a time.
template <class Real>
class FactorRow {
 public:
  FactorRow(FactorTable table, bool absorption, int z, double u_squared,
            const std::optional<Eigen::Matrix3d>& u_tensor, const Electron& electron, double g_max);

  // re and im for g² of `count` reflections; g_first is the first one (Cartesian), step the way to the next.
  // An anisotropic displacement replaces the isotropic Debye-Waller factor: f exp(-2π² gᵀUg) / W.
  void evaluate(const double* g2, int count, const Eigen::Vector3d& g_first, const Eigen::Vector3d& step,
                Real* re, Real* im);

 private:
  FactorTable table_;
  bool absorption_;
  int z_;
  double u_squared_;
  std::optional<Eigen::Matrix3d> u_tensor_;
  Electron electron_;
  double phonon(double g2);

  PhononTable phonons_;  // float
  std::unordered_map<std::int64_t, double>
      computed_;  // double: by g² in 1e-10 1/Å², which reflections of a symmetric crystal share
};

// re[i] + i im[i] += (pr + i pi) (zr[i] + i zi[i])
void accumulate_phases(float pr, float pi, const float* zr, const float* zi, int count, float* re, float* im);
void accumulate_phases(double pr, double pi, const double* zr, const double* zi, int count, double* re,
                       double* im);

extern template class FactorRow<float>;
extern template class FactorRow<double>;

}  // namespace bragglive
