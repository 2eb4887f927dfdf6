// The incident electron: relativistic wavelength and mass factor.
#pragma once
#include <cmath>

namespace bragglive {

// λ = h / sqrt(2 m e E (1 + eE / (2 m c²))), γ = 1 + eE / (m c²); constants as the reference numbers use
// them.
struct Electron {
  double voltage_kv = 300;
  double wavelength = 0;  // Å
  double gamma = 1;       // relativistic mass factor
  double k0 = 0;          // 1/λ, 1/Å

  static Electron at(double voltage_kv) {
    constexpr double h = 6.62607e-34, m = 9.109383e-31, e = 1.602177e-19, c = 299792458;
    const double volts = voltage_kv * 1e3;
    Electron electron;
    electron.voltage_kv = voltage_kv;
    electron.wavelength = h / std::sqrt(2 * m * e * volts * (1 + e * volts / (2 * m * c * c))) * 1e10;
    electron.gamma = 1 + volts / 510998.9461;
    electron.k0 = 1 / electron.wavelength;
    return electron;
  }
};

}  // namespace bragglive
