#include "plugin/command/demo_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/hdf5/handle.hpp"
#include "core/label/position_state.hpp"

namespace bragglive::command {
namespace {

using hdf5::Handle;

constexpr std::uint16_t k_min_disks = 5;

// Reads a plane of known first two axes; an empty scan is filled in from the first plane.
template <class T>
Expected<void> read_plane(hid_t file, const std::string& name, ScanShape& scan, std::size_t depth,
                          std::vector<T>& out) {
  const Handle dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT));
  if (!dataset) return fail(ErrorArea::format, "there is no {}", name);
  const Handle space(H5Dget_space(dataset.get()));
  std::array<hsize_t, 3> dims{1, 1, 1};
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank != (depth == 1 ? 2 : 3)) return fail(ErrorArea::shape, "{} has {} axes", name, rank);
  H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
  if (dims[0] == 0 || dims[1] == 0 || dims[0] > k_max_scan_positions / dims[1] || dims[2] != depth)
    return fail(ErrorArea::shape, "{} has the shape {}x{}x{}", name, dims[0], dims[1], dims[2]);
  const ScanShape shape{static_cast<std::uint32_t>(dims[0]), static_cast<std::uint32_t>(dims[1])};
  if (scan.positions() == 0) scan = shape;
  if (!(shape == scan))
    return fail(ErrorArea::shape, "{} is {}x{}, the map is {}x{}", name, shape.rows, shape.cols, scan.rows,
                scan.cols);
  out.resize(scan.positions() * depth);
  if (H5Dread(dataset.get(), hdf5::native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0)
    return fail(ErrorArea::format, "{} cannot be read", name);
  return {};
}

Expected<std::string> read_text_attribute(hid_t file, const char* name) {
  const Handle attribute(H5Aopen(file, name, H5P_DEFAULT));
  if (!attribute) return fail(ErrorArea::format, "there is no attribute {}", name);
  const Handle type(H5Aget_type(attribute.get()));
  if (H5Tis_variable_str(type.get()) <= 0)
    return fail(ErrorArea::format, "the attribute {} is no text", name);
  char* text = nullptr;
  if (H5Aread(attribute.get(), type.get(), &text) < 0 || !text)
    return fail(ErrorArea::format, "the attribute {} cannot be read", name);
  std::string value(text);
  H5free_memory(text);
  return value;
}

Expected<void> read_all(hid_t file, DemoResult& r) {
  const auto format = read_text_attribute(file, "format");
  if (!format || *format != "bragglive-result") return fail(ErrorArea::format, "not a result of bragglive");
  auto ok = read_plane(file, "/labels/crystal_system", r.scan, 1, r.system);
  if (ok) ok = read_plane(file, "/labels/state", r.scan, 1, r.state);
  if (ok) ok = read_plane(file, "/labels_raw/crystal_system", r.scan, 1, r.raw_system);
  if (ok) ok = read_plane(file, "/labels_raw/state", r.scan, 1, r.raw_state);
  if (ok) ok = read_plane(file, "/labels_raw/space_group", r.scan, 1, r.raw_space_group);
  if (ok) ok = read_plane(file, "/labels_raw/lattice", r.scan, 3, r.raw_lattice);
  if (ok) ok = read_plane(file, "/labels/disk_count", r.scan, 1, r.disk_count);
  if (!ok) return ok;
  if (const auto metadata = read_text_attribute(file, "scan_metadata"); metadata) {
    const auto json = nlohmann::json::parse(*metadata, nullptr, false);
    if (json.is_object() && json.contains("demo") && json["demo"].is_string())
      r.demo = json["demo"].get<std::string>();
  }
  return {};
}

double median(std::vector<float> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2) return static_cast<double>(*middle);
  return (static_cast<double>(*middle) + static_cast<double>(*std::max_element(values.begin(), middle))) / 2;
}

bool is_labelled(std::uint8_t state) {
  return state == static_cast<std::uint8_t>(PositionState::labelled);
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

constexpr auto k_cubic = static_cast<std::size_t>(CrystalSystem::cubic);
constexpr auto k_hexagonal = static_cast<std::size_t>(CrystalSystem::hexagonal);
constexpr auto k_tetragonal = static_cast<std::size_t>(CrystalSystem::tetragonal);

}  // namespace

Expected<DemoResult> read_demo_result(const std::filesystem::path& file) {
  const hdf5::QuietErrors quiet;
  const Handle handle(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!handle) return fail(ErrorArea::file, "{}: cannot be opened as HDF5", file.string());
  DemoResult result;
  if (auto ok = read_all(handle.get(), result); !ok)
    return fail(ok.error().area, "{}: {}", file.string(), ok.error().message);
  return result;
}

