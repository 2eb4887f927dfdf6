// What an empty window shows: three ways to begin.
#pragma once
#include <QWidget>
#include <vector>

#include "gui/colour/theme.hpp"

class QAction;
class QHBoxLayout;
class QLabel;
class QPushButton;

namespace bragglive::gui {

class StartPage : public QWidget {
  Q_OBJECT
 public:
  StartPage(QAction& open, QAction& connect, QAction& demo, ThemeKind theme, QWidget* parent = nullptr);
  void set_theme(ThemeKind theme);
  void set_message(const QString& text);  // e.g. what is being opened, or waited for

 private:
  void add_button(QHBoxLayout& row, QAction& action, const QString& title, const QString& text);
  QLabel* title_;
  QLabel* message_;
  std::vector<QPushButton*> buttons_;
  std::vector<QLabel*> texts_;
};

}  // namespace bragglive::gui
