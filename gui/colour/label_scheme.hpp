// What the labels of a map are called and coloured: crystal systems, or the phases of a specimen model.
#pragma once
#include <QString>
#include <cstdint>
#include <vector>

#include "core/label/map_snapshot.hpp"
#include "gui/colour/looks.hpp"

namespace bragglive::gui {

// Labels are numbers: crystal systems as in files, or phases from 1. 0 is "no label", or with phases "none of
// these".
class LabelScheme {
 public:
  LabelScheme() = default;  // crystal systems
  explicit LabelScheme(PhaseNames phases);
  static LabelScheme of(const MapSnapshot* map) { return LabelScheme(map ? map->phases : nullptr); }

  bool has_phases() const { return phases_ != nullptr; }
  QString title() const;                            // of a view: "Crystal system", "Phase"
  const std::vector<std::uint8_t>& listed() const;  // without 0; what is most often looked for comes first
  QString name(std::uint8_t label) const;
  QString mark(std::uint8_t label) const;  // a letter or number for those who cannot go by colour
  // Colour of the palette: crystal systems have their own, phases take the most different ones first.
  std::uint8_t colour(std::uint8_t label) const;

  std::uint8_t shown(const MapRow& row, std::size_t col) const;    // after filter and threshold
  std::uint8_t nearest(const MapRow& row, std::size_t col) const;  // the same without the threshold
  std::uint8_t predicted(const MapRow& row, std::size_t col) const;
  std::uint64_t count(const MapSnapshot& map, std::uint8_t label) const;

  friend bool operator==(const LabelScheme&, const LabelScheme&) = default;

 private:
  PhaseNames phases_;
  std::vector<std::uint8_t> numbers_;
};

}  // namespace bragglive::gui
