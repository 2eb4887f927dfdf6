// The result file R.h5: labels as shown, labels as predicted, disks, and everything needed to know where they
// came from.
#include <functional>
#include <nlohmann/json.hpp>

#include "core/detect/vector_map.hpp"
#include "core/hdf5/writer.hpp"
#include "plugin/scan_result.hpp"
#include "plugin/version.hpp"

namespace bragglive {
namespace {

using hdf5::Dims;
using hdf5::Writer;

// All of a plane's rows, one after the other.
template <class T>
std::vector<T> gather(const MapSnapshot& map, const std::function<T(const MapRow&, std::size_t)>& value) {
  std::vector<T> plane;
  plane.reserve(map.scan.positions());
  for (const auto& row : map.rows)
    for (std::size_t col = 0; col < map.scan.cols; ++col) plane.push_back(value(*row, col));
  return plane;
}

bool is_labelled(const MapRow& row, std::size_t col) {
  return row.state[col] == static_cast<std::uint8_t>(PositionState::labelled);
}

// What the forests of a system said belongs to the label only where the filter left that system standing.
bool agrees(const MapRow& row, std::size_t col) {
  return is_labelled(row, col) && row.raw_system[col] == row.system[col];
}

std::vector<float> gather_lattice(const MapSnapshot& map, bool shown) {
  std::vector<float> values;
  values.reserve(map.scan.positions() * 3);
  for (const auto& row : map.rows)
    for (std::size_t col = 0; col < map.scan.cols; ++col)
      for (const auto& axis : row->lattice)
        values.push_back(!shown || agrees(*row, col) ? axis[col] : std::numeric_limits<float>::quiet_NaN());
  return values;
}

// Writes one named dataset after the other and remembers the first failure.
class Planes {
 public:
  Planes(Writer& writer, const MapSnapshot& map, std::string group)
      : writer_(writer), map_(map), group_(std::move(group)) {}

  template <class T>
  void plane(const std::string& name, const std::function<T(const MapRow&, std::size_t)>& value) {
    keep<T>(name, gather<T>(map_, value), {map_.scan.rows, map_.scan.cols});
  }
  void lattice(bool shown) {
    keep<float>("lattice", gather_lattice(map_, shown), {map_.scan.rows, map_.scan.cols, 3});
  }
  Expected<void> result() const { return result_; }

