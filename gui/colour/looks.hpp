// Every look a map position can have: one per crystal system, and one for each reason why it has no label.
#pragma once
#include <QColor>
#include <QString>
#include <array>
#include <cstdint>
#include <vector>

#include "core/label/crystal_system.hpp"
#include "core/label/position_state.hpp"
#include "gui/colour/theme.hpp"

namespace bragglive::gui {

// Colours of the map on its ground. Chosen by search near Okabe and Ito's hues (2008) for the largest
// smallest CIEDE2000 distance under normal, deuteranope, protanope and tritanope vision
// (tests/gui/palette_test.cpp holds it to that).
struct MapPalette {
  QRgb ground = 0;                               // not scanned yet
  std::array<QRgb, k_crystal_systems> system{};  // full confidence; [none] is used for votes without a system
  QRgb too_few_disks = 0;
  // Missing is near the ground: after a stop or a sender's death it may cover half of the screen in a dark
  // room.
  QRgb skipped = 0, missing = 0, corrupt = 0, late = 0;
};
const MapPalette& map_palette(ThemeKind theme);

// Share of the system's colour in the mix with the ground, for a confidence of 0..1. Never below what keeps
// hues apart.
double colour_share(double confidence);
constexpr double k_low_confidence_share = 0.26;  // dark hue of the system that is just not sure enough
constexpr double k_provisional_share = 0.62;     // positions whose 5x5 window is not complete yet

QRgb system_colour(const MapPalette& palette, CrystalSystem system, double confidence);
QRgb state_colour(const MapPalette& palette, PositionState state);  // of the states that have no system
QColor ink_on(QRgb fill);               // dark or light, whichever can be read on it
QChar letter_of(CrystalSystem system);  // for those who cannot go by colour
QString label_of(CrystalSystem system);
QString label_of(PositionState state);
QString explanation_of(PositionState state);  // one sentence for a tooltip

// Positions that should have had a label but their frame was lost or unreadable.
constexpr bool is_fault(PositionState state) {
  return state >= PositionState::skipped_by_policy;
}

// The 2-D table behind the map: row = look and whether the label is settled, column = confidence in 256
// steps.
class LookTable {
 public:
  explicit LookTable(const MapPalette& palette);
  // `system`: the label, or with low confidence the system that came nearest.
  QRgb colour(std::uint8_t state, std::uint8_t system, bool settled, std::uint8_t confidence) const noexcept {
    const std::size_t row = (std::size_t{state & 7U} * 8 + (system & 7U)) * 2 + (settled ? 1 : 0);
    return table_[row * 256 + confidence];
  }

 private:
  std::vector<QRgb> table_;
};

}  // namespace bragglive::gui
