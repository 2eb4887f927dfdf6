// report.json and report.html of a specimen model.
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/train/report.hpp"
#include "core/train/specimen_evaluation.hpp"

namespace bragglive {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) {
  return std::round(value * 1e6) / 1e6;
}

Json share_json(const Share& share) {
  return {{"share", share.total > 0 ? Json(rounded(share.value())) : Json()}, {"patterns", share.total}};
}

Json curve_json(const Curve& curve) {
  Json out = Json::array();
  for (std::size_t i = 0; i < curve.share.size(); ++i)
    if (curve.share[i].total > 0)
      out.push_back({{"mean", rounded(curve.sum[i] / curve.share[i].total)},
                     {"right", rounded(curve.share[i].value())},
                     {"patterns", curve.share[i].total}});
  return out;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

std::string confusion_table(const SpecimenEvaluation& e) {
  std::string table = "<table><tr><th>true \\ said</th>";
  for (const std::string& name : e.names) table += "<th>" + escaped(name) + "</th>";
  for (std::size_t row = 0; row < e.names.size(); ++row) {
    double sum = 0;
    for (const double n : e.confusion[row]) sum += n;
    if (sum == 0) continue;
    table += "</tr><tr><td>" + escaped(e.names[row]) + "</td>";
    for (const double n : e.confusion[row])
      table +=
          fmt::format("<td style='background:rgba(32,96,192,{:.2f})'>{:.1f} %</td>", n / sum, 100 * n / sum);
  }
  return table + "</tr></table>";
}

std::string curve_table(const Curve& curve, const std::string& what) {
  std::string table = "<table><tr><th>" + what + "</th><th>right</th><th>patterns</th></tr>";
  for (std::size_t i = 0; i < curve.share.size(); ++i)
    if (curve.share[i].total > 0)
      table += fmt::format("<tr><td>{:.3g}</td><td>{:.1f} %</td><td>{:.0f}</td></tr>",
                           curve.sum[i] / curve.share[i].total, 100 * curve.share[i].value(),
                           curve.share[i].total);
  return table + "</table>";
}

std::string page_of(const SpecimenEvaluation& e, const ReportContext& context) {
  return fmt::format(
      "<!doctype html><html lang='en'><meta "
      "charset='utf-8'><title>{0}</title><style>body{{font-family:sans-serif;"
      "max-width:1000px;margin:2em auto}}td,th{{padding:3px "
      "12px;text-align:left}}table{{border-collapse:collapse}}"
      "pre{{background:#f4f4f4;padding:1em;white-space:pre-wrap}}</style><h1>{0}: specimen model</h1>"
      "<p>{1} patterns; {2} more had too few disks.</p><table>"
      "<tr><td>right, patterns of candidates with 8 spots or more</td><td>{3:.1f} % of {4:.0f}</td></tr>"
      "<tr><td>right, with fewer spots</td><td>{5:.1f} % of {6:.0f}</td></tr>"
      "<tr><td>confidence that 95 % of them reach</td><td>{7:.2f}</td></tr>"
      "<tr><td>other materials: no candidate named</td><td>{8:.1f} % of {9:.0f}</td></tr>"
      "<tr><td>other materials: no candidate named, or below that confidence</td><td>{10:.1f} "
      "%</td></tr></table>"
      "<h2>Confusion</h2>{11}<h2>How often a confidence is right</h2>{12}<h2>By number of spots</h2>{13}"
      "<h2>By thickness</h2>{14}<h2>Settings</h2><pre>{15}</pre></html>\n",
      escaped(context.title), e.patterns, e.too_few_disks, 100 * e.right.value(), e.right.total,
      100 * e.right_few.value(), e.right_few.total, e.confidence_of_95, 100 * e.refused.value(),
      e.refused.total, 100 * e.turned_away.value(), confusion_table(e),
      curve_table(e.by_confidence, "confidence"), curve_table(e.by_spots, "spots"),
      curve_table(e.by_thickness, "nm"), escaped(context.settings));
}

}  // namespace

Expected<void> write_specimen_report(const std::filesystem::path& folder, const SpecimenEvaluation& e,
                                     const ReportContext& context) {
  Json json;
  json["phases"] = e.names;
  json["right_with_8_spots"] = share_json(e.right);
  json["right_with_fewer"] = share_json(e.right_few);
  json["confidence_of_95_percent"] = rounded(e.confidence_of_95);
  json["others_refused"] = share_json(e.refused);
  json["others_turned_away"] = share_json(e.turned_away);
  json["confusion"] = e.confusion;
  json["by_confidence"] = curve_json(e.by_confidence);
  json["by_spots"] = curve_json(e.by_spots);
  json["by_thickness_nm"] = curve_json(e.by_thickness);
  json["counts"] = {{"patterns", e.patterns}, {"patterns_with_too_few_disks", e.too_few_disks}};
  const Json settings = Json::parse(context.settings, nullptr, false);
  json["settings"] = settings.is_discarded() ? Json() : settings;
  return write_report_files(folder, json.dump(1) + "\n", page_of(e, context));
}

}  // namespace bragglive
