// What lies over the map: marks of lost positions, the cursor, the scale bar.
#pragma once
#include <QPainter>

#include "core/label/map_snapshot.hpp"
#include "gui/colour/looks.hpp"
#include "gui/map/map_transform.hpp"

namespace bragglive::gui {

// A small drawing for each kind of lost position: skipped a bar, missing a question mark, corrupt a cross,
// late a clock.
void paint_fault_mark(QPainter& painter, const QRectF& box, PositionState state, QColor colour);

// Marks all lost positions in `visible` (device pixels) once a position is large enough to hold a mark.
void paint_fault_marks(QPainter& painter, const MapSnapshot& map, const MapTransform& transform,
                       const QRectF& visible, const MapPalette& palette);

// A frame around the position, with arms when it is pinned.
void paint_cursor(QPainter& painter, const QRectF& cell, bool pinned, QColor colour);

// A length of 1, 2 or 5 times a power of ten that is at most `limit`.
double round_length(double limit);
// "20 nm", "1 µm", or without a known step "20 positions".
QString scale_text(double length, double step_nm);
// Height of the plate that paint_scale_bar draws with this font.
double scale_bar_height(const QFont& font);
// Draws the bar into the corner `at` (its lower left) on a plate of its own; at most `width` long.
void paint_scale_bar(QPainter& painter, QPointF at, double px_per_position, double step_nm, double width,
                     QColor ink, QColor plate);

}  // namespace bragglive::gui
