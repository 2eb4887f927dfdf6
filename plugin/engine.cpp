#include "plugin/engine.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <thread>

namespace bragglive {
namespace {
constexpr std::chrono::milliseconds k_batch_age{5};  // a slow detector's frames do not wait for a full batch
}  // namespace

std::uint32_t allowed_systems_mask(const std::vector<CrystalSystem>& systems) {
  if (systems.empty()) return 0xfe;
  std::uint32_t mask = 0;
  for (CrystalSystem system : systems) mask |= 1u << static_cast<unsigned>(system);
  return mask & 0xfe;
}

Session::Engine::Engine(SessionConfig config) : config_(std::move(config)) {
  if (config_.threads == 0) config_.threads = std::max(1u, std::thread::hardware_concurrency());
  publisher_ = std::jthread([this](std::stop_token stop) { publish_loop(stop); });
}

Session::Engine::~Engine() {
  stop();
  publisher_.request_stop();
  publisher_.join();
}

Expected<void> Session::Engine::start(std::unique_ptr<FrameSource> source) {
  if (!source) return fail(ErrorArea::usage, "no source to start from");
  {
    const std::lock_guard lock(mutex_);
    if (state_ == SessionState::waiting || state_ == SessionState::scanning)
      return fail(ErrorArea::usage, "the session already runs on {}: stop it first", source_->description());
  }
  stop();  // a live source that finished its scan is still listening
  {
    const std::lock_guard lock(mutex_);
    source_ = std::move(source);
    times_ = {};
  }
  board_.reset_all();
  stop_requested_ = false;
  receiving_ = true;
  set_state(SessionState::waiting);
  receiver_ = std::thread([this] {
    try {
      receive_loop();
    } catch (const std::exception& error) {
      receiving_ = false;
      set_state(SessionState::failed, error.what());
    }
  });
  return {};
}

void Session::Engine::stop() {
  stop_requested_ = true;
  if (receiver_.joinable()) receiver_.join();
}

bool Session::Engine::wait_finished(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return state_changed_.wait_for(lock, timeout, [this] {
    return state_ == SessionState::finished || state_ == SessionState::stopped ||
           state_ == SessionState::failed;
  });
}

SessionState Session::Engine::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::string Session::Engine::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

std::string Session::Engine::source_description() const {
  const std::lock_guard lock(mutex_);
  return source_ ? source_->description() : "";
}

EngineCounters Session::Engine::counters() const {
  EngineCounters result = board_.read();
  if (const auto current = scan()) {
    result.slots = current->pool.size();
    result.slots_in_use = current->pool.in_use();
  }
  if (const auto from = source()) result.detector_dropped = from->dropped_by_detector();
  return result;
}

std::shared_ptr<const MapSnapshot> Session::Engine::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void Session::Engine::on_snapshot(std::function<void()> callback) {
  // Taken first: after this returns the former callback is not running any more.
  const std::lock_guard not_while_publishing(publish_mutex_);
  const std::lock_guard lock(mutex_);
  on_snapshot_ = std::move(callback);
}

void Session::Engine::set_threshold(double threshold) {
  {
    const std::lock_guard lock(mutex_);
    config_.threshold = threshold;
    if (scan_) scan_->map.set_threshold(threshold);
  }
  publish_now();
}

void Session::Engine::set_filter(bool on) {
  {
    const std::lock_guard lock(mutex_);
    config_.filter_5x5 = on;
    if (scan_) scan_->map.set_filter(on);
  }
  publish_now();
}

void Session::Engine::set_systems(std::vector<CrystalSystem> systems) {
  {
    const std::lock_guard lock(mutex_);
    config_.systems = std::move(systems);
    if (scan_) scan_->map.set_systems(allowed_systems_mask(config_.systems));
  }
  publish_now();
}

std::optional<Calibration> Session::Engine::calibration() const {
  const std::lock_guard lock(mutex_);
  return scan_ ? std::optional<Calibration>(scan_->calibration) : config_.calibration;
}

std::optional<ScanStart> Session::Engine::scan_header() const {
  const std::lock_guard lock(mutex_);
  return scan_ ? std::optional<ScanStart>(scan_->header) : std::nullopt;
}

SessionConfig Session::Engine::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

RunTimes Session::Engine::times() const {
  const std::lock_guard lock(mutex_);
  return times_;
}

void Session::Engine::copy_peaks(std::vector<std::uint64_t>& offsets, std::vector<float>& qx,
                                 std::vector<float>& qy, std::vector<float>& intensity) const {
  if (const auto current = scan()) current->map.copy_peaks(offsets, qx, qy, intensity);
}

bool Session::Engine::position_detail(ScanPosition at, PositionDetail& detail) const {
  const auto current = scan();
  const auto shown = snapshot();
  if (!current || !shown || shown->series_id != current->header.series_id ||
      shown->scan != current->header.scan)
    return false;
  if (at.row >= shown->scan.rows || at.col >= shown->scan.cols) return false;
  const std::uint64_t index = index_of(shown->scan, at);
  const MapRow& row = *shown->rows[at.row];
  detail = {};
  detail.position = at;
  detail.state = static_cast<PositionState>(row.state[at.col]);
  detail.filtered_system = static_cast<CrystalSystem>(row.system[at.col]);
  detail.filtered_phase = row.phase[at.col];
  detail.phases = shown->phases;
  current->map.peaks(index, detail.disks_q);
  for (const BraggPeak& disk : detail.disks_q) {
    const auto px = current->to_q.to_pixels(at, disk.qx, disk.qy);
    detail.disks_px.push_back({px[0], px[1], disk.intensity});
  }
  PatternLabel label;
  if (current->map.label(index, label)) detail.label = label;
  detail.shape = current->header.frame;
  detail.type = current->header.pixel;
  copy_frame(*current, index, detail.pixels);
  detail.origin_px = current->calibration.origin(at);
  detail.pixel_size_inv_angstrom = current->calibration.pixel_size_inv_angstrom;
  detail.probe_radius_px = current->calibration.probe_radius_px;
  return true;
}

void Session::Engine::copy_frame(const ActiveScan& of, std::uint64_t index,
                                 std::vector<std::byte>& pixels) const {
  std::vector<std::byte> encoded;
  if (of.recent.copy(index, encoded)) {
    pixels.resize(of.header.frame.pixels() * bytes_per_pixel(of.header.pixel));
    if (!decode_payload(of.header.encoding, of.header.frame, of.header.pixel, encoded, pixels))
      pixels.clear();
    return;
  }
  std::shared_ptr<FrameSource> source;
  {
    const std::lock_guard lock(mutex_);
    if (scan_.get() == &of) source = source_;
  }
  if (!source) return;
  if (auto again = source->frame_again(index)) pixels = std::move(*again);
}

std::shared_ptr<ActiveScan> Session::Engine::scan() const {
  const std::lock_guard lock(mutex_);
  return scan_;
}

std::shared_ptr<FrameSource> Session::Engine::source() const {
  const std::lock_guard lock(mutex_);
  return source_;
}

void Session::Engine::set_state(SessionState state, std::string error) {
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
    last_error_ = std::move(error);
  }
  state_changed_.notify_all();
}

