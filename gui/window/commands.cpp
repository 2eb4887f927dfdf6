#include "gui/window/commands.hpp"

namespace bragglive::gui {
namespace {

QList<QKeySequence> keys(const char* text) {
  QList<QKeySequence> list;
  for (const QString& key : QString::fromLatin1(text).split(QLatin1Char(' '), Qt::SkipEmptyParts))
    list.append(QKeySequence(key, QKeySequence::PortableText));
  return list;
}

struct Entry {
  Command command;
  const char* menu;
  const char* text;
  const char* keys;
  bool checkable = false;
  bool map_only = false;
};

constexpr Entry k_entries[] = {
    {Command::open_recording, "File", "Open recording…", "Ctrl+O"},
    {Command::connect_endpoint, "File", "Connect…", "Ctrl+K"},
    {Command::open_demo, "File", "Demo", "Ctrl+D"},
    {Command::setup, "File", "Model and calibration…", "Ctrl+M"},
    {Command::save_picture, "File", "Save picture (PNG)…", "Ctrl+S"},
    {Command::save_result, "File", "Save result (HDF5)…", "Ctrl+Shift+S"},
    {Command::save_table, "File", "Save table (CSV)…", "Ctrl+E"},
    {Command::quit, "File", "Quit", "Ctrl+Q"},
    {Command::start, "Scan", "Start", "F5"},
    {Command::stop, "Scan", "Stop", "Shift+F5"},
    {Command::reset_counters, "Scan", "Reset fault counters", "Ctrl+R"},
    {Command::view_crystal_system, "View", "Crystal system", "Ctrl+1"},
    {Command::view_reliability, "View", "Reliability (difference confidence)", "Ctrl+2"},
    {Command::view_a, "View", "Lattice length a", "Ctrl+3"},
    {Command::view_b, "View", "Lattice length b", "Ctrl+4"},
    {Command::view_c, "View", "Lattice length c", "Ctrl+5"},
    {Command::view_disks, "View", "Disk count", "Ctrl+6"},
    {Command::view_bright_field, "View", "Bright field", "Ctrl+7"},
    {Command::view_dark_field, "View", "Dark field", "Ctrl+8"},
    {Command::view_mixed, "View", "Overlapping grains", "Ctrl+9"},
    {Command::view_outlier, "View", "Unlike a crystal", "Ctrl+Shift+9"},
    {Command::pause_view, "View", "Pause view", "P", true},
    {Command::pattern_marks, "View", "Marks on the pattern", "M", true},
    {Command::theme, "View", "Light theme", "Ctrl+T", true},
    {Command::follow_beam, "Map", "Follow the beam", "Esc"},
    {Command::cursor_left, "Map", "Cursor left", "Left", false, true},
    {Command::cursor_right, "Map", "Cursor right", "Right", false, true},
    {Command::cursor_up, "Map", "Cursor up", "Up", false, true},
    {Command::cursor_down, "Map", "Cursor down", "Down", false, true},
    {Command::cursor_far_left, "Map", "Cursor left by ten", "Shift+Left", false, true},
    {Command::cursor_far_right, "Map", "Cursor right by ten", "Shift+Right", false, true},
    {Command::cursor_far_up, "Map", "Cursor up by ten", "Shift+Up", false, true},
    {Command::cursor_far_down, "Map", "Cursor down by ten", "Shift+Down", false, true},
    {Command::zoom_fit, "Map", "Whole scan", "0"},
    {Command::zoom_1, "Map", "One screen pixel per position", "1"},
    {Command::zoom_2, "Map", "Two screen pixels per position", "2"},
    {Command::zoom_in, "Map", "Zoom in", "+ ="},
    {Command::zoom_out, "Map", "Zoom out", "-"},
    {Command::threshold_down, "Label", "Lower the threshold", "["},
    {Command::threshold_up, "Label", "Raise the threshold", "]"},
    {Command::filter, "Label", "5×5 median filter", "F", true},
    {Command::undo, "Label", "Undo threshold", "Ctrl+Z"},
    {Command::redo, "Label", "Redo threshold", "Ctrl+Shift+Z"},
    {Command::key_map, "Help", "Keys…", "F1"},
    {Command::about, "Help", "About bragglive", ""},
};

}  // namespace

const std::vector<CommandInfo>& commands() {
  static const std::vector<CommandInfo> table = [] {
    std::vector<CommandInfo> list;
    for (const Entry& e : k_entries)
      list.push_back({e.command, QString::fromUtf8(e.menu), QString::fromUtf8(e.text), keys(e.keys),
                      e.checkable, e.map_only});
    return list;
  }();
  return table;
}

QString key_map_html() {
  QString html = QStringLiteral("<h2>bragglive: keys</h2><table cellpadding='3' cellspacing='0'>");
  QString menu;
  for (const CommandInfo& info : commands()) {
    if (info.keys.isEmpty()) continue;
    if (info.menu != menu) {
      menu = info.menu;
      html += QStringLiteral("<tr><td colspan='2'><br><b>%1</b></td></tr>").arg(menu);
    }
    QStringList names;
    for (const QKeySequence& key : info.keys) names += key.toString(QKeySequence::NativeText).toHtmlEscaped();
    html +=
        QStringLiteral("<tr><td><code>%1</code>&nbsp;&nbsp;&nbsp;</td><td>%2</td></tr>")
            .arg(names.join(QStringLiteral(", ")), QString(info.text).remove(QChar(0x2026)).toHtmlEscaped());
  }
  return html + QStringLiteral(
                    "<tr><td colspan='2'><br><b>Mouse on the map</b></td></tr>"
                    "<tr><td>click</td><td>pin the pattern panel to a position</td></tr>"
                    "<tr><td>drag</td><td>pan</td></tr><tr><td>wheel</td><td>zoom about the pointer</td></tr>"
                    "<tr><td>rest</td><td>what is known about the position</td></tr></table>");
}

}  // namespace bragglive::gui
