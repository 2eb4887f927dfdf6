#include "gui/live/live_session.hpp"

#include <fmt/format.h>

#include <QFileInfo>
#include <QThread>
#include <algorithm>

#include "plugin/scan_result.hpp"
#include "plugin/shipped_model.hpp"

namespace bragglive::gui {
namespace {

constexpr int k_refresh_ms = 33;  // 30 Hz, however fast the engine publishes

QString text(const std::string& s) {
  return QString::fromStdString(s);
}

}  // namespace

// What is read away from the window's thread, so that a large model does not freeze it.
struct LiveSession::Prepared {
  OpenRequest request;
  std::shared_ptr<const CrystalModel> model;
  std::optional<Calibration> calibration;
  std::unique_ptr<FrameSource> source;
  std::optional<Error> error;
};

LiveSession::LiveSession(std::map<std::string, SourceFactory> extra_sources, KnownCrystalReader read_known,
                         QObject* parent)
    : SessionPort(parent), extra_(std::move(extra_sources)), read_known_(std::move(read_known)) {
  if (!read_known_)
    read_known_ = [](const std::string& cif, CalibratorConfig&) -> Expected<void> {
      return fail(ErrorArea::usage, "{}: this program reads no crystals", cif);
    };
  refresh_.setSingleShot(true);
  refresh_.setTimerType(Qt::PreciseTimer);
  connect(&refresh_, &QTimer::timeout, this, [this] {
    armed_.store(false);
    since_refresh_.start();
    Q_EMIT snapshot_ready();
  });
}

LiveSession::~LiveSession() {
  // A result that is being written gets written.
  for (QThread* thread : findChildren<QThread*>()) thread->wait();
  close_session();
}

void LiveSession::close_session() {
  if (!session_) return;
  // After stop() no engine thread is left that could still be inside the callback.
  session_->stop();
  session_->on_snapshot({});
}

void LiveSession::in_background(std::function<void()> work, std::function<void()> done) {
  QThread* thread = QThread::create(std::move(work));
  thread->setParent(this);
  connect(thread, &QThread::finished, this, [thread, done = std::move(done)] {
    done();
    thread->deleteLater();
  });
  thread->start();
}

QString LiveSession::source() const {
  if (opening_) return opening_what_;
  return session_ ? text(session_->source_description()) : QString();
}

void LiveSession::open(const OpenRequest& request) {
  if (session_) session_->stop();
  opening_ = true;
  opening_what_ = request.source;
  failure_.reset();
  const std::uint64_t number = ++request_number_;
  auto known_model = request.model == model_name_ ? model_ : nullptr;
  auto prepared = std::make_shared<Prepared>();
  prepared->request = request;
  const auto prepare = [prepared, known_model, extra = extra_, read_known = read_known_, log = notices()] {
    auto model = known_model ? Expected<std::shared_ptr<const CrystalModel>>(known_model)
                             : load_model(prepared->request.model.toStdString());
    if (!model) return void(prepared->error = model.error());
    prepared->model = *model;
    if (!prepared->request.calibration.isEmpty()) {
      auto calibration = load_calibration(prepared->request.calibration.toStdString());
      if (!calibration) return void(prepared->error = calibration.error());
      prepared->calibration = *calibration;
    }
    SourceOptions options;
    options.scan = prepared->request.scan;
    options.protocol = prepared->request.protocol.toStdString();
    options.dataset = prepared->request.dataset.toStdString();
    options.channel = prepared->request.channel.toStdString();
    options.rest = prepared->request.rest.toStdString();
    options.follow = prepared->request.follow;
    options.path = prepared->request.path;
    options.rate_hz = prepared->request.rate_hz;
    options.log = log;
    auto source = open_source(prepared->request.source.toStdString(), options, extra);
    if (source && prepared->request.calibration.isEmpty())
      source = calibrate_first_rows(std::move(*source), prepared->request.first, read_known, log);
    if (!source) return void(prepared->error = source.error());
    prepared->source = std::move(*source);
  };
  in_background(prepare, [this, prepared, number] {
    if (number == request_number_) run(std::move(*prepared));
  });
}

void LiveSession::give_up(const Error& error) {
  failure_ = error;
  Q_EMIT failed(text(error.message));
}

void LiveSession::run(Prepared prepared) {
  opening_ = false;
  if (prepared.error) return give_up(*prepared.error);
  model_ = prepared.model;
  model_name_ = prepared.request.model;
  SessionConfig config = settings_;
  config.model = prepared.model;
  config.calibration = prepared.calibration;
  config.threads = prepared.request.threads;
  config.log = notices();
  config.on_scan_closed = saver(prepared.request.out);
  auto created = Session::create(std::move(config));
  if (!created) return give_up(created.error());
  close_session();
  session_ = std::move(*created);
  session_->on_snapshot([this] {
    // One queued call for any number of publications: the window asks for the newest when its turn comes.
    if (!armed_.exchange(true)) QMetaObject::invokeMethod(this, &LiveSession::arm, Qt::QueuedConnection);
  });
  made_by_ = QStringLiteral("model %1 %2")
                 .arg(prepared.request.model == QStringLiteral("default")
                          ? prepared.request.model
                          : QFileInfo(prepared.request.model).fileName(),
                      text(prepared.model->checksum()).left(8));
  made_by_ +=
      prepared.calibration
          ? QStringLiteral(" · calibration %1").arg(QFileInfo(prepared.request.calibration).fileName())
      : prepared.request.first.rows > 0
          ? QStringLiteral(" · calibrated on the first %1 rows").arg(prepared.request.first.rows)
          : QStringLiteral(" · the scan's calibration");
  if (auto started = session_->start(std::move(prepared.source)); !started) return give_up(started.error());
  Q_EMIT opened();
}

LogSink LiveSession::notices() {
  return [this](LogLevel level, std::string_view message) {
    if (level < LogLevel::warning) return;
    QMetaObject::invokeMethod(
        this, [this, said = text(std::string(message))] { Q_EMIT noticed(said); }, Qt::QueuedConnection);
  };
}

// Called on the saver's thread.
std::function<void(const ScanResult&)> LiveSession::saver(const QString& out) {
  if (out.isEmpty()) return {};
  return [this, out](const ScanResult& scan) {
    std::filesystem::path file = out.toStdString();
    if (scan.number > 1) file = numbered(file, scan.number);
    auto done = save_result(scan, file);
    QMetaObject::invokeMethod(
        this,
        [this, done = std::move(done), name = text(file.string())] {
          if (!done) return give_up(done.error());
          Q_EMIT saved(name);
        },
        Qt::QueuedConnection);
  };
}

void LiveSession::arm() {
  const qint64 since = since_refresh_.isValid() ? since_refresh_.elapsed() : k_refresh_ms;
  if (!refresh_.isActive())
    refresh_.start(static_cast<int>(std::clamp<qint64>(k_refresh_ms - since, 0, k_refresh_ms)));
}

void LiveSession::stop() {
  if (session_) session_->stop();
}

void LiveSession::reset_counters() {
  if (session_) session_->reset_counters();
}

bool LiveSession::detail(ScanPosition at, PositionDetail& detail) const {
  return session_ && session_->position_detail(at, detail);
}

void LiveSession::ask_detail(ScanPosition at) {
  wanted_ = at;
  if (!fetching_) fetch_detail();
}

// One question at a time: a slow disk makes the pattern late, never the window.
void LiveSession::fetch_detail() {
  if (!session_ || !wanted_) return;
  const ScanPosition at = *wanted_;
  wanted_.reset();
  fetching_ = true;
  auto answer = std::make_shared<std::optional<PositionDetail>>();
  const auto read = [session = session_, at, answer] {
    PositionDetail detail;
    if (session->position_detail(at, detail)) *answer = std::move(detail);
  };
  in_background(read, [this, at, answer] {
    fetching_ = false;
    Q_EMIT detail_ready(at, std::move(*answer));
    fetch_detail();
  });
}

void LiveSession::set_threshold(double threshold) {
  settings_.threshold = threshold;
  if (session_) session_->set_threshold(threshold);
}

void LiveSession::set_filter(bool on) {
  settings_.filter_5x5 = on;
  if (session_) session_->set_filter(on);
}

void LiveSession::set_systems(std::vector<CrystalSystem> systems) {
  settings_.systems = systems;
  if (session_) session_->set_systems(std::move(systems));
}

void LiveSession::save(const QString& path) {
  if (!session_) return give_up({ErrorArea::usage, "there is no scan to save yet"});
  auto result = std::make_shared<std::optional<Error>>();
  const auto write = [session = session_, result, file = path.toStdString()] {
    if (auto done = save_result(*session, file); !done) *result = done.error();
  };
  in_background(write, [this, result, path] {
    if (*result) return give_up(**result);
    Q_EMIT saved(path);
  });
}

}  // namespace bragglive::gui
