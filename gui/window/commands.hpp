// Every command of the window with its keys, in one table: menus, shortcuts and the key map are made from it.
#pragma once
#include <QKeySequence>
#include <QList>
#include <QString>
#include <vector>

namespace bragglive::gui {

enum class Command {
  open_recording,
  connect_endpoint,
  open_demo,
  setup,
  save_picture,
  save_result,
  save_table,
  quit,
  start,
  stop,
  reset_counters,
  view_crystal_system,
  view_reliability,
  view_a,
  view_b,
  view_c,
  view_disks,
  view_bright_field,
  view_dark_field,
  view_mixed,
  view_outlier,
  pause_view,
  follow_beam,
  cursor_left,
  cursor_right,
  cursor_up,
  cursor_down,
  cursor_far_left,
  cursor_far_right,
  cursor_far_up,
  cursor_far_down,
  zoom_fit,
  zoom_1,
  zoom_2,
  zoom_in,
  zoom_out,
  pattern_marks,
  theme,
  threshold_down,
  threshold_up,
  filter,
  undo,
  redo,
  key_map,
  about
};

struct CommandInfo {
  Command command;
  QString menu;  // heading
  QString text;
  QList<QKeySequence> keys;
  bool checkable = false;
  bool map_only = false;  // arrows: only while the map has the focus, or they would be lost to sliders
};
const std::vector<CommandInfo>& commands();

// The key map as HTML: on screen, as PDF, on paper.
QString key_map_html();

}  // namespace bragglive::gui