 private:
  template <class T>
  void keep(const std::string& name, const std::vector<T>& values, const Dims& dims) {
    if (result_) result_ = writer_.dataset<T>(group_ + "/" + name, values, dims);
  }
  Writer& writer_;
  const MapSnapshot& map_;
  std::string group_;
  Expected<void> result_;
};

void write_common(Planes& planes) {
  planes.plane<float>("mixed", [](const MapRow& row, std::size_t col) { return row.mixed[col]; });
  planes.plane<float>("outlier", [](const MapRow& row, std::size_t col) { return row.outlier[col]; });
  planes.plane<std::uint16_t>("disk_count",
                              [](const MapRow& row, std::size_t col) { return row.disk_count[col]; });
  planes.plane<float>("bright_field",
                      [](const MapRow& row, std::size_t col) { return row.bright_field[col]; });
  planes.plane<float>("dark_field", [](const MapRow& row, std::size_t col) { return row.dark_field[col]; });
  planes.plane<float>("annular_dark_field",
                      [](const MapRow& row, std::size_t col) { return row.annular_dark_field[col]; });
  planes.plane<float>("com_x", [](const MapRow& row, std::size_t col) { return row.com_x[col]; });
  planes.plane<float>("com_y", [](const MapRow& row, std::size_t col) { return row.com_y[col]; });
}

Expected<void> write_labels(Writer& writer, const MapSnapshot& map) {
  Planes planes(writer, map, "/labels");
  // The filter's own plane: the arg-max of the filtered planes where it passes the threshold, whatever
  // happened at the position.
  planes.plane<std::uint8_t>("crystal_system", [&map](const MapRow& row, std::size_t col) {
    const bool passes =
        row.filtered_margin[col] > 0 && static_cast<double>(row.filtered_margin[col]) >= map.threshold;
    return passes ? row.filtered_system[col] : std::uint8_t{0};
  });
  planes.plane<std::uint8_t>("state", [](const MapRow& row, std::size_t col) { return row.state[col]; });
  planes.plane<std::uint8_t>("phase", [](const MapRow& row, std::size_t col) { return row.phase[col]; });
  planes.plane<float>("difference_confidence",
                      [](const MapRow& row, std::size_t col) { return row.filtered_margin[col]; });
  planes.plane<float>("confidence", [](const MapRow& row, std::size_t col) {
    return is_labelled(row, col) ? row.confidence[col] : 0.f;
  });
  planes.plane<std::uint16_t>("space_group", [](const MapRow& row, std::size_t col) {
    return agrees(row, col) ? row.space_group[col] : std::uint16_t{0};
  });
  planes.lattice(true);
  write_common(planes);
  return planes.result();
}

Expected<void> write_raw_labels(Writer& writer, const MapSnapshot& map) {
  Planes planes(writer, map, "/labels_raw");
  planes.plane<std::uint8_t>("crystal_system",
                             [](const MapRow& row, std::size_t col) { return row.raw_system[col]; });
  planes.plane<std::uint8_t>("phase", [](const MapRow& row, std::size_t col) { return row.raw_phase[col]; });
  planes.plane<std::uint8_t>("state", [](const MapRow& row, std::size_t col) { return row.raw_state[col]; });
  planes.plane<float>("difference_confidence",
                      [](const MapRow& row, std::size_t col) { return row.difference_confidence[col]; });
  planes.plane<float>("confidence", [](const MapRow& row, std::size_t col) { return row.confidence[col]; });
  planes.plane<std::uint16_t>("space_group",
                              [](const MapRow& row, std::size_t col) { return row.space_group[col]; });
  planes.lattice(false);
  write_common(planes);
  return planes.result();
}

// Where in reciprocal space the disks of the whole scan lie.
Expected<void> write_vector_map(Writer& writer, const std::vector<float>& qx, const std::vector<float>& qy,
                                const std::vector<float>& intensity) {
  constexpr std::size_t k_side = 401;
  constexpr double k_limit = 2;  // 1/Å, as far as the features reach
  BraggVectorMap vectors(k_side, k_limit);
  BraggList disk(1);
  for (std::size_t i = 0; i < qx.size(); ++i) {
    disk[0] = {static_cast<double>(qx[i]), static_cast<double>(qy[i]), static_cast<double>(intensity[i])};
    vectors.add(disk);
  }
  auto written = writer.dataset<double>("/vector_map", vectors.cells(), {k_side, k_side});
  if (written) written = writer.attribute("/vector_map", "limit_inv_angstrom", k_limit);
  return written;
}

Expected<void> write_peaks(Writer& writer, const LabelMap& labels) {
  std::vector<std::uint64_t> offsets;
  std::vector<float> qx, qy, intensity;
  labels.copy_peaks(offsets, qx, qy, intensity);
  auto written = writer.dataset<std::uint64_t>("/peaks/offsets", offsets, {offsets.size()});
  if (written) written = writer.dataset<float>("/peaks/qx", qx, {qx.size()});
  if (written) written = writer.dataset<float>("/peaks/qy", qy, {qy.size()});
  if (written) written = writer.dataset<float>("/peaks/intensity", intensity, {intensity.size()});
  if (written) written = write_vector_map(writer, qx, qy, intensity);
  return written;
}

nlohmann::json settings_json(const SessionConfig& config) {
  nlohmann::json systems = nlohmann::json::array();
  for (CrystalSystem system : config.systems) systems.push_back(std::string(name_of(system)));
  return {{"threshold", config.threshold},
          {"filter_5x5", config.filter_5x5},
          {"min_disks", config.min_disks},
          {"systems", systems.empty() ? nlohmann::json("all") : systems},
          {"false_disks_per_frame", config.detector.false_disks_per_frame},
          {"min_counts", config.detector.min_counts},
          {"min_relative", config.detector.min_relative},
          {"min_spacing_px", config.detector.min_spacing_px},
          {"edge_px", config.detector.edge_px},
          {"max_disks", config.detector.max_disks},
          {"threads", config.threads}};
}

Expected<void> write_provenance(Writer& writer, const ScanResult& result) {
  const MapSnapshot& map = *result.map;
  const RunTimes& times = result.times;
  nlohmann::json states;
  for (std::size_t i = 0; i < map.states.size(); ++i)
    states[std::string(k_position_state_names[i])] = map.states[i];
  nlohmann::json phases = nlohmann::json::array();  // of a specimen model: names by number, 0 = none of these
  for (const std::string& name : result.config.model->phase_names()) phases.push_back(name);
  const std::pair<const char*, std::string> texts[] = {
      {"format", "bragglive-result"},
      {"program", fmt::format("bragglive {}", k_version)},
      {"settings", settings_json(result.config).dump()},
      {"model_checksum", result.config.model->checksum()},
      {"model_provenance", result.config.model->provenance_json()},
      {"calibration", to_toml(result.calibration)},
      {"calibration_checksum", checksum(result.calibration)},
      {"source", result.source},
      {"scan_metadata",
       nlohmann::json(result.header.metadata).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)},
      {"states", states.dump()},
      {"phases", phases.dump()},
      {"started_utc", times.started_utc},
      {"finished_utc", times.finished_utc}};
  for (const auto& [name, text] : texts)
    if (auto written = writer.attribute("/", name, text); !written) return written;
  if (auto written = writer.attribute("/", "version", std::int64_t{1}); !written) return written;
  if (auto written = writer.attribute("/", "series_id", static_cast<std::int64_t>(map.series_id)); !written)
    return written;
  if (auto written = writer.attribute("/", "scan_step_nm", map.scan_step_nm); !written) return written;
  return writer.attribute("/", "seconds", times.seconds);
}

}  // namespace

Expected<void> write_result(Writer& writer, const ScanResult& result) {
  auto written = write_labels(writer, *result.map);
  if (written) written = write_raw_labels(writer, *result.map);
  if (written) written = write_peaks(writer, *result.labels);
  if (written) written = write_provenance(writer, result);
  return written;
}

Expected<void> save_result(const ScanResult& result, const std::filesystem::path& file) {
  auto writer = Writer::create_in_memory(file);
  if (!writer) return tl::unexpected<Error>(writer.error());
  if (auto written = write_result(*writer, result); !written) return written;
  return writer->commit();
}

Expected<void> save_result(const Session& session, const std::filesystem::path& file) {
  const auto result = session.result();
  if (!result) return fail(ErrorArea::usage, "there is no scan to save yet");
  return save_result(*result, file);
}

std::filesystem::path numbered(std::filesystem::path file, unsigned number) {
  return file.replace_filename(
      fmt::format("{}_{:04}{}", file.stem().string(), number, file.extension().string()));
}

}  // namespace bragglive
