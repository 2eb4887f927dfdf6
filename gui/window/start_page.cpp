#include "gui/window/start_page.hpp"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace bragglive::gui {

StartPage::StartPage(QAction& open, QAction& connect, QAction& demo, ThemeKind theme_kind, QWidget* parent)
    : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->addStretch(2);
  title_ = new QLabel(QStringLiteral("Label a scan"), this);
  QFont large = font();
  large.setPointSizeF(large.pointSizeF() * 2);
  title_->setFont(large);
  title_->setAlignment(Qt::AlignCenter);
  message_ = new QLabel(this);
  message_->setAlignment(Qt::AlignCenter);
  message_->setWordWrap(true);
  column->addWidget(title_);
  column->addSpacing(6);
  column->addWidget(message_);
  column->addSpacing(22);
  auto* row = new QHBoxLayout;
  row->setSpacing(14);
  row->addStretch(1);
  add_button(*row, open, QStringLiteral("Open recording"),
             QStringLiteral("A 4D-STEM file: .npy, HDF5, .mib, .blo, .tif"));
  add_button(*row, connect, QStringLiteral("Connect"),
             QStringLiteral("A detector or `bragglive send`: tcp://…, ipc://…"));
  add_button(*row, demo, QStringLiteral("Demo"),
             QStringLiteral("Simulated gold particles, no hardware needed"));
  row->addStretch(1);
  column->addLayout(row);
  column->addStretch(3);
  set_theme(theme_kind);
  set_message({});
}

void StartPage::add_button(QHBoxLayout& row, QAction& action, const QString& title, const QString& text) {
  auto* box = new QVBoxLayout;
  auto* button = new QPushButton(title, this);
  QFont bold = font();
  bold.setPointSizeF(bold.pointSizeF() * 1.15);
  bold.setBold(true);
  button->setFont(bold);
  button->setMinimumSize(150, 56);
  QObject::connect(button, &QPushButton::clicked, &action, &QAction::trigger);
  const auto follow = [button, &action] {
    button->setEnabled(action.isEnabled());
    button->setToolTip(action.toolTip());
  };
  QObject::connect(&action, &QAction::changed, button, follow);
  follow();
  auto* label = new QLabel(text, this);
  label->setWordWrap(true);
  label->setAlignment(Qt::AlignHCenter | Qt::AlignTop);
  label->setFixedWidth(150);
  label->setMinimumHeight(4 * fontMetrics().height());
  box->addWidget(button);
  box->addWidget(label);
  row.addLayout(box);
  buttons_.push_back(button);
  texts_.push_back(label);
}

void StartPage::set_theme(ThemeKind theme_kind) {
  const Theme& t = theme(theme_kind);
  const QString dim = QStringLiteral("color: %1").arg(t.dim.name());
  message_->setStyleSheet(dim);
  for (QLabel* label : texts_) label->setStyleSheet(dim);
  for (QPushButton* button : buttons_)
    button->setStyleSheet(
        QStringLiteral("QPushButton { background: %1; color: %2; border: 1px solid %3; border-radius: 6px; }"
                       "QPushButton:hover, QPushButton:focus { border-color: %4; }"
                       "QPushButton:disabled { color: %5; }")
            .arg(t.raised.name(), t.text.name(), t.line.name(), t.accent.name(), t.dim.name()));
}

void StartPage::set_message(const QString& text) {
  message_->setText(
      text.isEmpty()
          ? QStringLiteral(
                "Open a recording, connect to a detector, or try the demo. A file may also be dropped here.")
          : text);
}

}  // namespace bragglive::gui
