#include "gui/save/map_table.hpp"

#include <fmt/format.h>

#include <QSaveFile>
#include <cmath>
#include <iterator>

#include "gui/colour/label_scheme.hpp"
#include "gui/save/target.hpp"

namespace bragglive::gui {
namespace {

void add_number(std::string& out, float value, int digits) {
  out += ',';
  if (std::isfinite(value)) fmt::format_to(std::back_inserter(out), "{:.{}f}", value, digits);
}

// A phase's name as a CSV field; empty without a phase.
std::string phase_field(const LabelScheme& labels, std::uint8_t phase) {
  if (!labels.has_phases()) return {};
  QString name = labels.name(phase);
  return ("\"" + name.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + "\"").toStdString();
}

void add_position(std::string& out, const LabelScheme& labels, const MapRow& row, std::size_t r,
                  std::size_t c) {
  const bool predicted = row.raw_state[c] == static_cast<std::uint8_t>(PositionState::labelled);
  fmt::format_to(std::back_inserter(out), "{},{},{},{}", r, c, k_position_state_names[row.state[c] & 7U],
                 name_of(static_cast<CrystalSystem>(row.system[c] & 7U)));
  const float nothing = std::nanf("");
  add_number(out, row.filtered_margin[c], 4);
  fmt::format_to(std::back_inserter(out), ",{}", name_of(static_cast<CrystalSystem>(row.raw_system[c] & 7U)));
  add_number(out, predicted ? row.confidence[c] : nothing, 4);
  add_number(out, predicted ? row.difference_confidence[c] : nothing, 4);
  out += ',';
  if (predicted && row.space_group[c] > 0) out += std::to_string(row.space_group[c]);
  for (const auto& axis : row.lattice) add_number(out, axis[c], 4);
  fmt::format_to(std::back_inserter(out), ",{}", row.disk_count[c]);
  add_number(out, row.bright_field[c], 1);
  add_number(out, row.dark_field[c], 1);
  add_number(out, row.mixed[c], 4);
  add_number(out, row.outlier[c], 4);
  const bool labelled = row.state[c] == static_cast<std::uint8_t>(PositionState::labelled);
  out += ',' + (labelled ? phase_field(labels, row.phase[c]) : std::string()) + ',' +
         (predicted ? phase_field(labels, row.raw_phase[c]) : std::string());
  out += '\n';
}

}  // namespace

Expected<void> save_table(const MapSnapshot& map, const QString& source, const QString& path) {
  if (auto checked = check_target(path); !checked) return checked;
  QSaveFile file(path);
  const auto failed = [&] {
    return fail(ErrorArea::file, "cannot write {}: {}; choose another place", path.toStdString(),
                file.errorString().toStdString());
  };
  if (!file.open(QIODevice::WriteOnly)) return failed();
  std::string text = fmt::format(
      "# bragglive map, {} rows x {} columns, threshold {}, 5x5 filter {}, {}, source {}\n"
      "row,col,state,crystal_system,filtered_margin,predicted_system,confidence,difference_confidence,space_"
      "group,"
      "a_angstrom,b_angstrom,c_angstrom,disk_count,bright_field,dark_field,mixed,outlier,phase,predicted_"
      "phase\n",
      map.scan.rows, map.scan.cols, map.threshold, map.filtered ? "on" : "off",
      map.finished ? "finished" : "scan still running", source.simplified().toStdString());
  const LabelScheme labels = LabelScheme::of(&map);
  for (std::size_t r = 0; r < map.rows.size(); ++r) {
    for (std::size_t c = 0; c < map.scan.cols; ++c) add_position(text, labels, *map.rows[r], r, c);
    if (file.write(text.data(), static_cast<qint64>(text.size())) != static_cast<qint64>(text.size()))
      return failed();
    text.clear();
  }
  if (!file.commit()) return failed();
  return {};
}

}  // namespace bragglive::gui
