#include "core/train/report_plots.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {
namespace {

constexpr const char* k_right = "#2b6cb0";
constexpr const char* k_wrong = "#dd8a1d";
constexpr std::array<const char*, k_crystal_systems> k_colours = {"",        "#777",    "#0072b2", "#b8860b",
                                                                  "#009e73", "#a0528a", "#3a9bd9", "#d55e00"};

std::string opening(double width, double height, const std::string& title) {
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{0:.0f}' height='{1:.0f}' viewBox='0 0 {0:.0f} "
      "{1:.0f}' "
      "font-size='12' font-family='sans-serif' fill='#222'><rect width='{0:.0f}' height='{1:.0f}' "
      "fill='white'/><text x='6' y='18' font-size='14' font-weight='bold'>{2}</text>",
      width, height, title);
}

std::string text(double x, double y, const std::string& what, const char* anchor = "middle",
                 const char* more = "") {
  return fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}' {}>{}</text>", x, y, anchor, more, what);
}

std::string frame(double x, double y, double width, double height) {
  return fmt::format("<rect x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{:.1f}' fill='none' stroke='#999'/>",
                     x, y, width, height);
}

std::string bar(double x, double y, double width, double height, const char* fill, double opacity = 1) {
  return fmt::format(
      "<rect x='{:.1f}' y='{:.1f}' width='{:.2f}' height='{:.2f}' fill='{}' fill-opacity='{:.2f}'/>", x, y,
      width, height, fill, opacity);
}

double seen(const SystemScores& scores, std::size_t system) {
  double sum = 0;
  for (const double n : scores.count[system]) sum += n;
  return sum;
}

std::string legend(double x, double y) {
  return bar(x, y - 9, 10, 10, k_right) + text(x + 14, y, "system right", "start") +
         bar(x + 100, y - 9, 10, 10, k_wrong) + text(x + 114, y, "system wrong", "start");
}

}  // namespace

std::vector<std::size_t> systems_of_truth(const SystemScores& scores) {
  std::vector<std::size_t> systems;
  for (std::size_t s = 1; s < static_cast<std::size_t>(k_crystal_systems); ++s)
    if (seen(scores, s) > 0) systems.push_back(s);
  return systems;
}

std::string confusion_svg(const SystemScores& scores, const std::string& title) {
  const auto systems = systems_of_truth(scores);
  constexpr double k_cell = 58, k_left = 104, k_top = 62;
  const double side = static_cast<double>(systems.size()) * k_cell;
  std::string svg = opening(k_left + side + 12, k_top + side + 12,
                            fmt::format("{}: {:.1f} % right", title, 100 * scores.accuracy())) +
                    text(k_left + side / 2, 38, "predicted") + text(k_left - 8, 38, "true", "end");
  for (std::size_t i = 0; i < systems.size(); ++i) {
    const std::string name(k_crystal_system_names[systems[i]]);
    const double y = k_top + static_cast<double>(i) * k_cell,
                 along = k_left + static_cast<double>(i) * k_cell;
    svg += text(k_left - 8, y + k_cell / 2 + 4, name, "end") +
           text(along + k_cell / 2, k_top - 7, name.size() > 9 ? name.substr(0, 8) + "." : name, "middle",
                "font-size='11'");
    const double row = seen(scores, systems[i]);
    for (std::size_t j = 0; j < systems.size(); ++j) {
      const double n = scores.count[systems[i]][systems[j]], share = row > 0 ? n / row : 0;
      const double x = k_left + static_cast<double>(j) * k_cell;
      const char* ink = share > 0.55 ? "fill='white'" : "";
      const double confidence = n > 0 ? scores.confidence_sum[systems[i]][systems[j]] / n : 0;
      svg += bar(x, y, k_cell - 2, k_cell - 2, "#eef2f7") +
             bar(x, y, k_cell - 2, k_cell - 2, k_right, std::sqrt(share)) +
             text(x + k_cell / 2 - 1, y + k_cell / 2 - 2, fmt::format("{:.1f} %", 100 * n / scores.total),
                  "middle", ink) +
             text(x + k_cell / 2 - 1, y + k_cell / 2 + 15,
                  n > 0 ? fmt::format("conf. {:.0f}", 100 * confidence) : std::string("-"), "middle",
                  share > 0.55 ? "font-size='10' fill='white'" : "font-size='10' fill='#555'");
    }
  }
  return svg + "</svg>";
}

