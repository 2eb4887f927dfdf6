// What the window asks its user: which recording, which endpoint, where to save.
#include <QAction>
#include <QFileDialog>
#include <QFileInfo>
#include <QMessageBox>

#include "gui/save/map_picture.hpp"
#include "gui/save/map_table.hpp"
#include "gui/window/dialogs.hpp"
#include "gui/window/operator_window.hpp"

namespace bragglive::gui {

void OperatorWindow::ask_recording() {
  const QString place = settings_ ? settings_->value(QStringLiteral("folder")).toString() : QString();
  const QString file = QFileDialog::getOpenFileName(
      this, QStringLiteral("Open recording"), place,
      QStringLiteral("Recordings (*.npy *.h5 *.hdf5 *.emd *.mib *.blo *.tif *.tiff *.hspy);;All files (*)"));
  if (file.isEmpty()) return;
  if (settings_) settings_->setValue(QStringLiteral("folder"), QFileInfo(file).path());
  OpenRequest request = request_;
  request.source = file;
  open(request);
}

void OperatorWindow::ask_endpoint() {
  OpenRequest before = request_;
  if (settings_ && !before.source.contains(QStringLiteral("://")))
    before.source = settings_->value(QStringLiteral("endpoint")).toString();
  ConnectDialog dialog(before, this);
  if (dialog.exec() == QDialog::Accepted) open(dialog.request());
}

void OperatorWindow::ask_setup() {
  SetupDialog dialog(request_, this);
  if (dialog.exec() == QDialog::Accepted) request_ = dialog.request();
}

void OperatorWindow::ask_save(Command what) {
  const auto snapshot = session_.snapshot();
  if (!snapshot) return;
  const QString suffix = what == Command::save_picture ? QStringLiteral("png")
                         : what == Command::save_table ? QStringLiteral("csv")
                                                       : QStringLiteral("h5");
  QString file =
      QFileDialog::getSaveFileName(this, action(what).text().remove(QChar(0x2026)),
                                   QStringLiteral("bragglive-map.") + suffix, QStringLiteral("*.") + suffix);
  if (file.isEmpty()) return;
  if (QFileInfo(file).suffix().isEmpty()) file += QLatin1Char('.') + suffix;
  if (what == Command::save_result) return session_.save(file);
  const Expected<void> done = what == Command::save_picture
                                  ? gui::save_picture(map_picture(map_->raster(), theme_, caption()), file)
                                  : gui::save_table(*snapshot, session_.source(), file);
  if (done)
    say(QStringLiteral("saved %1").arg(file));
  else
    complain(QString::fromStdString(done.error().message));
}

void OperatorWindow::show_about() {
  QMessageBox::about(
      this, QStringLiteral("About bragglive"),
      QStringLiteral(
          "<h3>bragglive</h3>Labels a 4D-STEM scan while the microscope acquires it: crystal system, space "
          "group and lattice lengths at every position, with a confidence for each."));
}

}  // namespace bragglive::gui
