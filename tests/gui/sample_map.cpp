#include "tests/gui/sample_map.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace bragglive::gui::test {
namespace {

constexpr float k_nan = std::numeric_limits<float>::quiet_NaN();
constexpr auto u8(PositionState s) {
  return static_cast<std::uint8_t>(s);
}

// 0..1, the same on every machine.
double share(std::mt19937& random) {
  return static_cast<double>(random()) / 4294967296.0;
}

struct Grain {
  double row, col, radius;
  std::uint8_t system;
};

std::vector<Grain> grains_for(ScanShape scan) {
  std::mt19937 random(7);
  const auto uniform = [&](double low, double high) { return low + (high - low) * share(random); };
  constexpr std::uint8_t systems[] = {7, 7, 6, 7, 4, 5, 7, 3, 6, 2, 7, 4};
  std::vector<Grain> grains;
  const double side = std::max(scan.rows, scan.cols);
  for (int i = 0; i < 42; ++i)
    grains.push_back(
        {uniform(0, scan.rows), uniform(0, scan.cols), side * uniform(0.035, 0.10), systems[i % 12]});
  return grains;
}

void fill_position(MapRow& row, std::size_t c, const Grain* grain, double depth, std::mt19937& random,
                   double threshold) {
  const auto noise = static_cast<float>(share(random));
  row.bright_field[c] = 4000 - (grain ? 1500 : 0) + 200 * noise;
  row.dark_field[c] = 600 + (grain ? 1800 : 0) + 200 * noise;
  if (!grain) {
    row.raw_state[c] = row.state[c] = u8(PositionState::too_few_disks);
    row.disk_count[c] = static_cast<std::uint16_t>(random() % 5);
    return;
  }
  const auto margin = static_cast<float>(std::clamp(depth, 0.0, 1.0)) * (0.5F + 0.5F * noise);
  row.raw_state[c] = u8(PositionState::labelled);
  row.raw_system[c] = row.filtered_system[c] = grain->system;
  row.confidence[c] = 0.25F + 0.75F * margin;
  row.difference_confidence[c] = row.filtered_margin[c] = margin;
  row.disk_count[c] = static_cast<std::uint16_t>(8 + 30 * depth);
  row.mixed[c] = 0.9F * noise;
  row.outlier[c] = 0.2F * (1 - noise);
  row.space_group[c] = 225;
  for (std::size_t axis = 0; axis < 3; ++axis)
    row.lattice[axis][c] = 3.2F + 0.2F * static_cast<float>(grain->system) + 0.1F * noise +
                           0.3F * static_cast<float>(axis) * noise;
  const bool sure = margin >= static_cast<float>(threshold);
  row.state[c] = u8(sure ? PositionState::labelled : PositionState::low_confidence);
  row.system[c] = sure ? grain->system : std::uint8_t{0};
}

void lose(MapRow& row, std::size_t c, PositionState state) {
  row.state[c] = row.raw_state[c] = u8(state);
  row.system[c] = row.raw_system[c] = row.filtered_system[c] = 0;
  row.bright_field[c] = row.dark_field[c] = k_nan;
  for (auto& axis : row.lattice) axis[c] = k_nan;
}

void count(MapSnapshot& map) {
  map.states = {};
  map.systems = {};
  for (const auto& row : map.rows)
    for (std::size_t c = 0; c < map.scan.cols; ++c) {
      ++map.states[row->state[c]];
      if (row->state[c] == u8(PositionState::labelled)) ++map.systems[row->system[c]];
    }
}

}  // namespace

std::shared_ptr<MapRow> empty_row(std::uint32_t cols) {
  auto row = std::make_shared<MapRow>();
  for (auto* plane : {&row->state, &row->system, &row->filtered_system, &row->raw_state, &row->raw_system,
                      &row->settled, &row->phase, &row->raw_phase, &row->filtered_phase})
    plane->assign(cols, 0);
  for (auto* plane : {&row->filtered_margin, &row->confidence, &row->difference_confidence})
    plane->assign(cols, 0.0F);
  row->space_group.assign(cols, 0);
  row->disk_count.assign(cols, 0);
  for (auto& axis : row->lattice) axis.assign(cols, k_nan);
  row->bright_field.assign(cols, k_nan);
  row->mixed.assign(cols, k_nan);
  row->outlier.assign(cols, k_nan);
  row->dark_field.assign(cols, k_nan);
  return row;
}

std::shared_ptr<const MapSnapshot> map_of(std::vector<std::shared_ptr<const MapRow>> rows,
                                          std::uint32_t cols) {
  auto map = std::make_shared<MapSnapshot>();
  map->scan = {static_cast<std::uint32_t>(rows.size()), cols};
  map->rows = std::move(rows);
  map->frame = {128, 128};
  count(*map);
  return map;
}

