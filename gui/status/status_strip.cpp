#include "gui/status/status_strip.hpp"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace bragglive::gui {
namespace {

QString grouped(std::uint64_t number) {
  return QLocale(QLocale::English).toString(static_cast<qulonglong>(number));
}

QString milliseconds(double ms) {
  if (ms >= 10000) return QStringLiteral("%1 s").arg(ms / 1000, 0, 'f', 0);
  return QStringLiteral("%1 ms").arg(ms, 0, 'f', ms < 10 ? 1 : 0);
}

struct StateLook {
  QString word;
  QColor colour;
};

StateLook look_of(const StatusInfo& info, const Theme& t) {
  if (info.opening) return {QStringLiteral("OPENING"), t.accent};
  switch (info.state) {
    case SessionState::idle:
      return {QStringLiteral("IDLE"), t.dim};
    case SessionState::waiting:
      return {QStringLiteral("WAITING"), t.accent};
    case SessionState::scanning:
      return {QStringLiteral("SCANNING"), t.good};
    case SessionState::finished:
      return {QStringLiteral("FINISHED"), t.accent};
    case SessionState::stopped:
      return {QStringLiteral("STOPPED"), t.warning};
    case SessionState::failed:
      return {QStringLiteral("FAILED"), t.fault};
  }
  return {};
}

}  // namespace

Alarm alarm_of(std::uint64_t faults, std::uint64_t whole) {
  if (faults == 0) return Alarm::none;
  return faults * 100 > whole ? Alarm::red : Alarm::amber;
}

StatusStrip::StatusStrip(ThemeKind theme_kind, QWidget* parent) : QWidget(parent), theme_(theme_kind) {
  auto* line = new QHBoxLayout(this);
  line->setContentsMargins(8, 4, 8, 4);
  line->setSpacing(16);
  chip_ = new QLabel(this);
  chip_->setAlignment(Qt::AlignCenter);
  chip_->setFixedWidth(fontMetrics().horizontalAdvance(QStringLiteral("SCANNING")) + 44);
  chip_->setAccessibleName(QStringLiteral("state"));
  source_ = new QLabel(this);
  source_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  auto* head = new QVBoxLayout;
  head->setSpacing(1);
  head->addWidget(chip_);
  line->addLayout(head);
  static const std::array<const char*, k_cells> captions = {
      "frames/s", "data age", "latency 50 / 99 %", "queue", "skipped", "missing", "corrupt", "other faults"};
  static const std::array<const char*, k_cells> widest = {"99,999", "99999 ms", "9999 / 9999 ms", "256 / 256",
                                                          "99,999", "99,999",   "99,999",         "99,999"};
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    auto* box = new QVBoxLayout;
    box->setSpacing(0);
    cells_[i] = {new QLabel(QLatin1String(captions[i]), this), new QLabel(this)};
    QFont small = font();
    small.setPointSizeF(small.pointSizeF() * 0.85);
    cells_[i].caption->setFont(small);
    // Fixed widths: numbers that grow must not push their neighbours about.
    cells_[i].value->setFixedWidth(fontMetrics().horizontalAdvance(QLatin1String(widest[i])));
    box->addWidget(cells_[i].caption);
    box->addWidget(cells_[i].value);
    line->addLayout(box);
  }
  reset_ = new QToolButton(this);
  reset_->setText(QStringLiteral("Reset"));
  reset_->setToolTip(QStringLiteral("Set the fault counters and latencies to zero; nothing else does"));
  connect(reset_, &QToolButton::clicked, this, &StatusStrip::reset_requested);
  line->addWidget(reset_);
  auto* tail = new QVBoxLayout;
  tail->setSpacing(2);
  progress_ = new QProgressBar(this);
  progress_->setRange(0, 1000);
  progress_->setMinimumWidth(170);
  tail->addWidget(progress_);
  tail->addWidget(source_);
  line->addLayout(tail, 1);
  set_theme(theme_kind);
}

void StatusStrip::set_theme(ThemeKind theme_kind) {
  theme_ = theme_kind;
  const Theme& t = theme(theme_);
  const QString dim = QStringLiteral("color: %1").arg(t.dim.name());
  for (const Field& field : cells_) field.caption->setStyleSheet(dim);
  source_->setStyleSheet(dim);
  show_state(last_);
  show_faults(last_);
}

void StatusStrip::set_cell(Cell cell, const QString& text, Alarm alarm, const QString& why) {
  const Theme& t = theme(theme_);
  QLabel* value = cells_[cell].value;
  value->setText(text);
  value->setToolTip(why);
  cells_[cell].caption->setToolTip(why);
  const QColor ink = alarm == Alarm::red ? t.fault : alarm == Alarm::amber ? t.warning : t.text;
  const QString style =
      QStringLiteral("color: %1; font-weight: %2")
          .arg(ink.name(), alarm == Alarm::none ? QStringLiteral("normal") : QStringLiteral("bold"));
  if (value->styleSheet() != style) value->setStyleSheet(style);
}