void Session::Engine::log(LogLevel level, const std::string& text) const {
  if (config_.log) config_.log(level, text);
}

void Session::Engine::publish_loop(std::stop_token stop) {
  // The tick nearest to the period, not the first one behind it: 33 ms would else become 38.
  const auto wanted =
      std::chrono::nanoseconds(config_.publish_period) - std::chrono::nanoseconds(k_batch_age) / 2;
  const auto period = static_cast<std::uint64_t>(std::max<std::int64_t>(wanted.count(), 0));
  std::uint64_t published_ns = 0;
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(k_batch_age);
    board_.sample();
    {
      const std::lock_guard lock(mutex_);
      if (scan_ && scan_->graph) scan_->graph->flush_older_than(k_batch_age);
    }
    if (steady_now_ns() - published_ns < period) continue;
    published_ns = steady_now_ns();
    try {
      publish_now();
    } catch (const std::bad_alloc&) {
      log(LogLevel::error, "not enough memory to publish the map; the next attempt follows");
    }
  }
}

void Session::Engine::publish_now() {
  const std::lock_guard one_at_a_time(publish_mutex_);
  const auto current = scan();
  if (!current) return;
  const std::uint64_t start = steady_now_ns();
  const std::uint64_t newest = board_.newest_stored_ns;
  auto made = current->map.publish();
  if (!made) return;
  const std::uint64_t filtered = steady_now_ns();
  made->generation = ++generation_;
  made->newest_frame_ns = newest;
  made->scan_step_nm = current->calibration.scan_step_nm;
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(made);
    callback = on_snapshot_;
  }
  if (callback) callback();
  board_.stage(Stage::filter).count(filtered - start);
  board_.stage(Stage::publish).count(steady_now_ns() - filtered);
}

}  // namespace bragglive
