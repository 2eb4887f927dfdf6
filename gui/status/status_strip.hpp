// State, speed, age and faults in one line that can be read from across the room.
#pragma once
#include <QWidget>
#include <array>

#include "core/label/map_snapshot.hpp"
#include "gui/colour/theme.hpp"
#include "gui/status/progress_estimate.hpp"
#include "plugin/counters.hpp"
#include "plugin/session.hpp"

class QLabel;
class QProgressBar;
class QToolButton;

namespace bragglive::gui {

struct StatusInfo {
  SessionState state = SessionState::idle;
  bool opening = false;  // the source or the model is still being read
  QString source;
  EngineCounters counters;
  StateCounts states{};
  std::uint64_t positions = 0;
};

// A fault is never silent: the first one is amber, more than 1 % of the frames is red.
enum class Alarm : std::uint8_t { none, amber, red };
Alarm alarm_of(std::uint64_t faults, std::uint64_t whole);

class StatusStrip : public QWidget {
  Q_OBJECT
 public:
  explicit StatusStrip(ThemeKind theme, QWidget* parent = nullptr);
  void show_status(const StatusInfo& info, double now_s);
  void set_theme(ThemeKind theme);

 Q_SIGNALS:
  void reset_requested();

 private:
  enum Cell { k_rate, k_age, k_latency, k_queue, k_skipped, k_missing, k_corrupt, k_other, k_cells };
  struct Field {
    QLabel* caption = nullptr;
    QLabel* value = nullptr;
  };
  void show_state(const StatusInfo& info);
  void show_faults(const StatusInfo& info);
  void show_progress(const StatusInfo& info, double now_s);
  void set_cell(Cell cell, const QString& text, Alarm alarm = Alarm::none, const QString& why = {});

  ThemeKind theme_;
  QLabel* chip_;
  QLabel* source_;
  std::array<Field, k_cells> cells_{};
  QProgressBar* progress_;
  QToolButton* reset_;
  ProgressEstimate estimate_;
  StatusInfo last_;
};

}  // namespace bragglive::gui