void StatusStrip::show_state(const StatusInfo& info) {
  const StateLook look = look_of(info, theme(theme_));
  chip_->setText(look.word);
  const QString style =
      QStringLiteral("background: %1; color: %2; border-radius: 4px; padding: 7px 12px; font-weight: bold")
          .arg(look.colour.name(), theme(theme_).window.name());
  if (chip_->styleSheet() != style) chip_->setStyleSheet(style);
}

void StatusStrip::show_faults(const StatusInfo& info) {
  const EngineCounters& c = info.counters;
  const std::uint64_t whole = std::max(info.positions, c.frames_received);
  const auto states = [&](PositionState s) { return info.states[static_cast<std::size_t>(s)]; };
  // What the map shows and what was counted since the last reset: the larger one counts as a fault.
  const auto count = [&](Cell cell, std::uint64_t n, const QString& why) {
    set_cell(cell, grouped(n), alarm_of(n, whole), why);
  };
  count(k_skipped, c.skipped,
        QStringLiteral("No free slot: frames dropped so that the detector need not wait"));
  QString missing = QStringLiteral("Positions of this scan whose frame never came");
  if (c.detector_dropped)
    missing += QStringLiteral("; the detector says that it dropped %1").arg(*c.detector_dropped);
  count(k_missing, states(PositionState::missing), missing);
  count(k_corrupt, c.corrupt, QStringLiteral("Frames that came but could not be read"));
  const std::uint64_t other = c.late + c.duplicates + c.out_of_range + c.stale_series + c.bad_messages;
  count(k_other, other,
        QStringLiteral("late %1, second frame for a position %2, outside the scan %3, of an earlier scan %4, "
                       "not understood %5")
            .arg(c.late)
            .arg(c.duplicates)
            .arg(c.out_of_range)
            .arg(c.stale_series)
            .arg(c.bad_messages));
}

void StatusStrip::show_progress(const StatusInfo& info, double now_s) {
  const std::uint64_t done = info.positions - info.states[static_cast<std::size_t>(PositionState::pending)];
  if (info.positions == 0) {
    estimate_.restart();
    progress_->setValue(0);
    progress_->setFormat(QStringLiteral("no scan yet"));
    return;
  }
  estimate_.add(now_s, done, info.positions);
  progress_->setValue(
      static_cast<int>(1000.0 * static_cast<double>(done) / static_cast<double>(info.positions)));
  QString text = QStringLiteral("%1 of %2").arg(grouped(done), grouped(info.positions));
  if (info.state == SessionState::scanning)
    if (const auto left = estimate_.seconds_left())
      text += QStringLiteral(", %1 left").arg(duration_text(*left));
  progress_->setFormat(text);
}

void StatusStrip::show_status(const StatusInfo& info, double now_s) {
  last_ = info;
  const EngineCounters& c = info.counters;
  show_state(info);
  const bool busy = info.state == SessionState::scanning;
  set_cell(k_rate,
           busy ? grouped(static_cast<std::uint64_t>(c.frames_per_second + 0.5)) : QStringLiteral("–"));
  set_cell(k_age, busy ? milliseconds(c.data_age_ms) : QStringLiteral("–"),
           busy && c.data_age_ms > 2000 ? Alarm::amber : Alarm::none,
           QStringLiteral("Since the newest labelled frame came in"));
  set_cell(
      k_latency,
      c.latency.count > 0
          ? QStringLiteral("%1 / %2 ms").arg(c.latency.p50_ms, 0, 'f', 0).arg(c.latency.p99_ms, 0, 'f', 0)
          : QStringLiteral("–"),
      Alarm::none,
      QStringLiteral("From receipt of a frame to its label: median and 99th percentile; slowest %1 ms")
          .arg(c.latency.max_ms, 0, 'f', 0));
  const bool full = c.slots > 0 && c.slots_in_use * 10 >= c.slots * 9;
  set_cell(k_queue,
           c.slots > 0 ? QStringLiteral("%1 / %2").arg(c.slots_in_use).arg(c.slots) : QStringLiteral("–"),
           full && c.skipped > 0 ? Alarm::amber : Alarm::none,
           QStringLiteral("Frame slots in use; when none is free a live frame is skipped"));
  show_faults(info);
  show_progress(info, now_s);
  source_->setText(fontMetrics().elidedText(info.source, Qt::ElideMiddle, std::max(120, progress_->width())));
  source_->setToolTip(info.source);
}

}  // namespace bragglive::gui
