#include "gui/window/operator_window.hpp"

#include <QApplication>
#include <QCloseEvent>
#include <QDateTime>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QLabel>
#include <QMessageBox>
#include <QMimeData>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTabBar>

#include "gui/map/colour_bar.hpp"
#include "gui/map/filter_panel.hpp"
#include "gui/map/legend_panel.hpp"
#include "gui/map/position_text.hpp"
#include "gui/pattern/label_panel.hpp"
#include "gui/pattern/pattern_view.hpp"
#include "gui/status/status_strip.hpp"
#include "gui/window/start_page.hpp"

namespace bragglive::gui {
namespace {
constexpr int k_detail_ms = 120;  // the pattern panel while the beam is followed
constexpr int k_status_ms = 200;
constexpr int k_layout_version = 1;
}  // namespace

OperatorWindow::OperatorWindow(SessionPort& session, ThemeKind theme_kind, QSettings* settings, bool demo)
    : session_(session), settings_(settings), theme_(theme_kind), demo_(demo) {
  setWindowTitle(QStringLiteral("bragglive"));
  resize(1440, 900);
  setAcceptDrops(true);
  request_.model = QStringLiteral("default");
  clock_.start();
  make_actions();
  make_tool_bar();
  make_centre();
  make_docks();
  make_menus();
  statusBar();  // there from the start: nothing moves when the first message comes
  connect_views();
  restore_settings();
  detail_timer_.setSingleShot(true);
  connect(&detail_timer_, &QTimer::timeout, this, &OperatorWindow::ask_detail);
  connect(&status_timer_, &QTimer::timeout, this, &OperatorWindow::refresh_status);
  status_timer_.start(k_status_ms);
  apply_theme_kind(theme_);
  refresh_status();
}

OperatorWindow::~OperatorWindow() {
  // Undo entries and timers must not call back into panels that are being taken down.
  status_timer_.stop();
  detail_timer_.stop();
  undo_.clear();
}

void OperatorWindow::connect_views() {
  connect(&session_, &SessionPort::snapshot_ready, this, &OperatorWindow::take_snapshot);
  connect(&session_, &SessionPort::opened, this, [this] {
    say(QStringLiteral("opened %1").arg(session_.source()));
    refresh_status();
  });
  connect(&session_, &SessionPort::failed, this, &OperatorWindow::complain);
  connect(&session_, &SessionPort::detail_ready, this, &OperatorWindow::show_detail);
  connect(&session_, &SessionPort::noticed, this, &OperatorWindow::say);
  connect(&session_, &SessionPort::saved, this,
          [this](const QString& path) { say(QStringLiteral("saved %1").arg(path)); });
  connect(status_, &StatusStrip::reset_requested, this, [this] { session_.reset_counters(); });
  connect(tabs_, &QTabBar::currentChanged, this,
          [this](int index) { set_mode(static_cast<MapMode>(index)); });
  connect(map_, &MapView::cursor_moved, this, [this] {
    // A click is answered at once; the beam only as often as an eye can follow.
    if (map_->pinned())
      ask_detail();
    else if (!detail_timer_.isActive())
      detail_timer_.start(k_detail_ms);
  });
  connect(map_, &MapView::view_changed, colour_bar_, qOverload<>(&QWidget::update));
  connect(legend_, &LegendPanel::systems_changed, this,
          [this](std::vector<CrystalSystem> systems) { session_.set_systems(std::move(systems)); });
  connect(filter_, &FilterPanel::threshold_changed, this, [this](double t) { session_.set_threshold(t); });
  connect(filter_, &FilterPanel::filter_changed, this, [this](bool on) {
    action(Command::filter).setChecked(on);
    session_.set_filter(on);
  });
  connect(filter_, &FilterPanel::lightness_changed, map_, &MapView::set_lightness);
  connect(pattern_, &PatternView::hovered, this,
          [this](const QString& text) { statusBar()->showMessage(text); });
}

void OperatorWindow::open(const OpenRequest& request) {
  request_ = request;
  start_page_->set_message(QStringLiteral("Opening %1 …").arg(request.source));
  session_.open(request);
  refresh_status();
}

bool OperatorWindow::inviting() const {
  return centre_->currentWidget() == start_page_;
}

void OperatorWindow::set_mode(MapMode mode) {
  if (tabs_->currentIndex() != static_cast<int>(mode)) {
    tabs_->setCurrentIndex(static_cast<int>(mode));  // comes back here
    return;
  }
  map_->set_mode(mode);
}

void OperatorWindow::take_snapshot() {
  if (action(Command::pause_view).isChecked()) return;
  const auto snapshot = session_.snapshot();
  map_->show_snapshot(snapshot);
  legend_->show_snapshot(snapshot.get());
  filter_->show_snapshot(snapshot.get());
  tabs_->setTabText(static_cast<int>(MapMode::crystal_system), map_->raster().labels().title());
  if (snapshot && inviting()) {
    centre_->setCurrentIndex(1);
    map_->setFocus();
  }
  // The pinned position may be the one that just came in.
  if (!detail_timer_.isActive()) detail_timer_.start(k_detail_ms);
}

void OperatorWindow::ask_detail() {
  if (const auto at = map_->cursor())
    session_.ask_detail(*at);
  else
    show_detail(std::nullopt, std::nullopt);
}

void OperatorWindow::show_detail(std::optional<ScanPosition> at, std::optional<PositionDetail> detail) {
  if (map_->pinned() && at != map_->cursor()) return;  // an answer that came too late
  label_->show_detail(detail);
  pattern_->show_detail(std::move(detail));
  QString title = QStringLiteral("Pattern");
  if (at)
    title += QStringLiteral(" at %1  (%2)")
                 .arg(position_name(*at), map_->pinned() ? QStringLiteral("pinned; Esc follows the beam")
                                                         : QStringLiteral("following the beam"));
  pattern_dock_->setWindowTitle(title);
}

void OperatorWindow::refresh_status() {
  const SessionState state = session_.state();
  StatusInfo info;
  info.state = state;
  info.opening = session_.opening();
  info.source = session_.source();
  info.counters = session_.counters();
  if (const auto snapshot = session_.snapshot()) {
    info.states = snapshot->states;
    info.positions = snapshot->scan.positions();
  }
  status_->show_status(info, static_cast<double>(clock_.elapsed()) / 1000);
  const bool running = session_.receiving();
  const bool has_map = info.positions > 0;
  action(Command::start).setEnabled(!running && !info.opening && !request_.source.isEmpty());
  action(Command::stop).setEnabled(running && !info.opening);
  for (const Command c :
       {Command::save_picture, Command::save_result, Command::save_table, Command::reset_counters})
    action(c).setEnabled(has_map);
  for (const Command c : {Command::open_recording, Command::connect_endpoint, Command::setup})
    action(c).setEnabled(!info.opening);
  action(Command::open_demo).setEnabled(demo_ && !info.opening);
  made_by_->setText(session_.made_by());
  if (!has_map && state == SessionState::waiting && !info.opening)
    start_page_->set_message(
        QStringLiteral("Connected to %1. Waiting for a scan to begin.").arg(info.source));
  setWindowTitle(info.source.isEmpty()
                     ? QStringLiteral("bragglive")
                     : QStringLiteral("%1%2 – bragglive")
                           .arg(info.source, running ? QStringLiteral(" (Live)") : QString()));
}

void OperatorWindow::refresh_now() {
  take_snapshot();
  if (const auto at = map_->cursor()) {
    PositionDetail detail;
    const bool found = session_.detail(*at, detail);
    show_detail(at, found ? std::optional(std::move(detail)) : std::nullopt);
  }
  refresh_status();
}

void OperatorWindow::pin_best() {
  const auto snapshot = session_.snapshot();
  if (!snapshot) return;
  std::optional<ScanPosition> best;
  float highest = -1;
  for (std::uint32_t r = 0; r < snapshot->scan.rows; ++r)
    for (std::uint32_t c = 0; c < snapshot->scan.cols; ++c) {
      const MapRow& row = *snapshot->rows[r];
      // Where the pattern and its neighbourhood agree; among equals the one with most to see.
      if (row.system[c] == 0 || row.system[c] != row.raw_system[c]) continue;
      const float score = row.confidence[c] + 1e-4F * static_cast<float>(row.disk_count[c]);
      if (!(score > highest)) continue;
      highest = score;
      best = ScanPosition{r, c};
    }
  if (best) map_->pin(best);
}

QStringList OperatorWindow::caption() const {
  const auto snapshot = session_.snapshot();
  if (!snapshot) return {};
  return {QStringLiteral("%1: %2 × %3 positions, %4")
              .arg(session_.source())
              .arg(snapshot->scan.cols)
              .arg(snapshot->scan.rows)
              .arg(snapshot->finished ? QStringLiteral("finished") : QStringLiteral("still running")),
          QStringLiteral("%1; threshold %2, 5×5 filter %3; %4")
              .arg(session_.made_by())
              .arg(snapshot->threshold, 0, 'f', 3)
              .arg(snapshot->filtered ? QStringLiteral("on") : QStringLiteral("off"),
                   QDateTime::currentDateTime().toString(Qt::ISODate))};
}

void OperatorWindow::say(const QString& message) {
  last_message_ = message;
  statusBar()->showMessage(message);
}

void OperatorWindow::complain(const QString& message) {
  say(message);
  start_page_->set_message(message);
  refresh_status();
  if (dialogs_) QMessageBox::warning(this, QStringLiteral("bragglive"), message);
}

void OperatorWindow::closeEvent(QCloseEvent* event) {
  if (dialogs_ && session_.state() == SessionState::scanning &&
      QMessageBox::question(this, QStringLiteral("bragglive"),
                            QStringLiteral("A scan is running. Stop labelling it and quit?")) !=
          QMessageBox::Yes) {
    event->ignore();
    return;
  }
  save_settings();
  event->accept();
}

void OperatorWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->urls().size() == 1 && event->mimeData()->urls().front().isLocalFile())
    event->acceptProposedAction();
}