std::shared_ptr<const MapSnapshot> sample_map(const SampleOptions& options) {
  const std::vector<Grain> grains = grains_for(options.scan);
  const auto come = static_cast<std::uint32_t>(options.fraction * options.scan.rows);
  std::mt19937 random(3);
  std::vector<std::shared_ptr<const MapRow>> rows;
  const auto nothing = empty_row(options.scan.cols);
  for (std::uint32_t r = 0; r < options.scan.rows; ++r) {
    if (r >= come) {
      rows.push_back(nothing);
      continue;
    }
    const auto row = empty_row(options.scan.cols);
    for (std::uint32_t c = 0; c < options.scan.cols; ++c) {
      const Grain* best = nullptr;
      double depth = 0;
      for (const Grain& g : grains) {
        const double d = 1 - std::hypot(g.row - r, g.col - c) / g.radius;
        if (d > depth) {
          depth = d;
          best = &g;
        }
      }
      fill_position(*row, c, best, depth, random, options.threshold);
      row->settled[c] = r + 2 < come || come == options.scan.rows;
      if (options.faults && r % 24 == 11 && c % 16 < 4) lose(*row, c, static_cast<PositionState>(4 + c % 4));
    }
    rows.push_back(row);
  }
  auto map = std::make_shared<MapSnapshot>(*map_of(std::move(rows), options.scan.cols));
  map->threshold = options.threshold;
  map->series_id = options.series_id;
  map->scan_step_nm = 2;
  map->finished = come == options.scan.rows;
  return map;
}

std::shared_ptr<const MapSnapshot> with_threshold(const MapSnapshot& map, double threshold) {
  auto changed = std::make_shared<MapSnapshot>(map);
  changed->threshold = threshold;
  for (auto& row : changed->rows) {
    auto other = std::make_shared<MapRow>(*row);
    bool any = false;
    for (std::size_t c = 0; c < map.scan.cols; ++c) {
      if (row->raw_state[c] != u8(PositionState::labelled)) continue;
      const bool sure =
          row->filtered_system[c] != 0 && row->filtered_margin[c] >= static_cast<float>(threshold);
      other->state[c] = u8(sure ? PositionState::labelled : PositionState::low_confidence);
      other->system[c] = sure ? row->filtered_system[c] : std::uint8_t{0};
      any = any || other->state[c] != row->state[c];
    }
    if (any) row = other;
  }
  count(*changed);
  return changed;
}

PositionDetail sample_detail(const MapSnapshot& map, ScanPosition at, bool with_pixels) {
  PositionDetail d;
  const MapRow& row = *map.rows[at.row];
  d.position = at;
  d.state = static_cast<PositionState>(row.state[at.col]);
  d.filtered_system = static_cast<CrystalSystem>(row.system[at.col]);
  if (d.state == PositionState::pending || d.state >= PositionState::skipped_by_policy) return d;
  d.shape = {128, 128};
  d.type = PixelType::u16;
  d.origin_px = {63.5, 64.25};
  d.pixel_size_inv_angstrom = 0.02;
  d.probe_radius_px = 3.2;
  const int reach = row.raw_state[at.col] == u8(PositionState::labelled) ? 3 : 0;
  for (int h = -reach; h <= reach; ++h)
    for (int k = -reach; k <= reach; ++k)
      d.disks_px.push_back(
          {63.5 + 15.1 * h + 2.2 * k, 64.25 - 2.2 * h + 15.1 * k, 20000 * std::exp(-0.6 * (h * h + k * k))});
  d.disks_q = d.disks_px;
  if (reach > 0) {
    PatternLabel label;
    label.system = static_cast<CrystalSystem>(row.raw_system[at.col]);
    label.trees = 80;
    const auto top = static_cast<std::uint16_t>(80 * row.confidence[at.col]);
    label.votes[row.raw_system[at.col]] = top;
    label.votes[row.raw_system[at.col] == 7 ? 6 : 7] = static_cast<std::uint16_t>((80 - top) * 2 / 3);
    label.votes[4] = static_cast<std::uint16_t>(label.votes[4] + (80 - top) - (80 - top) * 2 / 3);
    label.confidence = row.confidence[at.col];
    label.difference_confidence = row.difference_confidence[at.col];
    label.space_group = 225;
    label.space_group_confidence = 0.62F;
    label.lattice_angstrom = {4.08F, 4.07F, 4.11F};
    label.lattice_spread_angstrom = {0.06F, 0.05F, 0.11F};
    d.label = label;
  }
  if (!with_pixels) return d;
  std::vector<std::uint16_t> pixels(d.shape.pixels());
  std::mt19937 random(at.row * 131 + at.col);
  for (std::uint32_t r = 0; r < 128; ++r)
    for (std::uint32_t c = 0; c < 128; ++c) {
      double counts = (random() % 100 < 12 ? 1 : 0) +
                      30 * std::exp(-std::hypot(r - 63.5, c - 64.25) / 12) * share(random);
      for (const BraggPeak& p : d.disks_px)
        if (std::hypot(r - p.qx, c - p.qy) < d.probe_radius_px) counts += p.intensity / 33;
      pixels[r * 128 + c] = static_cast<std::uint16_t>(counts);
    }
  d.pixels.resize(pixels.size() * 2);
  std::memcpy(d.pixels.data(), pixels.data(), d.pixels.size());
  return d;
}

}  // namespace bragglive::gui::test
