// Runs a scan in the window without a person: screenshots, files, exit code.
#pragma once
#include <QObject>
#include <QTimer>

#include "gui/live/live_session.hpp"
#include "gui/live/options.hpp"
#include "gui/window/operator_window.hpp"

namespace bragglive::gui {

// Ends the application with 0, or with 3 after one line on stderr.
class Unattended : public QObject {
  Q_OBJECT
 public:
  Unattended(OperatorWindow& window, LiveSession& session, const ProgramOptions& options);

 private:
  void look();
  void finish();
  void end_with(const QString& complaint);
  bool save_window(const QString& file);

  OperatorWindow& window_;
  LiveSession& session_;
  ProgramOptions options_;
  QTimer timer_;
  bool during_taken_ = false;
};

}  // namespace bragglive::gui
