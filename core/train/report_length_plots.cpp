// The plots of lattice lengths: one panel per predicted system and length.
#include <algorithm>
#include <cmath>

#include "core/train/report_plots.hpp"

namespace bragglive {
namespace {

constexpr double k_panel = 150, k_gap = 44, k_left = 132, k_top = 64;
constexpr const char* k_letters[] = {"a", "b", "c"};

std::string label(double x, double y, const std::string& what, const char* anchor, int size = 12) {
  return fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}' font-size='{}'>{}</text>", x, y, anchor,
                     size, what);
}

std::string square(double x, double y, double width, double height, bool right, double opacity) {
  return fmt::format(
      "<rect x='{:.1f}' y='{:.1f}' width='{:.2f}' height='{:.2f}' fill='{}' fill-opacity='{:.2f}'/>", x, y,
      width, height, right ? "#2b6cb0" : "#dd8a1d", opacity);
}

// draw(system, length, x, y): what goes into the panel whose upper left corner is x, y.
template <class Draw>
std::string panels(const LengthGuesses& guesses, const std::string& title, Draw draw) {
  std::vector<std::size_t> systems;
  for (std::size_t s = 1; s < guesses.size(); ++s)
    if (!guesses[s][0].empty()) systems.push_back(s);
  const double width = k_left + 3 * (k_panel + k_gap),
               height = k_top + static_cast<double>(systems.size()) * (k_panel + k_gap);
  std::string svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{0:.0f}' height='{1:.0f}' viewBox='0 0 {0:.0f} "
      "{1:.0f}' "
      "font-family='sans-serif' fill='#222'><rect width='{0:.0f}' height='{1:.0f}' fill='white'/>"
      "<text x='6' y='18' font-size='14' font-weight='bold'>{2}</text>",
      width, height, title);
  svg += square(6, 29, 10, 10, true, 1) + label(20, 38, "system right", "start") +
         square(106, 29, 10, 10, false, 1) + label(120, 38, "system wrong", "start");
  for (std::size_t k = 0; k < 3; ++k)
    svg += label(k_left + static_cast<double>(k) * (k_panel + k_gap) + k_panel / 2, k_top - 8, k_letters[k],
                 "middle", 13);
  for (std::size_t i = 0; i < systems.size(); ++i) {
    const double y = k_top + static_cast<double>(i) * (k_panel + k_gap);
    svg += label(k_left - 34, y + k_panel / 2, std::string(k_crystal_system_names[systems[i]]), "end");
    for (std::size_t k = 0; k < 3; ++k) {
      const double x = k_left + static_cast<double>(k) * (k_panel + k_gap);
      svg += draw(systems[i], k, x, y);
      svg += fmt::format("<rect x='{:.1f}' y='{:.1f}' width='{}' height='{}' fill='none' stroke='#999'/>", x,
                         y, k_panel, k_panel);
    }
  }
  return svg + "</svg>";
}

// Up to the 98th percentile of the true lengths, rounded up to 5 Å.
double longest(const std::vector<LengthGuess>& guesses) {
  std::vector<float> truth;
  for (const LengthGuess& one : guesses) truth.push_back(one.truth);
  const auto at = truth.begin() + static_cast<std::ptrdiff_t>(0.98 * static_cast<double>(truth.size() - 1));
  std::nth_element(truth.begin(), at, truth.end());
  return 5 * std::ceil(static_cast<double>(*at) / 5);
}

}  // namespace

std::string lengths_svg(const LengthGuesses& guesses, const std::string& title) {
  return panels(guesses, title, [&](std::size_t s, std::size_t k, double x, double y) {
    constexpr std::size_t k_cells = 36;
    const double reach = longest(guesses[s][k]);
    std::array<std::vector<double>, 2> cells = {std::vector<double>(k_cells * k_cells),
                                                std::vector<double>(k_cells * k_cells)};
    double most = 1;
    for (const LengthGuess& one : guesses[s][k]) {
      const auto col = static_cast<std::size_t>(static_cast<double>(one.truth) / reach * k_cells),
                 row = static_cast<std::size_t>(static_cast<double>(one.guess) / reach * k_cells);
      if (col >= k_cells || row >= k_cells) continue;
      most = std::max(most, ++cells[one.system_right ? 1 : 0][row * k_cells + col]);
    }
    constexpr double k_side = k_panel / k_cells;
    std::string svg;
    for (const std::size_t kind : {std::size_t{0}, std::size_t{1}})
      for (std::size_t at = 0; at < cells[kind].size(); ++at)
        if (cells[kind][at] > 0)
          svg += square(x + k_side * static_cast<double>(at % k_cells),
                        y + k_panel - k_side * static_cast<double>(at / k_cells + 1), k_side, k_side,
                        kind == 1, 0.25 + 0.75 * std::log1p(cells[kind][at]) / std::log1p(most));
    svg += fmt::format(
        "<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' stroke='#555' stroke-width='0.7'/>", x,
        y + k_panel, x + k_panel, y);
    return svg + label(x, y + k_panel + 13, "0", "middle", 10) +
           label(x + k_panel, y + k_panel + 13, fmt::format("{:.0f} \u00c5", reach), "middle", 10) +
           label(x + k_panel / 2, y + k_panel + 13, "true", "middle", 10) +
           label(x - 4, y + 10, fmt::format("{:.0f}", reach), "end", 10) +
           label(x - 4, y + k_panel / 2, "pred.", "end", 10);
  });
}

std::string length_errors_svg(const LengthGuesses& guesses, const std::string& title) {
  return panels(guesses, title, [&](std::size_t s, std::size_t k, double x, double y) {
    constexpr std::size_t k_bins = 30;
    constexpr double k_reach = 3;  // Å
    std::array<std::array<double, 2>, k_bins> bins{};
    for (const LengthGuess& one : guesses[s][k]) {
      const auto bin = std::min(k_bins - 1, static_cast<std::size_t>(std::abs(one.guess - one.truth) /
                                                                     static_cast<float>(k_reach) * k_bins));
      ++bins[bin][one.system_right ? 1 : 0];
    }
    double most = 1;
    for (const auto& [wrong, right] : bins) most = std::max(most, wrong + right);
    constexpr double k_width = k_panel / k_bins;
    std::string svg;
    for (std::size_t bin = 0; bin < k_bins; ++bin) {
      const auto& [wrong, right] = bins[bin];
      const double low = (k_panel - 4) * right / most, high = (k_panel - 4) * wrong / most,
                   left = x + k_width * static_cast<double>(bin);
      svg += square(left, y + k_panel - low, k_width - 0.4, low, true, 1) +
             square(left, y + k_panel - low - high, k_width - 0.4, high, false, 1);
    }
    return svg + label(x, y + k_panel + 13, "0", "middle", 10) +
           label(x + k_panel, y + k_panel + 13, "3 \u00c5 and more", "middle", 10) +
           label(x + k_panel / 2 - 8, y + k_panel + 13, "|error|", "middle", 10) +
           label(x + k_panel - 5, y + 16, fmt::format("median {:.2f} \u00c5", median_error(guesses[s][k])),
                 "end", 11);
  });
}

}  // namespace bragglive
