#include "gui/colour/theme.hpp"

#include <QApplication>
#include <QFont>
#include <QPalette>
#include <QStyleFactory>

namespace bragglive::gui {
namespace {

QString style_sheet(const Theme& t) {
  return QStringLiteral(
             "QToolTip { color: %1; background: %2; border: 1px solid %3; padding: 4px; }"
             "QToolBar { background: %4; border: 0; border-bottom: 1px solid %3; spacing: 2px; padding: 3px "
             "6px; }"
             "QToolBar QToolButton { padding: 5px 9px; border-radius: 4px; color: %1; }"
             "QToolBar QToolButton:hover { background: %2; }"
             "QToolBar QToolButton:checked { background: %2; color: %5; }"
             "QToolBar QToolButton:disabled { color: %6; }"
             "QToolBar::separator { background: %3; width: 1px; margin: 4px 5px; }"
             "QDockWidget { color: %6; titlebar-close-icon: none; }"
             "QDockWidget::title { background: %4; padding: 5px 8px; border-bottom: 1px solid %3; }"
             "QMainWindow::separator { background: %3; width: 3px; height: 3px; }"
             "QTabBar::tab { background: transparent; color: %6; padding: 6px 10px; border: 0;"
             "  border-bottom: 2px solid transparent; }"
             "QTabBar::tab:selected { color: %1; border-bottom: 2px solid %5; }"
             "QTabBar::tab:hover { color: %1; }"
             "QStatusBar { background: %4; color: %6; border-top: 1px solid %3; }"
             "QMenuBar { background: %4; }"
             "QProgressBar { background: %7; border: 1px solid %3; border-radius: 3px; text-align: center; "
             "color: %1; }"
             "QProgressBar::chunk { background: %8; border-radius: 2px; }")
      .arg(t.text.name(), t.raised.name(), t.line.name(), t.panel.name(), t.accent.name(), t.dim.name(),
           t.window.name())
      .arg(t.line.lighter(130).name());
}

}  // namespace

const Theme& theme(ThemeKind kind) {
  static const Theme dark = {QColor(0x11, 0x14, 0x19), QColor(0x1a, 0x1e, 0x25), QColor(0x2a, 0x30, 0x3a),
                             QColor(0x36, 0x3d, 0x49), QColor(0xe4, 0xe6, 0xea), QColor(0x9a, 0xa3, 0xb0),
                             QColor(0x6c, 0xb6, 0xff), QColor(0x4c, 0xc3, 0x8a), QColor(0xf5, 0xb0, 0x3e),
                             QColor(0xff, 0x5c, 0x6c)};
  static const Theme light = {QColor(0xff, 0xff, 0xff), QColor(0xf1, 0xf2, 0xf4), QColor(0xdf, 0xe3, 0xe8),
                              QColor(0xbd, 0xc4, 0xcd), QColor(0x1b, 0x1f, 0x24), QColor(0x56, 0x5e, 0x69),
                              QColor(0x0b, 0x5c, 0xad), QColor(0x1c, 0x7a, 0x4b), QColor(0x94, 0x5c, 0x00),
                              QColor(0xb8, 0x10, 0x2e)};
  return kind == ThemeKind::light ? light : dark;
}

void apply_theme(QApplication& app, ThemeKind kind) {
  const Theme& t = theme(kind);
  QPalette p;
  p.setColor(QPalette::Window, t.panel);
  p.setColor(QPalette::Base, t.window);
  p.setColor(QPalette::AlternateBase, t.raised);
  p.setColor(QPalette::Button, t.raised);
  p.setColor(QPalette::ToolTipBase, t.raised);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText})
    p.setColor(role, t.text);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    p.setColor(QPalette::Disabled, role, t.dim);
  p.setColor(QPalette::PlaceholderText, t.dim);
  p.setColor(QPalette::BrightText, t.fault);
  p.setColor(QPalette::Link, t.accent);
  p.setColor(QPalette::Highlight, t.accent);
  p.setColor(QPalette::HighlightedText, t.window);
  p.setColor(QPalette::Light, t.line.lighter(120));
  p.setColor(QPalette::Midlight, t.line);
  p.setColor(QPalette::Mid, t.line);
  p.setColor(QPalette::Dark, t.line.darker(140));
  p.setColor(QPalette::Shadow, t.window.darker(150));
  app.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  app.setPalette(p);
  app.setStyleSheet(style_sheet(t));
}

}  // namespace bragglive::gui
