// The operator's window: map in the middle, legend and threshold at the left, pattern and votes at the right.
#pragma once
#include <QElapsedTimer>
#include <QMainWindow>
#include <QSettings>
#include <QTimer>
#include <QUndoStack>
#include <map>
#include <optional>

#include "gui/map/map_view.hpp"
#include "gui/window/commands.hpp"
#include "gui/window/session_port.hpp"

class QLabel;
class QStackedWidget;
class QTabBar;
class QToolBar;

namespace bragglive::gui {

class ColourBar;
class FilterPanel;
class LabelPanel;
class LegendPanel;
class PatternView;
class StartPage;
class StatusStrip;

class OperatorWindow : public QMainWindow {
  Q_OBJECT
 public:
  // `settings`: where layout and choices are kept between runs; nullptr = nowhere. `demo`: the program has a
  // demo source.
  OperatorWindow(SessionPort& session, ThemeKind theme, QSettings* settings, bool demo);
  ~OperatorWindow() override;

  void open(const OpenRequest& request);
  void set_request(const OpenRequest& request) { request_ = request; }
  const OpenRequest& request() const { return request_; }
  void trigger(Command command);
  QAction& action(Command command);
  void set_mode(MapMode mode);

  MapView& map_view() { return *map_; }
  PatternView& pattern_view() { return *pattern_; }
  FilterPanel& filter_panel() { return *filter_; }
  LegendPanel& legend_panel() { return *legend_; }
  bool inviting() const;  // the start page is up

  // Takes the newest snapshot, pattern and counters at once instead of at the next tick.
  void refresh_now();
  // Pins the labelled position with the highest confidence: something worth looking at in a screenshot.
  void pin_best();
  // Lines below an exported picture.
  QStringList caption() const;
  // Shows a message to the user; also on the status bar.
  void complain(const QString& message);
  // false: messages only go to the status bar, nothing waits for a click.
  void set_dialogs(bool allowed) { dialogs_ = allowed; }
  QString last_message() const { return last_message_; }

 protected:
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  void make_actions();
  void make_menus();
  void make_tool_bar();
  void make_centre();
  void make_docks();
  void connect_views();
  void restore_settings();
  void save_settings();
  void apply_theme_kind(ThemeKind kind);

  void take_snapshot();
  void ask_detail();
  void show_detail(std::optional<ScanPosition> at, std::optional<PositionDetail> detail);
  void refresh_status();
  void ask_recording();
  void ask_endpoint();
  void ask_setup();
  void ask_save(Command what);
  void say(const QString& message);
  void show_about();

  SessionPort& session_;
  QSettings* settings_;
  ThemeKind theme_;
  bool demo_;
  bool dialogs_ = true;
  OpenRequest request_;
  QString last_message_;
  std::map<Command, QAction*> actions_;
  QUndoStack undo_;
  QElapsedTimer clock_;
  QTimer detail_timer_, status_timer_;

  QStackedWidget* centre_ = nullptr;
  StartPage* start_page_ = nullptr;
  QTabBar* tabs_ = nullptr;
  MapView* map_ = nullptr;
  StatusStrip* status_ = nullptr;
  LegendPanel* legend_ = nullptr;
  ColourBar* colour_bar_ = nullptr;
  FilterPanel* filter_ = nullptr;
  PatternView* pattern_ = nullptr;
  LabelPanel* label_ = nullptr;
  QDockWidget *legend_dock_ = nullptr, *pattern_dock_ = nullptr, *label_dock_ = nullptr;
  QLabel* made_by_ = nullptr;
};

}  // namespace bragglive::gui
