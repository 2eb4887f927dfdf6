// One picture element per scan position: a snapshot as a QImage, repainting only the rows that changed.
#pragma once
#include <QImage>
#include <memory>
#include <optional>

#include "core/label/map_snapshot.hpp"
#include "gui/colour/label_scheme.hpp"
#include "gui/colour/looks.hpp"
#include "gui/map/map_mode.hpp"
#include "gui/map/value_range.hpp"

namespace bragglive::gui {

class MapRaster {
 public:
  explicit MapRaster(ThemeKind theme);

  // Returns the number of rows that were coloured again: those whose MapRow is another object than before, or
  // all of them.
  std::size_t show(std::shared_ptr<const MapSnapshot> snapshot);
  void set_mode(MapMode mode);
  void set_lightness(Lightness lightness);
  void set_theme(ThemeKind theme);

  MapMode mode() const { return mode_; }
  Lightness lightness() const { return lightness_; }
  const LabelScheme& labels() const { return labels_; }
  const MapPalette& palette() const { return *palette_; }
  // scan.cols x scan.rows, RGB32; null before the first snapshot.
  const QImage& image() const { return image_; }
  const std::shared_ptr<const MapSnapshot>& snapshot() const { return snapshot_; }
  // Of the numbers on show; nullopt in the crystal-system view and while no position has a number.
  std::optional<ValueRange> range() const { return range_; }

 private:
  void colour_all();
  void colour_row(std::size_t row);
  void colour_systems(const MapRow& row, QRgb* line) const;
  void colour_values(const MapRow& row, QRgb* line) const;
  bool update_range();

  MapMode mode_ = MapMode::crystal_system;
  Lightness lightness_ = Lightness::confidence;
  LabelScheme labels_;
  const MapPalette* palette_;
  LookTable looks_;
  std::optional<ValueRange> range_;
  std::shared_ptr<const MapSnapshot> snapshot_;
  QImage image_;
};

// 0..255 for the lightness of a labelled position. Votes are stretched from "one in six" (chance) to "all".
std::uint8_t lightness_step(const LabelScheme& labels, const MapRow& row, std::size_t col,
                            Lightness lightness) noexcept;

}  // namespace bragglive::gui
