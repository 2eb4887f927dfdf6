// How the window is put together, and what its commands do.
#include <QApplication>
#include <QDockWidget>
#include <QLabel>
#include <QMenuBar>
#include <QScrollArea>
#include <QStackedWidget>
#include <QStatusBar>
#include <QStyle>
#include <QTabBar>
#include <QToolBar>
#include <QVBoxLayout>

#include "gui/map/colour_bar.hpp"
#include "gui/map/filter_panel.hpp"
#include "gui/map/legend_panel.hpp"
#include "gui/pattern/label_panel.hpp"
#include "gui/pattern/pattern_view.hpp"
#include "gui/status/status_strip.hpp"
#include "gui/window/dialogs.hpp"
#include "gui/window/operator_window.hpp"
#include "gui/window/start_page.hpp"

namespace bragglive::gui {
namespace {

QDockWidget* add_dock(QMainWindow& window, const QString& title, const QString& name, QWidget* content,
                      Qt::DockWidgetArea area) {
  auto* dock = new QDockWidget(title, &window);
  dock->setObjectName(name);  // or its place could not be stored
  dock->setWidget(content);
  window.addDockWidget(area, dock);
  return dock;
}

}  // namespace

void OperatorWindow::make_actions() {
  for (const CommandInfo& info : commands()) {
    auto* made = new QAction(info.text, this);
    made->setShortcuts(info.keys);
    made->setCheckable(info.checkable);
    connect(made, &QAction::triggered, this, [this, command = info.command] { trigger(command); });
    actions_[info.command] = made;
  }
  action(Command::filter).setChecked(true);
  action(Command::pattern_marks).setChecked(true);
  if (!demo_)
    action(Command::open_demo).setToolTip(QStringLiteral("This program was built without the demo specimen"));
}

QAction& OperatorWindow::action(Command command) {
  return *actions_.at(command);
}

void OperatorWindow::make_menus() {
  QMenu* menu = nullptr;
  for (const CommandInfo& info : commands()) {
    if (!menu || menu->title() != info.menu) {
      if (menu && menu->title() == QStringLiteral("View")) {
        menu->addSeparator();
        for (QDockWidget* dock : {legend_dock_, pattern_dock_, label_dock_}) {
          dock->toggleViewAction()->setText(QStringLiteral("Panel: ") + dock->objectName());
          menu->addAction(dock->toggleViewAction());
        }
      }
      menu = menuBar()->addMenu(info.menu);
    }
    QAction& item = action(info.command);
    menu->addAction(&item);
    if (info.map_only) {
      item.setShortcutContext(Qt::WidgetShortcut);
      map_->addAction(&item);
    } else {
      addAction(&item);
    }
  }
}

void OperatorWindow::make_tool_bar() {
  QToolBar* bar = addToolBar(QStringLiteral("Commands"));
  bar->setObjectName(QStringLiteral("commands"));
  bar->setMovable(false);
  const auto add = [&](Command command, const QString& text) {
    action(command).setIconText(text);
    bar->addAction(&action(command));
  };
  add(Command::open_recording, QStringLiteral("Open"));
  add(Command::connect_endpoint, QStringLiteral("Connect"));
  add(Command::open_demo, QStringLiteral("Demo"));
  bar->addSeparator();
  add(Command::start, QStringLiteral("▶ Start"));
  add(Command::stop, QStringLiteral("■ Stop"));
  add(Command::pause_view, QStringLiteral("Pause view"));
  bar->addSeparator();
  add(Command::save_picture, QStringLiteral("Picture"));
  add(Command::save_result, QStringLiteral("Result"));
  add(Command::save_table, QStringLiteral("Table"));
  bar->addSeparator();
  add(Command::setup, QStringLiteral("Model…"));
  auto* spring = new QWidget(bar);
  spring->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
  bar->addWidget(spring);
  made_by_ = new QLabel(bar);
  bar->addWidget(made_by_);

  addToolBarBreak();
  QToolBar* status_bar = addToolBar(QStringLiteral("Status"));
  status_bar->setObjectName(QStringLiteral("status"));
  status_bar->setMovable(false);
  status_ = new StatusStrip(theme_, status_bar);
  status_bar->addWidget(status_);
  // Both rows are the window's controls: hidden by a stray right click they would be hard to find again.
  setContextMenuPolicy(Qt::NoContextMenu);
}

void OperatorWindow::make_centre() {
  centre_ = new QStackedWidget(this);
  start_page_ = new StartPage(action(Command::open_recording), action(Command::connect_endpoint),
                              action(Command::open_demo), theme_, centre_);
  auto* page = new QWidget(centre_);
  auto* column = new QVBoxLayout(page);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  tabs_ = new QTabBar(page);
  tabs_->setExpanding(false);
  tabs_->setDrawBase(false);
  tabs_->setFocusPolicy(Qt::NoFocus);
  for (int i = 0; i < k_map_modes; ++i) {
    tabs_->addTab(info_of(static_cast<MapMode>(i)).title);
    const auto key = static_cast<Command>(static_cast<int>(Command::view_crystal_system) + i);
    tabs_->setTabToolTip(
        i, QStringLiteral("%1  (%2)")
               .arg(info_of(static_cast<MapMode>(i)).long_title, action(key).shortcut().toString()));
  }
  map_ = new MapView(theme_, page);
  column->addWidget(tabs_);
  column->addWidget(map_, 1);
  centre_->addWidget(start_page_);
  centre_->addWidget(page);
  setCentralWidget(centre_);
}

void OperatorWindow::make_docks() {
  setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
  setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
  auto* left = new QWidget(this);
  auto* column = new QVBoxLayout(left);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(4);
  legend_ = new LegendPanel(theme_, left);
  colour_bar_ = new ColourBar(map_->raster(), theme_, left);
  auto* bar_frame = new QWidget(left);
  auto* bar_layout = new QVBoxLayout(bar_frame);
  bar_layout->setContentsMargins(10, 8, 10, 2);
  bar_layout->addWidget(colour_bar_);
  filter_ = new FilterPanel(undo_, left);
  column->addWidget(bar_frame);
  column->addWidget(legend_);
  column->addWidget(filter_);
  column->addStretch(1);
  auto* scroll = new QScrollArea(this);  // small screens
  scroll->setWidget(left);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  scroll->setMinimumWidth(left->minimumSizeHint().width() +
                          scroll->style()->pixelMetric(QStyle::PM_ScrollBarExtent) + 4);
  legend_dock_ = add_dock(*this, QStringLiteral("Legend and threshold"), QStringLiteral("legend"), scroll,
                          Qt::LeftDockWidgetArea);
  pattern_ = new PatternView(theme_, this);
  pattern_dock_ = add_dock(*this, QStringLiteral("Pattern"), QStringLiteral("pattern"), pattern_,
                           Qt::RightDockWidgetArea);
  label_ = new LabelPanel(theme_, this);
  label_dock_ = add_dock(*this, QStringLiteral("Votes and lattice"), QStringLiteral("votes"), label_,
                         Qt::RightDockWidgetArea);
  resizeDocks({legend_dock_, pattern_dock_}, {270, 400}, Qt::Horizontal);
  resizeDocks({pattern_dock_, label_dock_}, {430, 330}, Qt::Vertical);
}

void OperatorWindow::trigger(Command command) {
  const auto view = static_cast<int>(command) - static_cast<int>(Command::view_crystal_system);
  if (view >= 0 && view < k_map_modes) return set_mode(static_cast<MapMode>(view));
  switch (command) {
    case Command::open_recording:
      return ask_recording();
    case Command::connect_endpoint:
      return ask_endpoint();
    case Command::open_demo: {
      OpenRequest request = request_;
      request.source = QStringLiteral("demo:gold");
      request.calibration.clear();  // the specimen brings its own
      request.scan.reset();
      return open(request);
    }
    case Command::setup:
      return ask_setup();
    case Command::save_picture:
    case Command::save_result:
    case Command::save_table:
      return ask_save(command);
    case Command::quit:
      close();
      return;
    case Command::start:
      return open(request_);
    case Command::stop:
      session_.stop();
      return refresh_now();
    case Command::reset_counters:
      return session_.reset_counters();
    case Command::pause_view:
      return take_snapshot();
    case Command::follow_beam:
      return map_->pin(std::nullopt);
    case Command::cursor_left:
      return map_->move_cursor(0, -1);
    case Command::cursor_right:
      return map_->move_cursor(0, 1);
    case Command::cursor_up:
      return map_->move_cursor(-1, 0);
    case Command::cursor_down:
      return map_->move_cursor(1, 0);
    case Command::cursor_far_left:
      return map_->move_cursor(0, -10);
    case Command::cursor_far_right:
      return map_->move_cursor(0, 10);
    case Command::cursor_far_up:
      return map_->move_cursor(-10, 0);
    case Command::cursor_far_down:
      return map_->move_cursor(10, 0);
    case Command::zoom_fit:
      return map_->fit();
    case Command::zoom_1:
      return map_->set_zoom(1);
    case Command::zoom_2:
      return map_->set_zoom(2);
    case Command::zoom_in:
      return map_->zoom_step(1);
    case Command::zoom_out:
      return map_->zoom_step(-1);
    case Command::pattern_marks:
      return pattern_->set_marks_shown(action(command).isChecked());
    case Command::theme:
      return apply_theme_kind(action(command).isChecked() ? ThemeKind::light : ThemeKind::dark);
    case Command::threshold_down:
      return filter_->step_threshold(-10);
    case Command::threshold_up:
      return filter_->step_threshold(10);
    case Command::filter:
      return filter_->set_filter(action(command).isChecked());
    case Command::undo:
      return undo_.undo();
    case Command::redo:
      return undo_.redo();
    case Command::key_map:
      KeyMapDialog(this).exec();
      return;
    case Command::about:
      return show_about();
    default:
      return;
  }
}

}  // namespace bragglive::gui