void OperatorWindow::dropEvent(QDropEvent* event) {
  OpenRequest request = request_;
  request.source = event->mimeData()->urls().front().toLocalFile();
  open(request);
}

void OperatorWindow::restore_settings() {
  if (!settings_) return;
  restoreGeometry(settings_->value(QStringLiteral("geometry")).toByteArray());
  restoreState(settings_->value(QStringLiteral("layout")).toByteArray(), k_layout_version);
  if (settings_->value(QStringLiteral("theme")).toString() == QStringLiteral("light"))
    theme_ = ThemeKind::light;
  request_.model = settings_->value(QStringLiteral("model"), request_.model).toString();
  request_.calibration = settings_->value(QStringLiteral("calibration")).toString();
}

void OperatorWindow::save_settings() {
  if (!settings_) return;
  settings_->setValue(QStringLiteral("geometry"), saveGeometry());
  settings_->setValue(QStringLiteral("layout"), saveState(k_layout_version));
  settings_->setValue(QStringLiteral("theme"),
                      theme_ == ThemeKind::light ? QStringLiteral("light") : QStringLiteral("dark"));
  settings_->setValue(QStringLiteral("model"), request_.model);
  settings_->setValue(QStringLiteral("calibration"), request_.calibration);
  if (request_.source.contains(QStringLiteral("://")))
    settings_->setValue(QStringLiteral("endpoint"), request_.source);
}

void OperatorWindow::apply_theme_kind(ThemeKind kind) {
  theme_ = kind;
  apply_theme(*qApp, kind);
  map_->set_theme(kind);
  legend_->set_theme(kind);
  colour_bar_->set_theme(kind);
  pattern_->set_theme(kind);
  label_->set_theme(kind);
  status_->set_theme(kind);
  start_page_->set_theme(kind);
  made_by_->setStyleSheet(QStringLiteral("color: %1; padding-right: 6px").arg(theme(kind).dim.name()));
  action(Command::theme).setChecked(kind == ThemeKind::light);
}

}  // namespace bragglive::gui
