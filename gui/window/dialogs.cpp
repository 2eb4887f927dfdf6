#include "gui/window/dialogs.hpp"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleValidator>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMessageBox>
#include <QPdfWriter>
#include <QPushButton>
#include <QRegularExpression>
#include <QSpinBox>
#include <QTextBrowser>
#include <QTextDocument>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/window/commands.hpp"
#include "gui/window/path_fields.hpp"

namespace bragglive::gui {

std::optional<ScanShape> scan_from_text(const QString& text) {
  static const QRegularExpression pattern(QStringLiteral("^\\s*(\\d{1,6})\\s*[x×X*]\\s*(\\d{1,6})\\s*$"));
  const QRegularExpressionMatch match = pattern.match(text);
  if (!match.hasMatch()) return std::nullopt;
  const ScanShape scan{match.captured(1).toUInt(), match.captured(2).toUInt()};
  if (scan.positions() == 0 || scan.positions() > k_max_scan_positions) return std::nullopt;
  return scan;
}

QString text_of(const std::optional<ScanShape>& scan) {
  return scan ? QStringLiteral("%1x%2").arg(scan->rows).arg(scan->cols) : QString();
}

namespace {

QLineEdit* channel_line(const OpenRequest& before, QWidget* parent) {
  auto* line = new QLineEdit(before.channel, parent);
  line->setObjectName(QStringLiteral("channel"));
  line->setPlaceholderText(QStringLiteral("of several, e.g. threshold_2; empty: the first"));
  return line;
}

}  // namespace

ConnectDialog::ConnectDialog(const OpenRequest& before, QWidget* parent) : QDialog(parent), before_(before) {
  setWindowTitle(QStringLiteral("Connect"));
  auto* form = new QFormLayout(this);
  endpoint_ = new QLineEdit(
      before.source.contains(QStringLiteral("://")) ? before.source : QStringLiteral("tcp://localhost:5555"),
      this);
  endpoint_->setMinimumWidth(340);
  protocol_ = new QComboBox(this);
  for (const auto& [name, text] :
       {std::pair("native", "native (bragglive send, own senders)"),
        std::pair("dectris1", "DECTRIS SIMPLON stream 1"), std::pair("dectris2", "DECTRIS SIMPLON stream 2"),
        std::pair("ncem", "NCEM 4D Camera"), std::pair("ncem4", "NCEM 4D Camera, version 4"),
        std::pair("ncem-counted", "NCEM 4D Camera, counted"), std::pair("merlin", "Merlin / Medipix"),
        std::pair("crystfel", "CrystFEL / OM (msgpack)")})
    protocol_->addItem(QString::fromLatin1(text), QString::fromLatin1(name));
  protocol_->setCurrentIndex(std::max(0, protocol_->findData(before.protocol)));
  channel_ = channel_line(before, this);
  rest_ = new QLineEdit(before.rest, this);
  rest_->setObjectName(QStringLiteral("rest"));
  rest_->setPlaceholderText(QStringLiteral("http://detector; empty: listen only"));
  scan_ = new QLineEdit(text_of(before.scan), this);
  scan_->setPlaceholderText(QStringLiteral("rows x columns; empty: the detector says it"));
  path_ = new PathFields(before.path, this);
  complaint_ = new QLabel(this);
  complaint_->setMinimumHeight(complaint_->fontMetrics().height());
  buttons_ = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this);
  buttons_->button(QDialogButtonBox::Ok)->setText(QStringLiteral("Connect"));
  form->addRow(QStringLiteral("Endpoint"), endpoint_);
  form->addRow(QStringLiteral("Protocol"), protocol_);
  form->addRow(QStringLiteral("Threshold"), channel_);
  form->addRow(QStringLiteral("REST"), rest_);
  form->addRow(QStringLiteral("Scan"), scan_);
  form->addRow(path_);
  form->addRow(complaint_);
  form->addRow(buttons_);
  QObject::connect(endpoint_, &QLineEdit::textChanged, this, &ConnectDialog::check);
  QObject::connect(scan_, &QLineEdit::textChanged, this, &ConnectDialog::check);
  QObject::connect(protocol_, &QComboBox::currentIndexChanged, this, &ConnectDialog::check);
  QObject::connect(buttons_, &QDialogButtonBox::accepted, this, &QDialog::accept);
  QObject::connect(buttons_, &QDialogButtonBox::rejected, this, &QDialog::reject);
  check();
}