std::string false_calls_svg(const SystemScores& scores, const std::string& title) {
  constexpr double k_left = 56, k_top = 30, k_width = 300, k_height = 200;
  std::string svg = opening(450, 284, title) + frame(k_left, k_top, k_width, k_height);
  for (const double y : {0.0, 0.25, 0.5, 0.75})
    svg += text(k_left - 6, k_top + k_height * (1 - y / 0.75) + 4, fmt::format("{:.0f} %", 100 * y), "end");
  for (const double x : {0.0, 0.1, 0.2, 0.3, 0.4})
    svg += text(k_left + k_width * x / 0.4, k_top + k_height + 16, fmt::format("{:.0f} %", 100 * x));
  double last_text = 0;
  auto systems = systems_of_truth(scores);
  std::sort(systems.begin(), systems.end(),
            [&](std::size_t a, std::size_t b) { return scores.precision(a) < scores.precision(b); });
  for (const std::size_t s : systems) {
    const double share = seen(scores, s) / scores.total, wrong = 1 - scores.precision(s);
    const double x = k_left + k_width * std::min(share / 0.4, 1.0),
                 y = k_top + k_height * (1 - std::min(wrong / 0.75, 1.0));
    // From above to below, so that no name lies on another.
    last_text = std::max(y + 4, last_text + 13);
    svg += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='5' fill='{}'/>", x, y, k_colours[s]) +
           fmt::format("<line x1='{:.1f}' y1='{:.1f}' x2='356' y2='{:.1f}' stroke='#ccc'/>", x + 6, y,
                       last_text - 4) +
           text(360, last_text, std::string(k_crystal_system_names[s]), "start");
  }
  return svg + text(k_left + k_width / 2, 272, "share of the test set") +
         fmt::format(
             "<text transform='translate(14,{:.0f}) rotate(-90)' text-anchor='middle'>wrong when "
             "said</text></svg>",
             k_top + k_height / 2);
}

std::string confidence_svg(const SystemScores& scores, const std::string& title) {
  const auto systems = systems_of_truth(scores);
  constexpr double k_panel = 150, k_gap = 34, k_left = 20, k_top = 66;
  std::string svg =
      opening(k_left + static_cast<double>(systems.size()) * (k_panel + k_gap), k_top + 110 + 40, title) +
      legend(k_left, 40);
  double x = k_left;
  for (const std::size_t s : systems) {
    double most = 1;
    for (const auto& bin : scores.by_confidence[s]) most = std::max(most, bin[0] + bin[1]);
    svg += text(x + k_panel / 2, k_top - 6, std::string(k_crystal_system_names[s])) +
           frame(x, k_top, k_panel, 110);
    constexpr double k_width = k_panel / static_cast<double>(SystemScores::k_confidence_bins);
    for (std::size_t bin = 0; bin < SystemScores::k_confidence_bins; ++bin) {
      const auto& [wrong, right] = scores.by_confidence[s][bin];
      const double left = x + k_width * static_cast<double>(bin), low = 108 * right / most,
                   high = 108 * wrong / most;
      svg += bar(left, k_top + 110 - low, k_width - 0.5, low, k_right) +
             bar(left, k_top + 110 - low - high, k_width - 0.5, high, k_wrong);
    }
    svg += text(x, k_top + 126, "0", "middle", "font-size='10'") +
           text(x + k_panel, k_top + 126, "1", "middle", "font-size='10'") +
           text(x + k_panel / 2, k_top + 126, "confidence", "middle", "font-size='10'");
    x += k_panel + k_gap;
  }
  return svg + "</svg>";
}

