// U_g for every difference of two beams, as a dense table over h k l.
#pragma once
#include <Eigen/Core>
#include <complex>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bloch/electron.hpp"
#include "core/bloch/scattering.hpp"
#include "core/crystal/crystal.hpp"

namespace bragglive {

struct ScatteringSettings {
  Electron electron = Electron::at(300);
  FactorTable factors = FactorTable::lobato;
  bool absorption = false;
  // One rms displacement for all atoms along one direction, Å (0 = none); without a value the crystal's own.
  std::optional<double> thermal_displacement = 0.0;
};

// U_g = (1/V) Σ_j occ_j f_j(|g|) exp(+2πi h·r_j) in 1/Å², for |g| <= g_max; zero beyond. A crystal with an
// inversion centre is moved onto it, so that U is real (or, with absorption, complex with U_-g = U_g).
template <class Real>
class CouplingTable {
 public:
  // Real = float or double. Fails when an element has no factors.
  static Expected<CouplingTable> build(const Crystal& crystal, const ScatteringSettings& settings,
                                       double g_max);

  // Bytes that build() would take for this cell.
  static double bytes_needed(const CellParameters& cell, double g_max);

  bool is_real() const { return imaginary_.empty(); }  // no imaginary part anywhere
  bool is_hermitian() const { return !absorbing_; }    // U_-g = conj U_g
  bool is_centrosymmetric() const { return centre_of_inversion_.has_value(); }

  // Position of h k l in the table: linear, so that the offset of a difference is the difference of offsets.
  std::int32_t offset(int h, int k, int l) const { return (h * k_side_ + k) * l_side_ + l; }
  // Tables indexed by offset(), which may be negative.
  const Real* real() const { return real_.data() + origin_; }
  const Real* imaginary() const { return imaginary_.empty() ? nullptr : imaginary_.data() + origin_; }

  // U_g of the crystal as given (the shift of the origin undone); zero outside the table.
  std::complex<double> at(int h, int k, int l) const;

 private:
  std::int32_t h_max_ = 0, k_max_ = 0, l_max_ = 0;
  std::int32_t k_side_ = 1, l_side_ = 1, origin_ = 0;
  bool absorbing_ = false;
  std::optional<Eigen::Vector3d> centre_of_inversion_;
  std::vector<Real> real_, imaginary_;
};

extern template class CouplingTable<float>;
extern template class CouplingTable<double>;

}  // namespace bragglive
