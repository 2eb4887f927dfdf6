#include "core/bloch/scan/recipe_detector.hpp"

#include "core/bloch/scan/counter_random.hpp"

namespace bragglive {
namespace {

void read_defects(RecipeReader& r, DetectorModel& d, std::uint64_t seed) {
  const FrameShape frame = d.geometry.detector;
  std::vector<std::vector<double>> rows;
  const auto pixel = [&](double row, double col) -> std::uint32_t {
    if (row >= 0 && col >= 0 && row < frame.rows && col < frame.cols)
      return static_cast<std::uint32_t>(row) * frame.cols + static_cast<std::uint32_t>(col);
    r.wrong(fmt::format("pixel ({}, {}) lies outside the {}x{} frame", row, col, frame.rows, frame.cols));
    return 0;
  };
  r.rows("gaps", 4, rows);  // row, col, rows, cols
  for (const auto& g : rows) {
    if (g[0] < 0 || g[1] < 0 || g[2] < 1 || g[3] < 1 || g[0] + g[2] > frame.rows || g[1] + g[3] > frame.cols)
      return r.wrong("gaps: [row, col, rows, cols] must lie inside the frame");
    d.gaps.push_back({static_cast<std::uint32_t>(g[0]), static_cast<std::uint32_t>(g[1]),
                      static_cast<std::uint32_t>(g[2]), static_cast<std::uint32_t>(g[3])});
  }
  rows.clear();
  r.rows("dead_pixels", 2, rows);
  for (const auto& p : rows) d.dead_pixels.push_back(pixel(p[0], p[1]));
  rows.clear();
  r.rows("hot_pixels", 3, rows);  // row, col, mean counts
  for (const auto& p : rows) d.hot_pixels.push_back({pixel(p[0], p[1]), p[2]});
  std::uint32_t random_dead = 0, random_hot = 0;
  double hot_counts = 50;
  r.integer("random_dead_pixels", random_dead, 0, 100000);
  r.integer("random_hot_pixels", random_hot, 0, 100000);
  r.number("random_hot_counts", hot_counts, 0, 1e9);
  if (frame.pixels() == 0) return;
  CounterRandom random(random_key(seed, 20));
  const auto any = [&] { return static_cast<std::uint32_t>(random.bits() % frame.pixels()); };
  for (std::uint32_t i = 0; i < random_dead; ++i) d.dead_pixels.push_back(any());
  for (std::uint32_t i = 0; i < random_hot; ++i)
    d.hot_pixels.push_back({any(), hot_counts * random.uniform(0.3, 1.7)});
}

}  // namespace

void read_detector(RecipeReader r, DetectorModel& d, std::uint64_t seed) {
  Calibration& g = d.geometry;
  g.detector = {192, 192};
  r.integer("rows", g.detector.rows, 8, k_max_detector_side);
  r.integer("cols", g.detector.cols, 8, k_max_detector_side);
  std::string pixel_type = "uint16";
  r.text("pixel_type", pixel_type);
  const auto type = pixel_type_from_name(pixel_type);
  if (!type || *type == PixelType::f32)
    r.wrong("pixel_type must be uint8, uint16 or uint32");
  else
    d.pixel = *type;
  r.require("pixel_size_inv_angstrom");
  r.number("pixel_size_inv_angstrom", g.pixel_size_inv_angstrom, 1e-5, 1);
  r.number("probe_radius_px", g.probe_radius_px, 0.25, 256);
  g.origin_row = {(g.detector.rows - 1) / 2.0, 0, 0};
  g.origin_col = {(g.detector.cols - 1) / 2.0, 0, 0};
  std::vector<double> v;
  if (r.numbers("origin", 2, v)) g.origin_row[0] = v[0], g.origin_col[0] = v[1];
  // Pixels that the origin moves from one scan row (column) to the next; `origin` is its place at the scan's
  // centre.
  if (r.numbers("origin_shift_per_scan_row", 2, v)) g.origin_row[1] = v[0], g.origin_col[1] = v[1];
  if (r.numbers("origin_shift_per_scan_col", 2, v)) g.origin_row[2] = v[0], g.origin_col[2] = v[1];
  r.number("origin_jitter_px", d.origin_jitter_px, 0, 16);
  r.number("ellipse_ratio", g.ellipse_ratio, 1, 2);
  r.number("ellipse_angle_deg", g.ellipse_angle_deg, -360, 360);
  r.number("rotation_deg", g.rotation_deg, -360, 360);
  r.boolean("mirror", g.mirror);
  r.number("probe_edge_px", d.probe_edge_px, 0, 16);
  r.number("point_spread_px", d.point_spread_px, 0, 16);
  r.number("point_spread_tail", d.point_spread_tail, 0, 0.9);
  r.number("point_spread_tail_px", d.point_spread_tail_px, 0.1, 16);
  r.integer("max_count", d.max_count, 0, 0xffffffff);
  read_defects(r, d, seed);
  r.finish();
}

void read_diffuse(RecipeReader r, DiffuseModel& m) {
  r.number("inelastic_width", m.inelastic_width, 1e-4, 1);
  r.number("inelastic_cutoff", m.inelastic_cutoff, 1e-3, 10);
  r.number("thermal_b", m.thermal_b, 1e-3, 20);
  r.number("thermal_screening", m.thermal_screening, 1e-2, 5);
  r.number("amorphous_screening", m.amorphous_screening, 1e-2, 5);
  std::vector<std::vector<double>> rings;
  r.rows("rings", 3, rings);  // q, width, strength
  if (r.has("rings")) m.rings.clear();
  for (const auto& ring : rings) m.rings.push_back({ring[0], ring[1], ring[2]});
  r.finish();
}

}  // namespace bragglive