Expected<DemoComparison> compare(const DemoResult& r, const DemoTruth& t) {
  if (!(r.scan == t.scan))
    return fail(ErrorArea::shape, "the result is {}x{}, the demo scan {}x{}: name the right one with --demo",
                r.scan.rows, r.scan.cols, t.scan.rows, t.scan.cols);
  DemoComparison c;
  c.positions = r.scan.positions();
  std::array<std::uint64_t, k_crystal_systems> counts{};
  std::vector<float> cubic;
  for (std::size_t i = 0; i < c.positions; ++i) {
    const bool labelled = is_labelled(r.state[i]), predicted = is_labelled(r.raw_state[i]);
    if (r.state[i] >= static_cast<std::uint8_t>(PositionState::skipped_by_policy)) ++c.not_seen;
    const bool crystal = t.map.grain_count[i] > 0, overlap = t.map.grain_count[i] > 1;
    if (labelled) {
      ++c.labelled;
      ++counts[std::min<std::size_t>(r.system[i], k_crystal_systems - 1)];
      c.labelled_without_crystal += crystal ? 0 : 1;
    }
    if (predicted && r.raw_system[i] == k_cubic && std::isfinite(r.raw_lattice[3 * i]))
      cubic.push_back(r.raw_lattice[3 * i]);
    if (!crystal) continue;
    ++c.crystal_positions;
    if (r.disk_count[i] < k_min_disks) continue;
    ++c.enough_disks;
    const bool right = labelled && r.system[i] == t.map.system[i];
    c.true_system += right ? 1 : 0;
    c.overlaps += overlap ? 1 : 0;
    c.true_system_at_overlaps += overlap && right ? 1 : 0;
    if (!predicted) continue;
    ++c.predicted;
    c.raw_true_system += r.raw_system[i] == t.map.system[i] ? 1 : 0;
    c.raw_true_space_group += r.raw_space_group[i] == t.map.space_group[i] ? 1 : 0;
  }
  for (std::size_t s = 0; s < counts.size(); ++s) c.shares[s] = percent(counts[s], c.labelled) / 100;
  const double three = c.shares[k_cubic] + c.shares[k_hexagonal] + c.shares[k_tetragonal];
  for (std::size_t s : {k_cubic, k_hexagonal, k_tetragonal})
    c.of_three[s] = three > 0 ? c.shares[s] / three : 0;
  c.cubic_a = median(std::move(cubic));
  c.true_a = t.phases.empty() ? 0 : t.phases.front().cell.a;
  return c;
}

std::string to_text(const DemoComparison& c, const std::string& demo) {
  std::string text =
      fmt::format("{}: {} positions, {} with a crystal in the beam, {} of them with {} disks or more\n", demo,
                  c.positions, c.crystal_positions, c.enough_disks, k_min_disks);
  text += fmt::format("  true crystal system on the map     {:6} of {:6}  {:5.1f} %\n", c.true_system,
                      c.enough_disks, percent(c.true_system, c.enough_disks));
  text += fmt::format("    where crystals overlap           {:6} of {:6}  {:5.1f} %\n",
                      c.true_system_at_overlaps, c.overlaps, percent(c.true_system_at_overlaps, c.overlaps));
  text +=
      fmt::format("  one pattern each, before the filter{:6} of {:6}  {:5.1f} %   (space group {:.1f} %)\n",
                  c.raw_true_system, c.predicted, percent(c.raw_true_system, c.predicted),
                  percent(c.raw_true_space_group, c.predicted));
  text += fmt::format("  labels where there is no crystal   {:6} of {:6}\n", c.labelled_without_crystal,
                      c.labelled);
  if (c.not_seen > 0)
    text += fmt::format(
        "  positions without a frame          {:6} (this computer was too busy for the rate, or frames were "
        "lost)\n",
        c.not_seen);
  text += "                                       this scan   of these three   the paper, real gold\n";
  const struct {
    std::size_t system;
    const char* paper;
  } rows[] = {{k_cubic, "53 %"}, {k_hexagonal, "34 %"}, {k_tetragonal, "13 %"}};
  for (const auto& row : rows)
    text += fmt::format("    {:<33} {:8.1f} %  {:12.1f} %  {:>18}\n", k_crystal_system_names[row.system],
                        100 * c.shares[row.system], 100 * c.of_three[row.system], row.paper);
  double rest = 0;
  for (std::size_t s = 1; s < c.shares.size(); ++s)
    if (s != k_cubic && s != k_hexagonal && s != k_tetragonal) rest += c.shares[s];
  text += fmt::format("    {:<33} {:8.1f} %  {:>14}  {:>18}\n", "other systems", 100 * rest, "", "not shown");
  text += fmt::format("    {:<33} {:>8} Å  {:>14}  {:>18}\n", "median lattice a, cubic",
                      std::isfinite(c.cubic_a) ? fmt::format("{:.3f}", c.cubic_a) : "none",
                      fmt::format("true {:.3f} Å", c.true_a), "4.03 Å");
  return text;
}

std::string to_json(const DemoComparison& c, const std::string& demo) {
  nlohmann::json shares, three;
  for (std::size_t s = 1; s < c.shares.size(); ++s)
    shares[std::string(k_crystal_system_names[s])] = c.shares[s];
  for (std::size_t s : {k_cubic, k_hexagonal, k_tetragonal})
    three[std::string(k_crystal_system_names[s])] = c.of_three[s];
  const nlohmann::json json = {{"demo", demo},
                               {"positions", c.positions},
                               {"not_seen", c.not_seen},
                               {"crystal_positions", c.crystal_positions},
                               {"enough_disks", c.enough_disks},
                               {"true_system", c.true_system},
                               {"overlaps", c.overlaps},
                               {"true_system_at_overlaps", c.true_system_at_overlaps},
                               {"predicted", c.predicted},
                               {"raw_true_system", c.raw_true_system},
                               {"raw_true_space_group", c.raw_true_space_group},
                               {"labelled", c.labelled},
                               {"labelled_without_crystal", c.labelled_without_crystal},
                               {"fractions", shares},
                               {"fractions_of_three", three},
                               {"cubic_lattice_median_angstrom",
                                std::isfinite(c.cubic_a) ? nlohmann::json(c.cubic_a) : nlohmann::json()},
                               {"true_lattice_angstrom", c.true_a},
                               {"paper",
                                {{"cubic", 0.53},
                                 {"hexagonal", 0.34},
                                 {"tetragonal", 0.13},
                                 {"cubic_lattice_median_angstrom", 4.03}}}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bragglive::command
