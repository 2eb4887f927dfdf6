// The spots of one pattern as indexing sees them: direct beam left out, strongest first, lifted onto the
// Ewald sphere.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "core/detect/bragg_list.hpp"

namespace bragglive::indexing {

constexpr std::size_t k_max_spots =
    40;  // strongest kept; what is beyond adds chance matches and cost, not knowledge
constexpr std::size_t k_max_lines = 32;  // distinct Q kept, smallest first: one bit each

struct Spot {
  float x = 0, y = 0, z = 0;  // 1/Å; z = λ q²/2, the height of the Ewald sphere
  float q = 0;                // in the detector plane
  float square = 0;           // Q = x² + y² + z² = 1/d²
  float intensity = 0;        // share of the sum over the kept spots
};

// Spots of equal Q are one line, as in a powder pattern.
struct Line {
  float square = 0;  // mean Q of its spots
  float spots = 0;   // how many
  float tolerance = 0;
};

struct SpotList {
  std::array<Spot, k_max_spots> spots;
  std::size_t size = 0;
  std::array<Line, k_max_lines> lines;
  std::size_t line_count = 0;
  std::size_t seen = 0;      // spots of the pattern without the direct beam
  bool direct_beam = false;  // was it there
  std::span<const Spot> all() const { return {spots.data(), size}; }
};

struct SpotSettings {
  double wavelength = 0.0196875;  // Å, 300 kV
  double origin_radius = 0.03;    // 1/Å
  double q_max = 2.05;            // 1/Å
  double line_q2_max = 1.3;       // 1/Å²: beyond, lines lie closer than they can be measured
  double sigma = 0.003;           // 1/Å, error of a spot's position along one axis
};

// Of electrons, Å: λ = h / sqrt(2 m e V (1 + e V / (2 m c²))).
double wavelength_of(double kilovolt) noexcept;

// Spots that are not finite or not positive are passed over.
void prepare_spots(std::span<const BraggPeak> peaks, const SpotSettings& settings, SpotList& out) noexcept;

// How far a measured Q may lie from a calculated one: two standard deviations of 2 q δq, and a floor for the
// excitation error.
float line_tolerance(float square, double sigma) noexcept;

}  // namespace bragglive::indexing
