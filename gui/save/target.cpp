#include "gui/save/target.hpp"

#include <QFileInfo>

namespace bragglive::gui {

Expected<void> check_target(const QString& path) {
  const QFileInfo info(path);
  if (info.exists() && !info.isFile())
    return fail(ErrorArea::file, "cannot write {}: it is not a regular file; choose another name",
                path.toStdString());
  return {};
}

}  // namespace bragglive::gui
