// Bethe potentials: weak beams leave the matrix and act as a perturbation; internal to BlochSimulator.
#pragma once
#include <complex>
#include <cstdint>
#include <vector>

#include "core/bloch/hamiltonian.hpp"

namespace bragglive {

struct BetheReduction {
  std::size_t all = 0;                         // beams before
  std::vector<std::uint32_t> strong;           // rows that stayed
  std::vector<std::uint32_t> weak;             // rows that left
  std::vector<std::complex<double>> response;  // [weak][strong]: ψ_w = Σ response ψ_s
};

// A beam is weak when |H_ww| > ratio |H_w0|: 2 k0 |s_w| > ratio |U_w|. Then (Zuo & Weickenmeier,
// Ultramicroscopy 57 (1995) 375)
//   H'_ij = H_ij - Σ_w H_iw H_wj / H_ww,  ψ_w = -Σ_j H_wj ψ_j / H_ww.
template <class Real>
BetheReduction eliminate_weak_beams(Hamiltonian<Real>& h, double ratio);

// Amplitudes of the strong beams -> of all beams, in the old order; rows per thickness.
void restore_weak_beams(const BetheReduction& reduction, std::size_t thicknesses,
                        std::vector<std::complex<double>>& amplitudes);

}  // namespace bragglive
