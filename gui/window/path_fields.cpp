#include "gui/window/path_fields.hpp"

#include <QCheckBox>
#include <QFormLayout>
#include <QSpinBox>
#include <algorithm>

namespace bragglive::gui {
namespace {

constexpr std::int64_t k_most_frames = 1'000'000;

}  // namespace

PathFields::PathFields(const ScanPath& before, QWidget* parent)
    : QGroupBox(QStringLiteral("Path of the probe"), parent) {
  auto* form = new QFormLayout(this);
  lead_in_ = frames(*form, "lead_in", "Lead-in", "frames before the scan that are no position", 0,
                    static_cast<std::int64_t>(before.lead_in));
  fly_back_ = frames(*form, "fly_back", "Fly-back", "frames behind each line that are no position", 0,
                     static_cast<std::int64_t>(before.fly_back));
  line_skip_ = frames(*form, "line_skip", "Line skip", "frames before each line that are no position", 0,
                      static_cast<std::int64_t>(before.line_skip));
  sync_offset_ = frames(*form, "sync_offset", "Sync offset",
                        "frames by which the detector runs ahead of the scan; negative: so many are missing",
                        -k_most_frames, before.sync_offset);
  serpentine_ = choice(*form, "serpentine", "Every other line backwards (serpentine)", before.serpentine);
  rescan_ = choice(*form, "rescan", "Scan follows scan in one series", before.repeated);
}

QSpinBox* PathFields::frames(QFormLayout& form, const char* name, const char* label, const char* help,
                             std::int64_t least, std::int64_t value) {
  auto* box = new QSpinBox(this);
  box->setObjectName(QString::fromLatin1(name));
  box->setRange(static_cast<int>(least), static_cast<int>(k_most_frames));
  box->setValue(static_cast<int>(std::clamp(value, least, k_most_frames)));
  box->setSuffix(QStringLiteral(" frames"));
  box->setToolTip(QString::fromLatin1(help));
  form.addRow(QString::fromLatin1(label), box);
  return box;
}

QCheckBox* PathFields::choice(QFormLayout& form, const char* name, const char* label, bool value) {
  auto* box = new QCheckBox(QString::fromLatin1(label), this);
  box->setObjectName(QString::fromLatin1(name));
  box->setChecked(value);
  form.addRow(box);
  return box;
}

ScanPath PathFields::path() const {
  ScanPath path;
  path.lead_in = static_cast<std::uint64_t>(lead_in_->value());
  path.fly_back = static_cast<std::uint64_t>(fly_back_->value());
  path.line_skip = static_cast<std::uint64_t>(line_skip_->value());
  path.sync_offset = sync_offset_->value();
  path.serpentine = serpentine_->isChecked();
  path.repeated = rescan_->isChecked();
  return path;
}

}  // namespace bragglive::gui
