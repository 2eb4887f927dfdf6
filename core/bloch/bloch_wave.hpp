// Dynamical diffraction of a parallel plate by Bloch waves.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/bloch/beams.hpp"
#include "core/bloch/structure_factors.hpp"
#include "core/crystal/crystal.hpp"

namespace bragglive {

enum class Solver {
  automatic,  // the faster of the two by a cost estimate
  eigen,      // full eigen-decomposition: the reference
  propagator  // Chebyshev expansion of exp(2πitA/(2k0 z·n)) e_0: only the column that is needed, all
              // thicknesses from one expansion
};
enum class Precision {
  float64,  // agrees with the reference numbers to 1e-8
  float32   // production: within 1e-5
};

struct BlochSettings {
  double voltage_kv = 300;
  double k_max = 2.0;    // 1/Å: beams have |g| <= k_max, couplings reach 2 k_max
  double sg_max = 0.06;  // 1/Å: beams have |s| <= sg_max
  FactorTable factors = FactorTable::lobato;
  bool absorption = false;
  // One rms displacement for all atoms along one direction, Å; 0: none; without a value the crystal's own.
  std::optional<double> thermal_displacement = 0.0;
  Solver solver = Solver::automatic;
  Precision precision = Precision::float64;
  // Bethe potentials: beams with 2 k0 |s| / |U_g| above this are eliminated from the matrix and added as a
  // perturbation (50 is a common choice). Without a value every beam stays in the matrix.
  std::optional<double> bethe_ratio;
  double memory_limit_bytes = 4e9;  // per simulator and scratch; more is refused with the estimate
};

// One pattern. Forbidden reflections are beams, with intensity 0 where the lattice's centring forbids them.
struct DiffractionPattern {
  std::vector<Beam> beams;            // the direct beam (0 0 0) is one of them
  std::vector<double> intensities;    // thickness-major: [thickness][beam]; incident beam = 1
  std::size_t coupled_beams = 0;      // rows of the matrix that was solved
  Solver solver = Solver::automatic;  // the one that was used

  std::span<const double> at(std::size_t thickness) const {
    return std::span(intensities).subspan(thickness * beams.size(), beams.size());
  }
};

// Buffers of one thread; grows to the largest pattern and is then reused.
class BlochScratch {
 public:
  BlochScratch();
  ~BlochScratch();
  BlochScratch(BlochScratch&&) noexcept;
  BlochScratch& operator=(BlochScratch&&) noexcept;

 private:
  friend class BlochSimulator;
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

// Diffraction patterns of one crystal. Safe to call from several threads, each with its own scratch.
//   A_ii = 2 k0 s_i + i Im U_0, A_ij = U_{g_i - g_j};  ψ(t) = exp(2πi t A / (2 k0 z·n)) e_0;  I = |ψ|²
class BlochSimulator {
 public:
  // Refuses unusable crystals and settings, and what would not fit memory_limit_bytes.
  static Expected<BlochSimulator> create(const Crystal& crystal, const BlochSettings& settings);
  BlochSimulator(BlochSimulator&&) noexcept;
  BlochSimulator& operator=(BlochSimulator&&) noexcept;
  ~BlochSimulator();

  // Thicknesses in nm, each > 0, in any order. `out` is overwritten.
  Expected<void> pattern(const Orientation& orientation, std::span<const double> thicknesses_nm,
                         BlochScratch& scratch, DiffractionPattern& out) const;

  const BlochSettings& settings() const;
  const Crystal& crystal() const;
  const Electron& electron() const;

 private:
  struct State;
  explicit BlochSimulator(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace bragglive
