#include "core/train/scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bragglive {

void SystemScores::add(CrystalSystem truth, CrystalSystem predicted, double confidence) {
  const auto t = static_cast<std::size_t>(truth), p = static_cast<std::size_t>(predicted);
  const auto bin = static_cast<std::size_t>(std::clamp(confidence, 0.0, 0.9999) * k_confidence_bins);
  count[t][p] += 1;
  confidence_sum[t][p] += confidence;
  by_confidence[p][bin][truth == predicted ? 1 : 0] += 1;
  total += 1;
  right += truth == predicted ? 1 : 0;
}

double SystemScores::sensitivity(std::size_t system) const {
  double all = 0;
  for (const double n : count[system]) all += n;
  return all > 0 ? count[system][system] / all : 0;
}

double SystemScores::precision(std::size_t system) const {
  double all = 0;
  for (const auto& row : count) all += row[system];
  return all > 0 ? count[system][system] / all : 0;
}

double SystemScores::mean_confidence(bool of_right) const {
  double sum = 0, n = 0;
  for (std::size_t t = 0; t < count.size(); ++t)
    for (std::size_t p = 0; p < count.size(); ++p)
      if ((t == p) == of_right) sum += confidence_sum[t][p], n += count[t][p];
  return n > 0 ? sum / n : std::numeric_limits<double>::quiet_NaN();
}

Curve::Curve(std::vector<double> edges)
    : edge(std::move(edges)), share(edge.size() + 1), sum(edge.size() + 1) {}

void Curve::add(double at, bool right) {
  const auto i = static_cast<std::size_t>(std::upper_bound(edge.begin(), edge.end(), at) - edge.begin());
  share[i].total += 1;
  share[i].right += right ? 1 : 0;
  sum[i] += at;
}

double median_of(std::vector<float> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? double{values[n / 2]} : (double{values[n / 2 - 1]} + double{values[n / 2]}) / 2;
}

double median_error(const std::vector<LengthGuess>& guesses) {
  std::vector<float> errors;
  errors.reserve(guesses.size());
  for (const LengthGuess& one : guesses) errors.push_back(std::abs(one.guess - one.truth));
  return median_of(std::move(errors));
}

}  // namespace bragglive
