#include <algorithm>
#include <cmath>
#include <fstream>

#include "core/train/report.hpp"

namespace bragglive {
namespace {

constexpr double k_paper_individual = 0.67, k_paper_aggregate = 0.79;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// Rows true, columns predicted; a cell's colour is its share of the row.
std::string confusion_svg(const SystemScores& scores, const std::string& title) {
  std::vector<std::size_t> systems;
  for (std::size_t s = 1; s < static_cast<std::size_t>(k_crystal_systems); ++s) {
    double seen = 0;
    for (const double n : scores.count[s]) seen += n;
    if (seen > 0) systems.push_back(s);
  }
  constexpr int k_cell = 56, k_left = 110, k_top = 60;
  const int side = static_cast<int>(systems.size()) * k_cell;
  std::string svg = fmt::format(
      "<svg width='{}' height='{}' font-size='12' font-family='sans-serif'><text x='4' y='18' "
      "font-size='14'>{}: {:.1f} %</text><text x='{}' y='36'>predicted</text>",
      k_left + side + 10, k_top + side + 10, title, 100 * scores.accuracy(), k_left);
  for (std::size_t i = 0; i < systems.size(); ++i) {
    const std::string name(k_crystal_system_names[systems[i]]);
    svg += fmt::format(
        "<text x='{}' y='{}' text-anchor='end'>{}</text><text x='{}' y='{}' text-anchor='middle'>{}</text>",
        k_left - 6, k_top + static_cast<int>(i) * k_cell + 32, name,
        k_left + static_cast<int>(i) * k_cell + 28, k_top - 6, name.substr(0, 7));
    double row = 0;
    for (const double n : scores.count[systems[i]]) row += n;
    for (std::size_t j = 0; j < systems.size(); ++j) {
      const double n = scores.count[systems[i]][systems[j]], share = row > 0 ? n / row : 0;
      const int shade = static_cast<int>(255 - 200 * share);
      svg += fmt::format(
          "<rect x='{}' y='{}' width='54' height='54' fill='rgb({},{},255)'/><text x='{}' y='{}' "
          "text-anchor='middle' "
          "fill='{}'>{:.0f} %</text><text x='{}' y='{}' text-anchor='middle' font-size='10' fill='{}'>conf "
          "{:.2f}</text>",
          k_left + static_cast<int>(j) * k_cell, k_top + static_cast<int>(i) * k_cell, shade, shade,
          k_left + static_cast<int>(j) * k_cell + 27, k_top + static_cast<int>(i) * k_cell + 26,
          share > 0.6 ? "white" : "black", 100 * share, k_left + static_cast<int>(j) * k_cell + 27,
          k_top + static_cast<int>(i) * k_cell + 42, share > 0.6 ? "white" : "#555",
          n > 0 ? scores.confidence_sum[systems[i]][systems[j]] / n : 0.0);
    }
  }
  return svg + "</svg>";
}

struct Axis {
  std::string title;
  double low, high;
  bool logarithmic;
};

// Accuracy against the mean of each class; `diagonal`: where a calibrated confidence would lie.
std::string curve_svg(const Curve& curve, const std::string& title, const Axis& axis, bool diagonal) {
  constexpr double k_left = 50, k_top = 30, k_width = 300, k_height = 200;
  const auto place = [&](double v) {
    const double low = axis.logarithmic ? std::log(axis.low) : axis.low,
                 high = axis.logarithmic ? std::log(axis.high) : axis.high;
    return k_left +
           k_width * std::clamp(((axis.logarithmic ? std::log(std::max(v, 1e-9)) : v) - low) / (high - low),
                                0.0, 1.0);
  };
  std::string svg = fmt::format(
      "<svg width='370' height='280' font-size='12' font-family='sans-serif'><text x='4' y='18' "
      "font-size='14'>{}"
      "</text><rect x='50' y='30' width='300' height='200' fill='none' stroke='#888'/>",
      title);
  for (const double y : {0.0, 0.25, 0.5, 0.75, 1.0})
    svg += fmt::format("<text x='44' y='{:.0f}' text-anchor='end'>{:.0f} %</text>",
                       k_top + k_height * (1 - y) + 4, 100 * y);
  if (diagonal) svg += "<line x1='50' y1='230' x2='350' y2='30' stroke='#bbb' stroke-dasharray='4'/>";
  std::string points;
  for (std::size_t i = 0; i < curve.share.size(); ++i) {
    const Share& share = curve.share[i];
    if (share.total < 20) continue;
    const double mean = curve.sum[i] / share.total, x = place(mean),
                 y = k_top + k_height * (1 - share.value());
    points += fmt::format("{:.1f},{:.1f} ", x, y);
    svg += fmt::format(
        "<circle cx='{:.1f}' cy='{:.1f}' r='4' fill='#2060c0'><title>{:.3g}: {:.1f} % of "
        "{:.0f}</title></circle>"
        "<text x='{:.1f}' y='246' text-anchor='middle' font-size='10'>{:.2g}</text>",
        x, y, mean, 100 * share.value(), share.total, x, mean);
  }
  return svg + fmt::format(
                   "<polyline points='{}' fill='none' stroke='#2060c0'/><text x='200' y='268' "
                   "text-anchor='middle'>{}</text></svg>",
                   points, axis.title);
}

// Share of the predictions within an error, per system.
std::string error_svg(const std::array<std::array<std::vector<float>, 3>, k_crystal_systems>& errors,
                      const std::string& title) {
  constexpr std::array<const char*, k_crystal_systems> k_colours = {
      "", "#999", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"};
  std::string svg = fmt::format(
      "<svg width='500' height='280' font-size='12' font-family='sans-serif'><text x='4' y='18' "
      "font-size='14'>{}</text>"
      "<rect x='50' y='30' width='300' height='200' fill='none' stroke='#888'/>",
      title);
  for (std::size_t s = 1; s < errors.size(); ++s) {
    std::vector<float> sorted = errors[s][0];
    if (sorted.size() < 20) continue;
    std::sort(sorted.begin(), sorted.end());
    std::string points;
    for (int i = 0; i <= 60; ++i) {
      const double error = 0.005 * std::pow(10.0, i / 20.0);
      const auto below =
          std::upper_bound(sorted.begin(), sorted.end(), static_cast<float>(error)) - sorted.begin();
      points += fmt::format("{:.1f},{:.1f} ", 50 + 5.0 * i,
                            230 - 200.0 * static_cast<double>(below) / static_cast<double>(sorted.size()));
    }
    svg += fmt::format(
        "<polyline points='{}' fill='none' stroke='{}' stroke-width='2'/><text x='360' y='{}' "
        "fill='{}'>{}</text>",
        points, k_colours[s], 30 + 18 * static_cast<int>(s), k_colours[s], k_crystal_system_names[s]);
  }
  for (const auto& [x, text] : {std::pair{50, "0.005"}, {150, "0.05"}, {250, "0.5"}, {350, "5"}})
    svg += fmt::format("<text x='{}' y='246' text-anchor='middle' font-size='10'>{}</text>", x, text);
  return svg +
         "<text x='200' y='268' text-anchor='middle'>error of a, angstrom; share within it</text></svg>";
}

// The curves over errors of the measurement.
std::string stress_tables(const Evaluation& e) {
  std::string page;
  for (const auto& stress : e.stress) {
    std::string head = "<tr><td>" + stress.what + "</td>", row = "<tr><td>crystal system right</td>";
    for (const auto& [value, share] : stress.at) {
      head += fmt::format("<td>{:g}</td>", value);
      row += fmt::format("<td style='background:rgba(32,96,192,{:.2f})'>{:.1f} %</td>", 0.6 * share.value(),
                         100 * share.value());
    }
    page += "<table>" + head + "</tr>" + row + "</tr></table><br>";
  }
  return page;
}

std::string quality_text(const Evaluation& e) {
  std::string text = fmt::format("<p>Confidence is off by {:.1f} percentage points on average.",
                                 100 * e.calibration_error());
  if (std::isfinite(e.mixed_auc))
    text += fmt::format(
        " Two overlapping crystals against one: area under the curve {:.3f}. Patterns that no crystal makes "
        "(random spots, many "
        "grains) against one crystal: {:.3f}.",
        e.mixed_auc, e.outlier_auc);
  return text + "</p>";
}

std::string submodel_table(const Evaluation& e) {
  std::string rows;
  for (std::size_t s = 1; s < static_cast<std::size_t>(k_crystal_systems); ++s) {
    if (e.individual.precision(s) == 0 && e.individual.sensitivity(s) == 0) continue;
    const auto lattice = [&](const auto& errors) {
      return fmt::format("{:.2f} / {:.2f} / {:.2f}", median_of(errors[s][0]), median_of(errors[s][1]),
                         median_of(errors[s][2]));
    };
    rows += fmt::format(
        "<tr><td>{}</td><td>{:.0f} / {:.0f}</td><td>{:.0f} / "
        "{:.0f}</td><td>{:.0f}</td><td>{:.0f}</td><td>{}</td><td>{}</td></tr>",
        k_crystal_system_names[s], 100 * e.individual.precision(s), 100 * e.individual.sensitivity(s),
        100 * e.aggregate10.precision(s), 100 * e.aggregate10.sensitivity(s),
        100 * e.group_individual[s].value(), 100 * e.group_aggregate10[s].value(),
        lattice(e.lattice_individual), lattice(e.lattice_aggregate10));
  }
  return "<table><tr><th>system</th><th>one pattern: precision / sensitivity %</th><th>ten</th><th>space "
         "group %, one</th><th>ten</th>"
         "<th>median error a / b / c, &Aring;, one</th><th>ten</th></tr>" +
         rows + "</table>";
}

}  // namespace

std::string report_html(const Evaluation& e, const ReportContext& context) {
  std::string page = "<!doctype html><html lang='en'><meta charset='utf-8'><title>" + escaped(context.title) +
                     "</title><style>body{font-family:sans-serif;max-width:1100px;margin:2em "
                     "auto}td,th{padding:2px 10px;text-align:left}"
                     "table{border-collapse:collapse}tr{border-bottom:1px solid "
                     "#ddd}pre{background:#f4f4f4;padding:1em;white-space:pre-wrap}"
                     "</style><h1>" +
                     escaped(context.title) + "</h1>";
  page += fmt::format(
      "<p>{} patterns of {} materials; {} more had too few disks.</p><table><tr><th>crystal system "
      "right</th><th>here</th>"
      "<th>paper (its own protocol)</th></tr><tr><td>one pattern</td><td>{:.1f} %</td><td>{:.0f} "
      "%</td></tr><tr><td>ten "
      "patterns, difference aggregation</td><td>{:.1f} %</td><td>{:.0f} %</td></tr><tr><td>ten patterns, sum "
      "of log "
      "probabilities</td><td>{:.1f} %</td><td></td></tr></table>",
      e.patterns, e.materials, e.too_few_disks, 100 * e.individual.accuracy(), 100 * k_paper_individual,
      100 * e.aggregate10.accuracy(), 100 * k_paper_aggregate, 100 * e.merged10.accuracy());
  page +=
      "<p>The paper tests on the same grid of zone axes, in the same in-plane frame, that it trained on, "
      "without noise; a report of the "
      "field protocol is no reproduction of it.</p><h2>Confusion</h2>";
  page +=
      confusion_svg(e.individual, "one pattern") + confusion_svg(e.aggregate10, "ten, difference") +
      confusion_svg(e.merged10, e.merged_by_forest ? "ten, spot lists together" : "ten, log probabilities");
  page += "<h2>When it is right</h2>";
  page += curve_svg(e.by_confidence, "accuracy against confidence", {"confidence", 0, 1, false}, true);
  page += curve_svg(e.by_spots, "accuracy against the number of spots", {"spots", 5, 200, true}, false);
  page += curve_svg(e.by_thickness, "accuracy against thickness", {"nm", 2, 200, true}, false);
  page += quality_text(e);
  if (!e.stress.empty()) page += "<h2>What errors of the measurement cost</h2>" + stress_tables(e);
  page +=
      "<h2>Space group and lattice</h2><p>Of the predicted system's forests, counted under the predicted "
      "system, wrong systems included "
      "(the paper's Figure 5).</p>" +
      submodel_table(e) + error_svg(e.lattice_individual, "one pattern") +
      error_svg(e.lattice_aggregate10, "ten patterns");
  return page + "<h2>Settings</h2><pre>" + escaped(context.settings) + "</pre></html>\n";
}

Expected<void> write_report_files(const std::filesystem::path& folder, const std::string& json,
                                  const std::string& html) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem)
    return fail(ErrorArea::file, "cannot make the folder {}: {}", folder.string(), problem.message());
  for (const auto& [name, text] : {std::pair{"report.json", &json}, {"report.html", &html}}) {
    std::ofstream out(folder / name, std::ios::binary);
    out << *text;
    out.close();
    if (!out) return fail(ErrorArea::file, "cannot write {}: is the disk full?", (folder / name).string());
  }
  return {};
}

Expected<void> write_report(const std::filesystem::path& folder, const Evaluation& evaluation,
                            const ReportContext& context) {
  return write_report_files(folder, report_json(evaluation, context), report_html(evaluation, context));
}

}  // namespace bragglive
