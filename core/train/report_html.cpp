#include <cmath>
#include <fstream>

#include "core/train/report.hpp"
#include "core/train/report_plots.hpp"

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
    const auto lattice = [&](const LengthGuesses& guesses) {
      return fmt::format("{:.2f} / {:.2f} / {:.2f}", median_error(guesses[s][0]), median_error(guesses[s][1]),
                         median_error(guesses[s][2]));
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

// What the paper's text says in numbers; the cells of its Figure 5 are printed as a picture only.
std::string paper_table(const Evaluation& e) {
  const auto s = [](CrystalSystem system) { return static_cast<std::size_t>(system); };
  std::string rows;
  const auto row = [&](const std::string& what, const std::string& here, const std::string& paper) {
    rows += "<tr><td>" + what + "</td><td>" + here + "</td><td>" + paper + "</td></tr>";
  };
  const auto pair = [](double one, double ten, const char* format) {
    return fmt::format(fmt::runtime(format), one, ten);
  };
  row("mean confidence of right / wrong calls, one pattern",
      pair(100 * e.individual.mean_confidence(true), 100 * e.individual.mean_confidence(false),
           "{:.0f} / {:.0f} %"),
      "55 / 38 %");
  row("the same, ten",
      pair(100 * e.aggregate10.mean_confidence(true), 100 * e.aggregate10.mean_confidence(false),
           "{:.0f} / {:.0f} %"),
      "88 / 66 %");
  row("cubic, one pattern: right when said / found",
      pair(100 * e.individual.precision(s(CrystalSystem::cubic)),
           100 * e.individual.sensitivity(s(CrystalSystem::cubic)), "{:.0f} / {:.0f} %"),
      "92 / 86 %");
  row("orthorhombic, one pattern: wrong when said",
      fmt::format("{:.0f} %", 100 * (1 - e.individual.precision(s(CrystalSystem::orthorhombic)))), "43 %");
  const auto length = [&](CrystalSystem system, std::size_t k) {
    return pair(median_error(e.lattice_individual[s(system)][k]),
                median_error(e.lattice_aggregate10[s(system)][k]), "{:.3f} / {:.3f}");
  };
  row("median error, \u00c5, one / ten: cubic a", length(CrystalSystem::cubic, 0), "0.03 / 0.02");
  for (const CrystalSystem system :
       {CrystalSystem::hexagonal, CrystalSystem::tetragonal, CrystalSystem::trigonal})
    row(std::string(name_of(system)) + " a", length(system, 0), "about 0.1 / 0.07");
  row("hexagonal c", length(CrystalSystem::hexagonal, 2), "0.26 / 0.14");
  row("tetragonal c", length(CrystalSystem::tetragonal, 2), "0.5-0.6 / 0.26");
  row("trigonal c", length(CrystalSystem::trigonal, 2), "0.5-0.6 / 0.40");
  const auto group = [&](CrystalSystem system) {
    return pair(100 * e.group_individual[s(system)].value(), 100 * e.group_aggregate10[s(system)].value(),
                "{:.0f} / {:.0f} %");
  };
  row("space group right, one / ten: cubic", group(CrystalSystem::cubic), "almost 90 / a few more");
  for (const CrystalSystem system :
       {CrystalSystem::hexagonal, CrystalSystem::trigonal, CrystalSystem::tetragonal})
    row(std::string(name_of(system)), group(system), "50-70 / 70-90 %");
  return "<h2>Beside the paper</h2><table><tr><th></th><th>here</th><th>paper</th></tr>" + rows + "</table>";
}

}  // namespace

std::string report_html(const Evaluation& e, const ReportContext& context) {
  const std::string ours = e.merged_by_forest ? "ten, spot lists together" : "ten, log probabilities";
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
      "patterns, difference aggregation</td><td>{:.1f} %</td><td>{:.0f} %</td></tr><tr><td>{}</td><td>{:.1f} "
      "%</td><td></td></tr></table>",
      e.patterns, e.materials, e.too_few_disks, 100 * e.individual.accuracy(), 100 * k_paper_individual,
      100 * e.aggregate10.accuracy(), 100 * k_paper_aggregate, ours, 100 * e.merged10.accuracy());
  page +=
      "<p>The paper tests on the same grid of zone axes, in the same in-plane frame, that it trained on, "
      "without noise; a report of the "
      "field protocol is no reproduction of it.</p>";
  page += paper_table(e);
  page +=
      "<h2>Confusion (Figure 4)</h2><p>Share of the test set per pair of true and predicted system, and the "
      "mean confidence of these predictions in %; the colour is the share of the row.</p>" +
      confusion_svg(e.individual, "one pattern") + confusion_svg(e.aggregate10, "ten, difference") +
      confusion_svg(e.merged10, ours) + "<h2>Wrong calls (Figure S3)</h2>" +
      false_calls_svg(e.individual, "one pattern") + false_calls_svg(e.aggregate10, "ten, difference");
  page += "<h2>Confidence (Figure S4)</h2>" + quality_text(e) +
          confidence_svg(e.individual, "one pattern, by predicted system") +
          confidence_svg(e.aggregate10, "ten, difference aggregation, by predicted system");
  page += "<h2>When it is right</h2>";
  page += curve_svg(e.by_confidence, "accuracy against confidence", {"confidence", 0, 1, false}, true);
  page += curve_svg(e.by_spots, "accuracy against the number of spots", {"spots", 5, 200, true}, false);
  page += curve_svg(e.by_thickness, "accuracy against thickness", {"nm", 2, 200, true}, false);
  if (!e.stress.empty()) page += "<h2>What errors of the measurement cost</h2>";
  for (const auto& stress : e.stress) page += stress_svg(stress);
  page +=
      "<h2>Space group and lattice (Figure 5)</h2><p>Of the predicted system's forests, counted under the "
      "predicted system, wrong systems included.</p>" +
      submodel_table(e) + "<h2>Predicted and true lengths (Figures S5 and 6)</h2>" +
      lengths_svg(e.lattice_individual, "one pattern (S5)") +
      lengths_svg(e.lattice_aggregate10, "ten patterns (6)") +
      "<h2>Errors of the lengths (Figures S6 and S7)</h2>" +
      length_errors_svg(e.lattice_individual, "one pattern (S6)") +
      length_errors_svg(e.lattice_aggregate10, "ten patterns (S7)");
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
