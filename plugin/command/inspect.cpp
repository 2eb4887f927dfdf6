// bragglive inspect: what a recording, data set, model, calibration or result holds.
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/bloch/dataset_file.hpp"
#include "core/calibrate/calibration.hpp"
#include "core/hdf5/handle.hpp"
#include "core/label/crystal_model.hpp"
#include "plugin/command/command.hpp"
#include "plugin/shipped_model.hpp"
#include "streams/codec/codec.hpp"
#include "streams/recordings/hdf5_layout.hpp"
#include "streams/recordings/recording.hpp"

namespace bragglive::command {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

struct InspectOptions {
  std::string file;
  std::string dataset;
  bool json = false;
  unsigned threads = 0;
};

std::string shape_text(std::uint64_t rows, std::uint64_t cols) {
  return fmt::format("{}x{}", rows, cols);
}

void add_all(Facts& facts, const std::string& prefix, const std::map<std::string, std::string>& values) {
  for (const auto& [key, value] : values) facts.emplace_back(prefix + key, value);
}

Expected<Facts> inspect_recording(const InspectOptions& options) {
  RecordingOptions recording_options;
  recording_options.dataset = options.dataset;
  auto recording = open_recording(options.file, recording_options);
  if (!recording) return tl::unexpected(recording.error());
  const RecordingInfo& info = (*recording)->info();
  Facts facts = {
      {"kind", "recording"},
      {"format", info.format},
      {"scan", shape_text(info.scan.rows, info.scan.cols) +
                   (info.scan_known ? "" : " (not in the file: give --scan)")},
      {"frame", shape_text(info.frame.rows, info.frame.cols)},
      {"pixels", std::string(name_of(info.pixel))},
      {"encoding", std::string(name_of(info.encoding))},
      {"frames", std::to_string(info.frames)},
      {"bytes_decoded", std::to_string(info.frames * info.frame.pixels() * bytes_per_pixel(info.pixel))}};
  add_all(facts, "metadata.", info.metadata);
  return facts;
}

// Reads all of it: a set that is shown is a set that is whole.
Expected<Facts> inspect_dataset(const std::string& file) {
  const auto summary = verify_dataset(file);
  if (!summary) return tl::unexpected(summary.error());
  Facts facts = {{"kind", "data set"},
                 {"materials", std::to_string(summary->materials)},
                 {"left_out", std::to_string(summary->skipped)},
                 {"patterns", std::to_string(summary->patterns)},
                 {"spots", std::to_string(summary->spots)}};
  for (std::size_t i = 0; i < k_crystal_system_names.size(); ++i)
    if (summary->per_system[i] > 0)
      facts.emplace_back("materials." + std::string(k_crystal_system_names[i]),
                         std::to_string(summary->per_system[i]));
  const DatasetProvenance& from = summary->provenance;
  facts.insert(facts.end(), {{"settings", from.settings},
                             {"seed", std::to_string(from.seed)},
                             {"program_version", from.program_version},
                             {"source", from.source},
                             {"source_crc32", fmt::format("{:08x}", from.source_crc32)},
                             {"verified", "shapes, offsets, values and checksums are right"}});
  return facts;
}

Expected<Facts> inspect_model(const std::string& file) {
  const auto model = load_model(file);
  if (!model) return tl::unexpected(model.error());
  Facts facts = {{"kind", "model"},
                 {"checksum", (*model)->checksum()},
                 {"features", std::to_string((*model)->features().size())}};
  const auto provenance = nlohmann::json::parse((*model)->provenance_json(), nullptr, false);
  if (provenance.is_object())
    for (const auto& [key, value] : provenance.items())
      facts.emplace_back("provenance." + key, value.is_string() ? value.get<std::string>() : value.dump());
  return facts;
}

Expected<Facts> inspect_calibration(const std::string& file) {
  const auto calibration = load_calibration(file);
  if (!calibration) return tl::unexpected(calibration.error());
  return Facts{{"kind", "calibration"},
               {"checksum", checksum(*calibration)},
               {"detector", shape_text(calibration->detector.rows, calibration->detector.cols)},
               {"pixel_size_inv_angstrom", fmt::format("{}", calibration->pixel_size_inv_angstrom)},
               {"origin_px", fmt::format("{}, {}", calibration->origin_row[0], calibration->origin_col[0])},
               {"probe_radius_px", fmt::format("{}", calibration->probe_radius_px)},
               {"ellipse_ratio", fmt::format("{}", calibration->ellipse_ratio)},
               {"rotation_deg", fmt::format("{}", calibration->rotation_deg)},
               {"mirror", calibration->mirror ? "yes" : "no"},
               {"voltage_kv", fmt::format("{}", calibration->voltage_kv)},
               {"scan_step_nm", fmt::format("{}", calibration->scan_step_nm)},
               {"masked_pixels", std::to_string(calibration->masked_pixels.size())}};
}

// The root attribute "format" that our own files carry; empty where there is none.
std::map<std::string, std::string> root_attributes(const std::string& file) {
  const hdf5::QuietErrors quiet;
  const hdf5::Handle handle(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  return handle ? hdf5::attributes_of(handle.get()) : std::map<std::string, std::string>{};
}

Expected<Facts> inspect(const InspectOptions& options) {
  if (options.file == "default") return inspect_model(options.file);
  std::ifstream stream(options.file, std::ios::binary);
  std::string begins(8, '\0');
  if (stream) stream.read(begins.data(), static_cast<std::streamsize>(begins.size()));
  if (begins == "BLMODEL\n") return inspect_model(options.file);
  if (begins == "\x89HDF\r\n\x1a\n" && options.dataset.empty()) {
    const auto attributes = root_attributes(options.file);
    const auto format = attributes.find("format");
    if (format != attributes.end() && format->second == "bragglive-dataset")
      return inspect_dataset(options.file);
    if (format != attributes.end() && format->second == "bragglive-result") {
      Facts facts = {{"kind", "result"}};
      add_all(facts, "", attributes);
      return facts;
    }
  }
  if (options.file.ends_with(".toml")) return inspect_calibration(options.file);
  return inspect_recording(options);
}

}  // namespace

Run add_inspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  app.add_option("FILE", options->file, "a recording, data set, model, calibration or result")->required();
  app.add_option("--dataset", options->dataset, "path inside an HDF5 recording");
  app.add_flag("--json", options->json, "one JSON object");
  app.add_option("--threads", options->threads, "accepted by every command; inspecting uses one");
  return [options] {
    const auto facts = inspect(*options);
    if (!facts) return report(facts.error());
    if (options->json) {
      nlohmann::ordered_json object;
      for (const auto& [key, value] : *facts) object[key] = value;
      std::printf("%s\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    } else {
      for (const auto& [key, value] : *facts) std::printf("%-28s %s\n", (key + ":").c_str(), value.c_str());
    }
    return 0;
  };
}

}  // namespace bragglive::command