std::string curve_svg(const Curve& curve, const std::string& title, const Axis& axis, bool diagonal) {
  constexpr double k_left = 56, k_top = 30, k_width = 300, k_height = 200;
  const auto scaled = [&](double v) { return axis.logarithmic ? std::log(std::max(v, 1e-9)) : v; };
  const auto place = [&](double v) {
    const double low = scaled(axis.low), high = scaled(axis.high);
    return k_left + k_width * std::clamp((scaled(v) - low) / (high - low), 0.0, 1.0);
  };
  std::string svg = opening(380, 284, title) + frame(k_left, k_top, k_width, k_height);
  for (const double y : {0.0, 0.25, 0.5, 0.75, 1.0})
    svg += text(k_left - 6, k_top + k_height * (1 - y) + 4, fmt::format("{:.0f} %", 100 * y), "end");
  if (diagonal)
    svg += fmt::format("<line x1='{}' y1='{}' x2='{}' y2='{}' stroke='#aaa' stroke-dasharray='4'/>", k_left,
                       k_top + k_height, k_left + k_width, k_top);
  std::string points;
  double last_number = -1e9;
  for (std::size_t i = 0; i < curve.share.size(); ++i) {
    const Share& share = curve.share[i];
    if (share.total < 20) continue;
    const double mean = curve.sum[i] / share.total, x = place(mean),
                 y = k_top + k_height * (1 - share.value()), p = share.value();
    const double error = 100 * std::sqrt(p * (1 - p) / share.total);
    points += fmt::format("{:.1f},{:.1f} ", x, y);
    svg += fmt::format(
        "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1:.1f}' y2='{2:.1f}' stroke='{3}'/><circle cx='{0:.1f}' "
        "cy='{4:.1f}' r='4' fill='{3}'><title>{5:.3g}: {6:.1f} % of {7:.0f}</title></circle>",
        x, y - 2 * error, y + 2 * error, k_right, y, mean, 100 * p, share.total);
    if (x - last_number < 26) continue;
    svg += text(x, k_top + k_height + 16, fmt::format("{:.2g}", mean), "middle", "font-size='10'");
    last_number = x;
  }
  return svg +
         fmt::format("<polyline points='{}' fill='none' stroke='{}' stroke-width='1.5'/>", points, k_right) +
         text(k_left + k_width / 2, 272, axis.title) + "</svg>";
}

std::string stress_svg(const Evaluation::Stress& stress) {
  constexpr double k_left = 56, k_top = 30, k_width = 300, k_height = 200;
  std::string svg = opening(380, 284, "accuracy against " + stress.what) +
                    frame(k_left, k_top, k_width, k_height),
              points;
  for (const double y : {0.0, 0.25, 0.5, 0.75, 1.0})
    svg += text(k_left - 6, k_top + k_height * (1 - y) + 4, fmt::format("{:.0f} %", 100 * y), "end");
  const double last = std::max<double>(1, static_cast<double>(stress.at.size()) - 1);
  for (std::size_t i = 0; i < stress.at.size(); ++i) {
    const auto& [value, share] = stress.at[i];
    // The values are not evenly spread: one step each.
    const double x = k_left + 14 + (k_width - 28) * static_cast<double>(i) / last,
                 y = k_top + k_height * (1 - share.value());
    points += fmt::format("{:.1f},{:.1f} ", x, y);
    svg += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='4' fill='{}'/>", x, y, k_right) +
           text(x, y - 8, fmt::format("{:.0f}", 100 * share.value()), "middle", "font-size='10'") +
           text(x, k_top + k_height + 16, fmt::format("{:g}", value), "middle", "font-size='10'");
  }
  return svg +
         fmt::format("<polyline points='{}' fill='none' stroke='{}' stroke-width='1.5'/>", points, k_right) +
         text(k_left + k_width / 2, 272, stress.what) + "</svg>";
}

}  // namespace bragglive
