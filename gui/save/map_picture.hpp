// The map as a picture to keep: with legend, percentages, scale bar and what made it.
#pragma once
#include <QImage>
#include <QStringList>

#include "core/frame/error.hpp"
#include "gui/map/map_raster.hpp"

namespace bragglive::gui {

// The raster as it is shown (mode, lightness, theme), enlarged by a whole factor to at least about 720
// pixels. `caption`: lines below, e.g. source, settings, time. Null without a snapshot.
QImage map_picture(const MapRaster& raster, ThemeKind theme, const QStringList& caption);

// All or nothing: a full disk leaves no half file.
Expected<void> save_picture(const QImage& picture, const QString& path);

}  // namespace bragglive::gui
