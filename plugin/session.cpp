#include "plugin/session.hpp"

#include <ctime>

#include "plugin/engine.hpp"

namespace bragglive {

std::string_view name_of(SessionState state) {
  switch (state) {
    case SessionState::idle:
      return "idle";
    case SessionState::waiting:
      return "waiting";
    case SessionState::scanning:
      return "scanning";
    case SessionState::finished:
      return "finished";
    case SessionState::stopped:
      return "stopped";
    case SessionState::failed:
      return "failed";
  }
  return "unknown";
}

namespace {

Expected<void> check(const SessionConfig& config) {
  if (!config.model)
    return fail(ErrorArea::usage, "no model: name a model file, or \"default\" for the one that is shipped");
  if (config.threads > 1024)
    return fail(ErrorArea::usage, "threads is {}, it must lie between 0 (all) and 1024", config.threads);
  if (config.pool_slots < 2 || config.pool_slots > 65536)
    return fail(ErrorArea::usage, "pool_slots is {}, it must lie between 2 and 65536", config.pool_slots);
  if (!(config.threshold >= 0 && config.threshold <= 1))
    return fail(ErrorArea::usage, "threshold is {}, it must lie between 0 and 1", config.threshold);
  if (config.publish_period.count() < 1 || config.scan_timeout.count() < 1)
    return fail(ErrorArea::usage, "publish_period and scan_timeout must be at least 1 ms");
  if (config.calibration) return validate(*config.calibration);
  return {};
}

}  // namespace

Expected<std::unique_ptr<Session>> Session::create(SessionConfig config) {
  if (const auto checked = check(config); !checked) return tl::unexpected<Error>(checked.error());
  return std::unique_ptr<Session>(new Session(std::make_unique<Engine>(std::move(config))));
}

Session::Session(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Session::~Session() = default;

Expected<void> Session::start(std::unique_ptr<FrameSource> source) {
  return engine_->start(std::move(source));
}
void Session::stop() {
  engine_->stop();
}
bool Session::wait_finished(std::chrono::milliseconds timeout) {
  return engine_->wait_finished(timeout);
}
SessionState Session::state() const {
  return engine_->state();
}
bool Session::is_receiving() const {
  return engine_->is_receiving();
}
std::string Session::last_error() const {
  return engine_->last_error();
}
std::string Session::source_description() const {
  return engine_->source_description();
}
EngineCounters Session::counters() const {
  return engine_->counters();
}
void Session::reset_counters() {
  engine_->reset_counters();
}
std::shared_ptr<const MapSnapshot> Session::snapshot() const {
  return engine_->snapshot();
}
void Session::on_snapshot(std::function<void()> callback) {
  engine_->on_snapshot(std::move(callback));
}
void Session::set_threshold(double threshold) {
  engine_->set_threshold(threshold);
}
void Session::set_filter(bool on) {
  engine_->set_filter(on);
}
void Session::set_systems(std::vector<CrystalSystem> systems) {
  engine_->set_systems(std::move(systems));
}
bool Session::position_detail(ScanPosition at, PositionDetail& detail) const {
  return engine_->position_detail(at, detail);
}
std::optional<Calibration> Session::calibration() const {
  return engine_->calibration();
}
std::optional<ScanStart> Session::scan_header() const {
  return engine_->scan_header();
}
std::shared_ptr<const CrystalModel> Session::model() const {
  return engine_->config().model;
}
SessionConfig Session::config() const {
  return engine_->config();
}
RunTimes Session::times() const {
  return engine_->times();
}
void Session::copy_peaks(std::vector<std::uint64_t>& offsets, std::vector<float>& qx, std::vector<float>& qy,
                         std::vector<float>& intensity) const {
  engine_->copy_peaks(offsets, qx, qy, intensity);
}
std::vector<std::shared_ptr<const ScanResult>> Session::history() const {
  return engine_->history();
}
std::shared_ptr<const ScanResult> Session::result() const {
  return engine_->result_now();
}

}  // namespace bragglive
