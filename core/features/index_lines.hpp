// Powder-like indexing of the distinct Q of one pattern: which lattice of a family explains more lines than
// chance would.
//
// Calculated lines: cubic A(h²+k²+l²); tetragonal A(h²+k²) + C l²; hexagonal A(h²+hk+k²) + C l²; rhombohedral
// the same with -h+k+l = 3n; orthorhombic A h² + B k² + C l². For f = share of the measured lines within the
// tolerance of a calculated one and p = the share expected of lines placed at random, the figure of merit is
// (f - p) / sqrt(p (1 - p) / lines).
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/features/index_spots.hpp"

namespace bragglive::indexing {

enum class Family : std::uint8_t { cubic, tetragonal, hexagonal, rhombohedral, orthorhombic };
constexpr std::size_t k_families = 5;

struct LatticeMatch {
  std::array<float, 3>
      parameter{};  // A, B, C in 1/Å² (cubic A A A; tetragonal, hexagonal A A C); 0 = nothing found
  float merit = 0;
  float share = 0;       // f
  float chance = 0;      // p
  float residual = 0;    // root mean square of (measured - calculated) / tolerance over the matched lines
  float calculated = 0;  // calculated lines up to the last measured one
};

// The measured lines as a table over Q: which lines (bits) lie within their tolerance of a value.
class LineTable {
 public:
  void fill(const SpotList& list) noexcept;
  // 0 <= square <= end(count()): lines end at 1.3 1/Å², the table a little behind.
  std::uint32_t at(float square) const noexcept {
    return bits_[static_cast<std::size_t>(square * k_per_unit)];
  }
  std::size_t count() const { return count_; }
  const Line& line(std::size_t i) const { return lines_[i]; }
  float end(std::size_t lines) const { return lines_[lines - 1].square + lines_[lines - 1].tolerance; }

 private:
  static constexpr float k_per_unit = 2048;
  static constexpr std::size_t k_bins = 2800;
  std::array<std::uint32_t, k_bins> bits_{};
  std::array<Line, k_max_lines> lines_{};
  std::size_t count_ = 0;
};

// Good lattices of a family in no particular order, different from each other by more than 3 %. With fewer than four lines there
// are none.
constexpr std::size_t k_matches = 8;
struct FamilyResult {
  std::array<LatticeMatch, k_matches> match{};
  std::size_t count = 0;
};
FamilyResult search_family(const LineTable& table, Family family) noexcept;

}  // namespace bragglive::indexing
