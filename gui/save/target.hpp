// Where results may be written.
#pragma once
#include <QString>

#include "core/frame/error.hpp"

namespace bragglive::gui {

// Files are written beside their place and moved there when complete; a device or a pipe would be replaced by
// a file.
Expected<void> check_target(const QString& path);

}  // namespace bragglive::gui