void ConnectDialog::check() {
  const QString protocol = protocol_->currentData().toString();
  rest_->setEnabled(protocol.startsWith(QStringLiteral("dectris")));
  static const QRegularExpression endpoint(
      QStringLiteral("^((tcp://[^\\s:/]+:\\d+)|(ipc://\\S+)|(inproc://\\S+))$"));
  QString wrong;
  if (!endpoint.match(endpoint_->text().trimmed()).hasMatch())
    wrong = QStringLiteral("An endpoint looks like tcp://host:port or ipc:///path.");
  else if (!scan_->text().trimmed().isEmpty() && !scan_from_text(scan_->text()))
    wrong = QStringLiteral("A scan looks like 256x256 (rows x columns).");
  complaint_->setText(wrong);
  buttons_->button(QDialogButtonBox::Ok)->setEnabled(wrong.isEmpty());
}

OpenRequest ConnectDialog::request() const {
  OpenRequest request = before_;
  request.source = endpoint_->text().trimmed();
  request.protocol = protocol_->currentData().toString();
  request.channel = channel_->text().trimmed();
  request.rest = rest_->isEnabled() ? rest_->text().trimmed() : QString();
  request.scan = scan_from_text(scan_->text());
  request.path = path_->path();
  return request;
}

SetupDialog::SetupDialog(const OpenRequest& before, QWidget* parent) : QDialog(parent), before_(before) {
  setWindowTitle(QStringLiteral("Model and calibration"));
  auto* form = new QFormLayout(this);
  model_ = file_line(*form, QStringLiteral("Model"),
                     before.model == QStringLiteral("default") ? QString() : before.model,
                     QStringLiteral("the shipped model"), QStringLiteral("Models (*.blm);;All files (*)"));
  calibration_ = file_line(*form, QStringLiteral("Calibration"), before.calibration,
                           QStringLiteral("the one that comes with the scan"),
                           QStringLiteral("Calibrations (*.toml);;All files (*)"));
  add_first_rows(*form);
  scan_ = new QLineEdit(text_of(before.scan), this);
  scan_->setPlaceholderText(QStringLiteral("rows x columns; empty: the recording says it"));
  dataset_ = new QLineEdit(before.dataset, this);
  dataset_->setPlaceholderText(QStringLiteral("inside an HDF5 file; empty: found by layout"));
  form->addRow(QStringLiteral("Scan"), scan_);
  form->addRow(QStringLiteral("Data set"), dataset_);
  channel_ = channel_line(before, this);
  form->addRow(QStringLiteral("Threshold"), channel_);
  follow_ = new QCheckBox(QStringLiteral("The recording is still being written: follow it"), this);
  follow_->setObjectName(QStringLiteral("follow"));
  follow_->setChecked(before.follow);
  form->addRow(follow_);
  path_ = new PathFields(before.path, this);
  form->addRow(path_);
  auto* note = new QLabel(QStringLiteral("Takes effect with the next start."), this);
  form->addRow(note);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this);
  form->addRow(buttons);
  QObject::connect(scan_, &QLineEdit::textChanged, this, [this, buttons] {
    const bool good = scan_->text().trimmed().isEmpty() || scan_from_text(scan_->text());
    buttons->button(QDialogButtonBox::Ok)->setEnabled(good);
  });
  QObject::connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
  QObject::connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
}

