// What a report counts.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/label/crystal_system.hpp"

namespace bragglive {

// Rows true, columns predicted, index = CrystalSystem.
struct SystemScores {
  static constexpr std::size_t k_confidence_bins = 20;
  std::array<std::array<double, k_crystal_systems>, k_crystal_systems> count{}, confidence_sum{};
  // By predicted system and confidence: predictions that are wrong [0] and right [1].
  std::array<std::array<std::array<double, 2>, k_confidence_bins>, k_crystal_systems> by_confidence{};
  double total = 0, right = 0;
  void add(CrystalSystem truth, CrystalSystem predicted, double confidence);
  double accuracy() const { return total > 0 ? right / total : 0; }
  double sensitivity(std::size_t system) const;
  double precision(std::size_t system) const;
  double mean_confidence(bool of_right) const;  // NaN when there are none
};

struct Share {
  double right = 0, total = 0;
  double value() const { return total > 0 ? right / total : 0; }
};

// Accuracy of single patterns in classes of something: confidence, number of spots, thickness.
struct Curve {
  std::vector<double> edge;  // upper edges; the last class is open
  std::vector<Share> share;  // edge.size() + 1
  std::vector<double> sum;   // of the quantity, for the mean of each class
  explicit Curve(std::vector<double> edges);
  void add(double at, bool right);
};

// One lattice length, Å.
struct LengthGuess {
  float truth, guess;
  bool system_right;
};
// By predicted system; a, b, c.
using LengthGuesses = std::array<std::array<std::vector<LengthGuess>, 3>, k_crystal_systems>;

double median_of(std::vector<float> values);                   // NaN when empty
double median_error(const std::vector<LengthGuess>& guesses);  // of |guess - truth|; NaN when empty

}  // namespace bragglive
