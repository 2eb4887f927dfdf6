#include "gui/colour/looks.hpp"

#include <algorithm>

#include "gui/colour/oklab.hpp"

namespace bragglive::gui {

const MapPalette& map_palette(ThemeKind theme_kind) {
  static const MapPalette dark = {
      qRgb(0x11, 0x14, 0x19),
      {qRgb(0x8a, 0x90, 0x98), qRgb(0x6f, 0x72, 0xff), qRgb(0xe1, 0x4e, 0x23), qRgb(0xd9, 0xf0, 0xbd),
       qRgb(0x1d, 0xa1, 0x78), qRgb(0xa8, 0x72, 0xa1), qRgb(0x56, 0xe0, 0xff), qRgb(0xfc, 0xb8, 0x0b)},
      qRgb(0x4a, 0x4d, 0x52),
      qRgb(0xff, 0xff, 0xff),
      qRgb(0x36, 0x0c, 0x74),
      qRgb(0xe8, 0x73, 0xa8),
      qRgb(0xd4, 0xcb, 0xc5)};
  static const MapPalette light = {
      qRgb(0xf7, 0xf7, 0xf5),
      {qRgb(0x70, 0x74, 0x7a), qRgb(0x4f, 0x41, 0xa6), qRgb(0x8a, 0x00, 0x1d), qRgb(0xa4, 0xba, 0x8a),
       qRgb(0x0c, 0x70, 0x5d), qRgb(0xa6, 0x7b, 0x9c), qRgb(0x17, 0xbf, 0xff), qRgb(0xd3, 0x5b, 0x00)},
      qRgb(0x8e, 0x8e, 0x8c),
      qRgb(0x00, 0x00, 0x00),
      qRgb(0xcb, 0xa1, 0xcb),
      qRgb(0x75, 0x19, 0x37),
      qRgb(0x4e, 0x69, 0x7a)};
  return theme_kind == ThemeKind::light ? light : dark;
}

double colour_share(double confidence) {
  return 0.45 + 0.55 * std::clamp(confidence, 0.0, 1.0);
}

QRgb system_colour(const MapPalette& palette, CrystalSystem system, double confidence) {
  return mix(palette.ground, palette.system[static_cast<std::size_t>(system)], colour_share(confidence));
}

QRgb state_colour(const MapPalette& palette, PositionState state) {
  switch (state) {
    case PositionState::too_few_disks:
      return palette.too_few_disks;
    case PositionState::skipped_by_policy:
      return palette.skipped;
    case PositionState::missing:
      return palette.missing;
    case PositionState::corrupt:
      return palette.corrupt;
    case PositionState::late:
      return palette.late;
    case PositionState::low_confidence:
      return mix(palette.ground, palette.system[0], k_low_confidence_share);
    case PositionState::pending:
    case PositionState::labelled:
      break;
  }
  return palette.ground;
}

QColor ink_on(QRgb fill) {
  return to_oklab(fill).lightness > 0.6 ? QColor(0x10, 0x12, 0x16) : QColor(Qt::white);
}

QChar letter_of(CrystalSystem system) {
  // Pearson's letters, but R for trigonal so that it cannot be taken for tetragonal or hexagonal.
  constexpr char letters[] = "-AMOTRHC";
  return QLatin1Char(letters[static_cast<std::size_t>(system) & 7U]);
}

QString label_of(CrystalSystem system) {
  const std::string_view name = name_of(system);
  return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

QString label_of(PositionState state) {
  switch (state) {
    case PositionState::pending:
      return QStringLiteral("not scanned yet");
    case PositionState::labelled:
      return QStringLiteral("labelled");
    case PositionState::low_confidence:
      return QStringLiteral("low confidence");
    case PositionState::too_few_disks:
      return QStringLiteral("too few disks");
    case PositionState::skipped_by_policy:
      return QStringLiteral("skipped");
    case PositionState::missing:
      return QStringLiteral("missing");
    case PositionState::corrupt:
      return QStringLiteral("corrupt");
    case PositionState::late:
      return QStringLiteral("late");
  }
  return QStringLiteral("unknown");
}

QString explanation_of(PositionState state) {
  switch (state) {
    case PositionState::pending:
      return QStringLiteral("The beam has not been here.");
    case PositionState::labelled:
      return QStringLiteral("A crystal system passed the threshold.");
    case PositionState::low_confidence:
      return QStringLiteral("No crystal system passed the threshold.");
    case PositionState::too_few_disks:
      return QStringLiteral("Not enough Bragg disks for a prediction.");
    case PositionState::skipped_by_policy:
      return QStringLiteral("No free slot: the frame was dropped so that the detector need not wait.");
    case PositionState::missing:
      return QStringLiteral("The scan ended and this frame never came.");
    case PositionState::corrupt:
      return QStringLiteral("The frame came but could not be read.");
    case PositionState::late:
      return QStringLiteral("The frame came after its scan had been closed.");
  }
  return {};
}

LookTable::LookTable(const MapPalette& palette) : table_(std::size_t{8} * 8 * 2 * 256) {
  std::size_t at = 0;
  for (int state = 0; state < 8; ++state)
    for (int system = 0; system < 8; ++system)
      for (const bool settled : {false, true})
        for (int confidence = 0; confidence < 256; ++confidence) {
          const auto s = static_cast<PositionState>(state);
          const QRgb full = palette.system[static_cast<std::size_t>(system)];
          QRgb colour = state_colour(palette, s);
          if (s == PositionState::labelled)
            colour = mix(palette.ground, full,
                         colour_share(confidence / 255.0) * (settled ? 1 : k_provisional_share));
          else if (s == PositionState::low_confidence)
            colour = mix(palette.ground, full, k_low_confidence_share);
          table_[at++] = colour;
        }
}

}  // namespace bragglive::gui
