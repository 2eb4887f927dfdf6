// The small questions: which endpoint, which model and calibration, which keys.
#pragma once
#include <QDialog>
#include <optional>

#include "gui/window/session_port.hpp"

class QCheckBox;
class QComboBox;
class QDialogButtonBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QSpinBox;

namespace bragglive::gui {

class PathFields;

// "256x256", "256 × 256", "14x109"; nullopt for anything else.
std::optional<ScanShape> scan_from_text(const QString& text);
QString text_of(const std::optional<ScanShape>& scan);

// Endpoint, protocol, threshold, a DECTRIS detector's REST interface and, where the detector does not say it,
// the scan's shape and path. OK only for something that can be connected to.
class ConnectDialog : public QDialog {
  Q_OBJECT
 public:
  ConnectDialog(const OpenRequest& before, QWidget* parent);
  OpenRequest request() const;

 private:
  void check();
  OpenRequest before_;
  QLineEdit* endpoint_;
  QComboBox* protocol_;
  QLineEdit* channel_;
  QLineEdit* rest_;
  QLineEdit* scan_;
  PathFields* path_;
  QLabel* complaint_;
  QDialogButtonBox* buttons_;
};

// Model file (or the shipped one), calibration file (or the scan's own, or one made from its first rows),
// scan shape and path of recordings that do not know it.
class SetupDialog : public QDialog {
  Q_OBJECT
 public:
  SetupDialog(const OpenRequest& before, QWidget* parent);
  OpenRequest request() const;

 private:
  QLineEdit* file_line(QFormLayout& form, const QString& name, const QString& text, const QString& hint,
                       const QString& filter);
  void add_first_rows(QFormLayout& form);
  OpenRequest before_;
  QLineEdit* model_;
  QLineEdit* calibration_;
  QSpinBox* first_rows_;
  QLineEdit* known_;
  QLineEdit* pixel_size_;
  QLineEdit* scan_;
  QLineEdit* dataset_;
  QLineEdit* channel_;
  QCheckBox* follow_;
  PathFields* path_;
};

// All shortcuts, with a button that writes them as a PDF page for the wall.
class KeyMapDialog : public QDialog {
  Q_OBJECT
 public:
  explicit KeyMapDialog(QWidget* parent);
};
Expected<void> save_key_map(const QString& pdf_path);

}  // namespace bragglive::gui