void SetupDialog::add_first_rows(QFormLayout& form) {
  const FirstRows& first = before_.first;
  first_rows_ = new QSpinBox(this);
  first_rows_->setObjectName(QStringLiteral("first_rows"));
  first_rows_->setRange(0, 1000);
  first_rows_->setSpecialValueText(QStringLiteral("off"));
  first_rows_->setSuffix(QStringLiteral(" rows, which are labelled too"));
  first_rows_->setValue(static_cast<int>(first.rows));
  form.addRow(QStringLiteral("Calibrate on the first"), first_rows_);
  known_ = file_line(form, QStringLiteral("Known crystal"), QString::fromStdString(first.known),
                     QStringLiteral("its spacings give the pixel size"),
                     QStringLiteral("Crystals (*.cif);;All files (*)"));
  known_->setObjectName(QStringLiteral("known"));
  pixel_size_ = new QLineEdit(first.pixel_size > 0 ? QString::number(first.pixel_size) : QString(), this);
  pixel_size_->setObjectName(QStringLiteral("pixel_size"));
  pixel_size_->setPlaceholderText(QStringLiteral("1/Å per pixel; empty: the known crystal's or the scan's"));
  auto* number = new QDoubleValidator(1e-6, 10, 8, pixel_size_);
  number->setLocale(QLocale::c());
  pixel_size_->setValidator(number);
  form.addRow(QStringLiteral("Pixel size"), pixel_size_);
  // A calibration file says all of this.
  const auto enable = [this] {
    const bool free = calibration_->text().trimmed().isEmpty();
    first_rows_->setEnabled(free);
    known_->setEnabled(free && first_rows_->value() > 0);
    pixel_size_->setEnabled(free && first_rows_->value() > 0);
  };
  QObject::connect(calibration_, &QLineEdit::textChanged, this, enable);
  QObject::connect(first_rows_, &QSpinBox::valueChanged, this, enable);
  enable();
}

QLineEdit* SetupDialog::file_line(QFormLayout& form, const QString& name, const QString& text,
                                  const QString& hint, const QString& filter) {
  auto* line = new QLineEdit(text, this);
  line->setPlaceholderText(hint);
  line->setClearButtonEnabled(true);
  line->setMinimumWidth(340);
  auto* browse = new QToolButton(this);
  browse->setText(QStringLiteral("…"));
  auto* row = new QHBoxLayout;
  row->addWidget(line);
  row->addWidget(browse);
  form.addRow(name, row);
  QObject::connect(browse, &QToolButton::clicked, this, [this, line, name, filter] {
    const QString file = QFileDialog::getOpenFileName(this, name, QFileInfo(line->text()).path(), filter);
    if (!file.isEmpty()) line->setText(file);
  });
  return line;
}

OpenRequest SetupDialog::request() const {
  OpenRequest request = before_;
  request.model = model_->text().trimmed().isEmpty() ? QStringLiteral("default") : model_->text().trimmed();
  request.calibration = calibration_->text().trimmed();
  request.first = {};
  if (first_rows_->isEnabled() && first_rows_->value() > 0)
    request.first = {static_cast<std::uint32_t>(first_rows_->value()), known_->text().trimmed().toStdString(),
                     QLocale::c().toDouble(pixel_size_->text())};
  request.scan = scan_from_text(scan_->text());
  request.dataset = dataset_->text().trimmed();
  request.channel = channel_->text().trimmed();
  request.follow = follow_->isChecked();
  request.path = path_->path();
  return request;
}

KeyMapDialog::KeyMapDialog(QWidget* parent) : QDialog(parent) {
  setWindowTitle(QStringLiteral("Keys"));
  resize(460, 640);
  auto* column = new QVBoxLayout(this);
  auto* text = new QTextBrowser(this);
  text->setHtml(key_map_html());
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
  QPushButton* save = buttons->addButton(QStringLiteral("Save as PDF…"), QDialogButtonBox::ActionRole);
  column->addWidget(text);
  column->addWidget(buttons);
  QObject::connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  QObject::connect(save, &QPushButton::clicked, this, [this] {
    const QString file =
        QFileDialog::getSaveFileName(this, QStringLiteral("Save the key map"),
                                     QStringLiteral("bragglive-keys.pdf"), QStringLiteral("PDF (*.pdf)"));
    if (file.isEmpty()) return;
    if (const auto done = save_key_map(file); !done)
      QMessageBox::warning(this, QStringLiteral("Keys"), QString::fromStdString(done.error().message));
  });
}

Expected<void> save_key_map(const QString& pdf_path) {
  QFile file(pdf_path);
  if (!file.open(QIODevice::WriteOnly))
    return fail(ErrorArea::file, "cannot write {}: {}", pdf_path.toStdString(),
                file.errorString().toStdString());
  QPdfWriter writer(&file);
  writer.setPageSize(QPageSize(QPageSize::A4));
  writer.setTitle(QStringLiteral("bragglive: keys"));
  QTextDocument document;
  document.setDefaultStyleSheet(QStringLiteral("td, h2 { color: black; }"));
  document.setHtml(key_map_html());
  document.print(&writer);
  return {};
}

}  // namespace bragglive::gui
