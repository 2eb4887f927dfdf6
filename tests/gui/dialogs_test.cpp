// The questions of the window: what is typed comes back, what cannot be is refused.
#include "gui/window/dialogs.hpp"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>

#include "tests/catch.hpp"

using namespace bragglive;
using namespace bragglive::gui;

namespace {

void keep(QDialog& dialog, const char* name) {
  const QString folder = qEnvironmentVariable("BRAGGLIVE_SCREENSHOTS");
  dialog.adjustSize();
  if (!folder.isEmpty())
    CHECK(dialog.grab().save(folder + QLatin1Char('/') + QLatin1String(name) + QStringLiteral(".png")));
}

template <class Widget>
Widget& field(QDialog& dialog, const char* name) {
  auto* found = dialog.findChild<Widget*>(QString::fromLatin1(name));
  REQUIRE(found);
  return *found;
}

void fill_path(QDialog& dialog) {
  field<QSpinBox>(dialog, "lead_in").setValue(3);
  field<QSpinBox>(dialog, "fly_back").setValue(2);
  field<QSpinBox>(dialog, "line_skip").setValue(1);
  field<QSpinBox>(dialog, "sync_offset").setValue(-5);
  field<QCheckBox>(dialog, "serpentine").setChecked(true);
  field<QCheckBox>(dialog, "rescan").setChecked(true);
  field<QLineEdit>(dialog, "channel").setText(QStringLiteral(" threshold_2 "));
}

void check_path(const OpenRequest& request) {
  CHECK(request.path.lead_in == 3);
  CHECK(request.path.fly_back == 2);
  CHECK(request.path.line_skip == 1);
  CHECK(request.path.sync_offset == -5);
  CHECK(request.path.serpentine);
  CHECK(request.path.repeated);
  CHECK(request.channel == QStringLiteral("threshold_2"));
}

}  // namespace

TEST_CASE("the connect dialog asks for threshold, REST and the probe's path, and gives them back") {
  OpenRequest before;
  before.source = QStringLiteral("tcp://dcu:31001");
  before.protocol = QStringLiteral("dectris2");
  ConnectDialog dialog(before, nullptr);
  keep(dialog, "connect");
  CHECK(dialog.request().path.plain());
  fill_path(dialog);
  field<QLineEdit>(dialog, "rest").setText(QStringLiteral("http://dcu"));
  check_path(dialog.request());
  CHECK(dialog.request().rest == QStringLiteral("http://dcu"));
  ConnectDialog again(dialog.request(), nullptr);
  check_path(again.request());
  auto& protocol = *again.findChild<QComboBox*>();
  protocol.setCurrentIndex(protocol.findData(QStringLiteral("merlin")));
  CHECK(again.request().rest.isEmpty());  // no DECTRIS detector
  CHECK(protocol.findData(QStringLiteral("ncem4")) > 0);
  CHECK(protocol.findData(QStringLiteral("ncem-counted")) > 0);
}

TEST_CASE("the set-up dialog asks recordings the same, and whether they are still being written") {
  SetupDialog dialog({}, nullptr);
  keep(dialog, "setup");
  CHECK_FALSE(dialog.request().follow);
  fill_path(dialog);
  field<QCheckBox>(dialog, "follow").setChecked(true);
  check_path(dialog.request());
  CHECK(dialog.request().follow);
}

TEST_CASE("the set-up dialog asks for a calibration on the first rows, unless a file says it all") {
  OpenRequest before;
  before.first = {4, "Au.cif", 0};
  SetupDialog dialog(before, nullptr);
  keep(dialog, "setup-first-rows");
  CHECK(dialog.request().first.rows == 4);
  CHECK(dialog.request().first.known == "Au.cif");
  field<QSpinBox>(dialog, "first_rows").setValue(8);
  field<QLineEdit>(dialog, "known").setText(QStringLiteral(" MgO.cif "));
  field<QLineEdit>(dialog, "pixel_size").setText(QStringLiteral("0.0125"));
  CHECK(dialog.request().first.rows == 8);
  CHECK(dialog.request().first.known == "MgO.cif");
  CHECK(dialog.request().first.pixel_size == 0.0125);
  field<QSpinBox>(dialog, "first_rows").setValue(0);
  CHECK(dialog.request().first.known.empty());
  CHECK_FALSE(field<QLineEdit>(dialog, "known").isEnabled());

  before.calibration = QStringLiteral("session.toml");
  CHECK(SetupDialog(before, nullptr).request().first.rows == 0);
}
