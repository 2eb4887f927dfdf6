// How the probe goes over the scan, as fields of a dialog: frames that are no positions, order of the others.
#pragma once
#include <QGroupBox>

#include "streams/scan_path.hpp"

class QCheckBox;
class QFormLayout;
class QSpinBox;

namespace bragglive::gui {

class PathFields : public QGroupBox {
  Q_OBJECT
 public:
  PathFields(const ScanPath& before, QWidget* parent);
  ScanPath path() const;

 private:
  QSpinBox* frames(QFormLayout& form, const char* name, const char* label, const char* help,
                   std::int64_t least, std::int64_t value);
  QCheckBox* choice(QFormLayout& form, const char* name, const char* label, bool value);

  QSpinBox* lead_in_;
  QSpinBox* fly_back_;
  QSpinBox* line_skip_;
  QSpinBox* sync_offset_;
  QCheckBox* serpentine_;
  QCheckBox* rescan_;
};

}  // namespace bragglive::gui
