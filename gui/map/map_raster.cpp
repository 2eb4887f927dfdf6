#include "gui/map/map_raster.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::gui {
namespace {

constexpr float k_chance = 1.0F / 6;  // the share of votes that a winner of six cannot fall below

std::uint8_t step_of(float share) noexcept {
  // The negated comparison sends NaN to 0.
  if (!(share > 0)) return 0;
  return static_cast<std::uint8_t>(255.0F * std::min(share, 1.0F) + 0.5F);
}

}  // namespace

std::uint8_t lightness_step(const LabelScheme& labels, const MapRow& row, std::size_t col,
                            Lightness lightness) noexcept {
  switch (lightness) {
    case Lightness::margin:
      return step_of(row.filtered_margin[col]);
    case Lightness::none:
      return 255;
    case Lightness::confidence:
      break;
  }
  // The neighbourhood outvoted this pattern: its own confidence speaks for another label.
  if (labels.shown(row, col) != labels.predicted(row, col)) return 0;
  return step_of((row.confidence[col] - k_chance) / (1 - k_chance));
}

MapRaster::MapRaster(ThemeKind theme_kind) : palette_(&map_palette(theme_kind)), looks_(*palette_) {}

std::size_t MapRaster::show(std::shared_ptr<const MapSnapshot> snapshot) {
  const std::shared_ptr<const MapSnapshot> before = std::move(snapshot_);
  snapshot_ = std::move(snapshot);
  if (!snapshot_) {
    image_ = QImage();
    range_.reset();
    return 0;
  }
  const ScanShape scan = snapshot_->scan;
  const bool same_scan = before && before->scan == scan && before->series_id == snapshot_->series_id;
  if (!before || !(before->scan == scan))
    image_ = QImage(static_cast<int>(scan.cols), static_cast<int>(scan.rows), QImage::Format_RGB32);
  if (!same_scan) range_.reset();
  labels_ = LabelScheme::of(snapshot_.get());
  const bool new_range = update_range();
  if (!same_scan || new_range) {
    colour_all();
    return snapshot_->rows.size();
  }
  std::size_t coloured = 0;
  for (std::size_t r = 0; r < snapshot_->rows.size(); ++r)
    if (before->rows[r] != snapshot_->rows[r]) {
      colour_row(r);
      ++coloured;
    }
  return coloured;
}

void MapRaster::set_mode(MapMode mode) {
  mode_ = mode;
  range_.reset();
  update_range();
  colour_all();
}

void MapRaster::set_lightness(Lightness lightness) {
  lightness_ = lightness;
  colour_all();
}

void MapRaster::set_theme(ThemeKind theme_kind) {
  palette_ = &map_palette(theme_kind);
  looks_ = LookTable(*palette_);
  colour_all();
}

bool MapRaster::update_range() {
  if (!snapshot_ || mode_ == MapMode::crystal_system) {
    range_.reset();
    return false;
  }
  const std::optional<ValueRange> wanted = range_of(*snapshot_, mode_);
  if (!wanted || (range_ && !worth_changing(*range_, *wanted))) return false;
  range_ = wanted;
  return true;
}

void MapRaster::colour_all() {
  if (!snapshot_) return;
  for (std::size_t r = 0; r < snapshot_->rows.size(); ++r) colour_row(r);
}

void MapRaster::colour_row(std::size_t row) {
  auto* line = reinterpret_cast<QRgb*>(image_.scanLine(static_cast<int>(row)));
  if (mode_ == MapMode::crystal_system)
    colour_systems(*snapshot_->rows[row], line);
  else
    colour_values(*snapshot_->rows[row], line);
}

void MapRaster::colour_systems(const MapRow& row, QRgb* line) const {
  const std::size_t cols = snapshot_->scan.cols;
  constexpr auto k_labelled = static_cast<std::uint8_t>(PositionState::labelled);
  for (std::size_t c = 0; c < cols; ++c) {
    const std::uint8_t state = row.state[c];
    const bool labelled = state == k_labelled;
    const std::uint8_t label = labelled ? labels_.shown(row, c) : labels_.nearest(row, c);
    const std::uint8_t step = labelled ? lightness_step(labels_, row, c, lightness_) : std::uint8_t{0};
    line[c] = looks_.colour(state, labels_.colour(label), row.settled[c] != 0, step);
  }
}

void MapRaster::colour_values(const MapRow& row, QRgb* line) const {
  const std::size_t cols = snapshot_->scan.cols;
  const Ramp& colours = ramp(info_of(mode_).ramp);
  const ValueRange range = range_.value_or(ValueRange{});
  const float scale = 255.0F / (range.high - range.low);
  for (std::size_t c = 0; c < cols; ++c) {
    const float v = value_at(row, c, mode_);
    if (std::isfinite(v)) {
      line[c] = colours[static_cast<std::size_t>(std::clamp((v - range.low) * scale, 0.0F, 255.0F))];
      continue;
    }
    // No number: show why, with the look it has in the crystal-system view but without a hue.
    line[c] = looks_.colour(row.state[c] == static_cast<std::uint8_t>(PositionState::labelled)
                                ? static_cast<std::uint8_t>(PositionState::low_confidence)
                                : row.state[c],
                            0, true, 0);
  }
}

}  // namespace bragglive::gui
