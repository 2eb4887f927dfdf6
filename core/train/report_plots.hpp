// The plots of the report, each an SVG element of its own.
#pragma once
#include <string>

#include "core/train/evaluation.hpp"

namespace bragglive {

// Of a curve.
struct Axis {
  std::string title;
  double low, high;
  bool logarithmic;
};

// Systems that occur among the true ones, by number.
std::vector<std::size_t> systems_of_truth(const SystemScores& scores);

// Share of the test set per pair, and the mean confidence: the paper's Figure 4, one column of it.
std::string confusion_svg(const SystemScores& scores, const std::string& title);
// Share of wrong calls against the share of the system in the set: Figure S3.
std::string false_calls_svg(const SystemScores& scores, const std::string& title);
// Right and wrong calls by confidence, per predicted system: Figure S4.
std::string confidence_svg(const SystemScores& scores, const std::string& title);
// Accuracy against the mean of each class; `diagonal`: where a calibrated confidence would lie.
std::string curve_svg(const Curve& curve, const std::string& title, const Axis& axis, bool diagonal);
// Accuracy against an error of the measurement.
std::string stress_svg(const Evaluation::Stress& stress);
// Predicted against true lengths, per predicted system: Figures 6 and S5.
std::string lengths_svg(const LengthGuesses& guesses, const std::string& title);
// Histograms of the error of the lengths: Figures S6 and S7.
std::string length_errors_svg(const LengthGuesses& guesses, const std::string& title);

}  // namespace bragglive
