// Atomic scattering factors for fast electrons.
#pragma once
#include <complex>
#include <span>
#include <string_view>

#include "core/bloch/electron.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

enum class FactorTable {
  lobato,            // Lobato & Van Dyck, Acta Cryst. A70 (2014) 636; Z 1..103
  weickenmeier_kohl  // Weickenmeier & Kohl, Acta Cryst. A47 (1991) 590; Z 1..98
};
constexpr std::string_view name_of(FactorTable table) {
  return table == FactorTable::lobato ? "lobato" : "weickenmeier-kohl";
}
constexpr int max_atomic_number(FactorTable table) {
  return table == FactorTable::lobato ? 103 : 98;
}

// f(g) = Σ a_i (2 + b_i g²) / (1 + b_i g²)², Å; g = 1/d in 1/Å. No Debye-Waller factor, not relativistic. z
// in 1..103.
double lobato_factor(int z, double g);

// f(s) = Σ A_i (1 - exp(-B_i s²)) / s², Å; s = g/2. z in 1..98.
double weickenmeier_kohl_factor(int z, double g);

// Absorptive contributions of Weickenmeier & Kohl in the corrected form (diagonal phonon terms counted once).
// Multiplied by γ²/(4π²K), K = 2πk0, they are the imaginary part of the factor. u: rms displacement along one
// direction, Å.
double core_loss_factor(int z, double g, const Electron& electron);
double phonon_factor(int z, double g, double u_squared);

// The factor that enters U_g = (1/V) Σ occ f exp(2πi h·r), in Å: relativistic and over π, with its
// Debye-Waller factor.
//   lobato:             γ W f / π; with absorption times (1 + 0.1i)
//   weickenmeier-kohl:  [γ W f + i γ² (W F_core + F_phonon) / (4πK)] / π
// W = exp(-u² (2πg)² / 2).
std::complex<double> dynamical_factor(FactorTable table, bool absorption, int z, double g, double u_squared,
                                      const Electron& electron);

// The same for Weickenmeier & Kohl with absorption, with the phonon part given.
std::complex<double> weickenmeier_kohl_dynamical(int z, double g, double u_squared, double phonon,
                                                 const Electron& electron);

// Refuses elements that the table lacks.
Expected<void> check_element(FactorTable table, int z);

// The tables: a1 b1 … a5 b5; A1..A4 B1..B4. z inside the table's range.
std::span<const double, 10> lobato_coefficients(int z);
std::span<const double, 8> weickenmeier_kohl_coefficients(int z);

}  // namespace bragglive
