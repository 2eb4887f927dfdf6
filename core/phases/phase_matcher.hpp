// Does a pattern show a known phase? Finds the orientation whose reciprocal lattice explains most spots.
//
// Two strong spots, lifted onto the Ewald sphere (z = λq²/2), are compared with pairs of reflections of the
// phase by their lengths and their scalar product; a pair that fits gives a rotation. Rotations are scored by
// the spots that fall on a reciprocal lattice point within the tolerance; the best one is refined (rotation
// and one scale) and described by numbers.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/phases/match_spots.hpp"
#include "core/phases/phase_table.hpp"
#include "core/phases/rotation.hpp"

namespace bragglive {

struct PhaseMatch {
  float merit = 0;           // (matched - chance) / standard deviation of chance, in spots
  float matched = 0;         // share of the spots on a lattice point
  float matched_weight = 0;  // the same by weight
  float residual = 1;        // rms distance in the plane / sigma
  float scale = 0;           // how much larger the pattern is than the phase: factor - 1
  float likeness = 0;        // cosine between observed and kinematic amplitudes
  float found = 0;           // share of the predicted amplitude that was observed
  float chance = 1;          // probability that a random spot matches
};

class PhaseMatcher {
 public:
  PhaseMatcher(const Phase& phase, const MatchSettings& settings);
  PhaseMatch match(const MatchSpots& spots) const noexcept;

 private:
  using Matrix = phases::RowMajor;
  struct Reflection {
    float x, y, z, g, amplitude;
  };
  struct Candidate {
    Matrix rotation{};  // laboratory = rotation · crystal
    float score = 0;
  };
  struct Assigned;

  float tolerance(float q) const { return k_widths * sigma_ + stretch_ * q; }
  std::pair<std::size_t, std::size_t> shell(float g, float width) const;
  float score(const Matrix& rotation, float scale, const MatchSpots& spots,
              Assigned* assigned) const noexcept;
  void search_pair(const MatchSpots& spots, std::size_t i, std::size_t j, std::span<Candidate> best,
                   int& left) const noexcept;
  float refine(Matrix& rotation, const MatchSpots& spots) const noexcept;
  PhaseMatch describe(const Matrix& rotation, float scale, const MatchSpots& spots) const noexcept;
  float amplitude_at(int h, int k, int l) const noexcept;

  static constexpr float k_widths = 2.5F;  // tolerance in standard deviations
  float sigma_, stretch_, wavelength_;
  Matrix direct_{}, reciprocal_{};       // rows a, b, c; columns a*, b*, c*
  std::vector<Reflection> reflections_;  // rising g
  std::vector<std::uint32_t> representatives_;
  std::array<int, 3> reach_{};
  std::vector<float> table_;  // amplitude over h k l
};

}  // namespace bragglive
