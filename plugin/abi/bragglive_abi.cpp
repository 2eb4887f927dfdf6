// The C ABI over Session: checks what a host hands in, lets no exception out.
#include <tbb/global_control.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "plugin/abi/planes.hpp"
#include "plugin/push_source.hpp"
#include "plugin/session.hpp"
#include "plugin/shipped_model.hpp"
#include "plugin/version.hpp"

using namespace bragglive;

struct bragglive_session {
  // First, so that it goes last: finalize() ends the worker threads after everything that uses them.
  tbb::task_scheduler_handle workers{tbb::attach{}};
  std::unique_ptr<Session> session;
  std::mutex mutex;  // guards what follows
  std::string last_error;
  std::shared_ptr<PushQueue> queue;
  std::optional<ScanStart> pushed_scan;
};

struct bragglive_snapshot {
  std::shared_ptr<const MapSnapshot> map;
};

namespace {

constexpr std::size_t k_queued_frames = 256;

// Runs `body`; whatever it throws becomes a status and a text.
template <class Body>
bragglive_status guarded(bragglive_session* session, Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    if (session) {
      const std::lock_guard lock(session->mutex);
      session->last_error = error.what();
    }
  } catch (...) {
  }
  return BRAGGLIVE_INTERNAL;
}

bragglive_status keep_error(bragglive_session& session, bragglive_status status, const std::string& text) {
  const std::lock_guard lock(session.mutex);
  session.last_error = text;
  return status;
}

bragglive_status status_of(const Error& error) {
  const bool outside =
      error.area == ErrorArea::file || error.area == ErrorArea::connection || error.area == ErrorArea::format;
  return outside ? BRAGGLIVE_IO_ERROR : BRAGGLIVE_BAD_STATE;
}

std::size_t copy_text(const std::string& from, char* text, std::size_t size) {
  if (text && size > 0) {
    const std::size_t count = std::min(from.size(), size - 1);
    std::memcpy(text, from.data(), count);
    text[count] = '\0';
  }
  return from.size() + 1;
}

// Fills the part of a struct that the host knows.
template <class Struct>
bragglive_status fill(Struct filled, Struct* out) {
  if (!out || out->struct_size < sizeof(std::uint32_t)) return BRAGGLIVE_BAD_ARGUMENT;
  const std::uint32_t known = out->struct_size;
  filled.struct_size = known;
  std::memcpy(out, &filled, std::min<std::size_t>(known, sizeof(Struct)));
  return BRAGGLIVE_OK;
}

template <class T>
void read_optional(const nlohmann::json& json, const char* key, T& value) {
  if (json.contains(key)) value = json.at(key).get<T>();
}

Expected<SessionConfig> parse_config(const char* text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorArea::usage, "the configuration is not a JSON object");
  for (const auto& [key, value] : json.items()) {
    static constexpr std::string_view k_known[] = {"model",     "calibration", "threads",
                                                   "threshold", "filter",      "min_disks"};
    if (std::find(std::begin(k_known), std::end(k_known), key) == std::end(k_known))
      return fail(ErrorArea::usage, "the configuration names \"{}\", which this version does not know", key);
  }
  SessionConfig config;
  std::string model = "default", calibration;
  try {
    read_optional(json, "model", model);
    read_optional(json, "calibration", calibration);
    read_optional(json, "threads", config.threads);
    read_optional(json, "threshold", config.threshold);
    read_optional(json, "filter", config.filter_5x5);
    read_optional(json, "min_disks", config.min_disks);
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorArea::usage, "the configuration has a value of the wrong type: {}", error.what());
  }
  auto loaded = load_model(model);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  config.model = *loaded;
  if (!calibration.empty()) {
    const bool is_text = calibration.find('\n') != std::string::npos;
    auto parsed =
        is_text ? calibration_from_toml(calibration, "the configuration") : load_calibration(calibration);
    if (!parsed) return tl::unexpected<Error>(parsed.error());
    config.calibration = *parsed;
  }
  return config;
}

bragglive_status create(const char* config_json, bragglive_session** out, char* error_text,
                        std::size_t error_size) {
  if (!config_json || !out) return BRAGGLIVE_BAD_ARGUMENT;
  *out = nullptr;
  copy_text("", error_text, error_size);
  return guarded(nullptr, [&]() -> bragglive_status {
    auto config = parse_config(config_json);
    auto handle = std::make_unique<bragglive_session>();
    auto session = config ? Session::create(*config) : tl::unexpected<Error>(config.error());
    if (!session) {
      copy_text(session.error().message, error_text, error_size);
      return BRAGGLIVE_BAD_CONFIG;
    }
    handle->session = std::move(*session);
    *out = handle.release();
    return BRAGGLIVE_OK;
  });
}

void destroy(bragglive_session* session) {
  if (!session) return;
  guarded(nullptr, [&]() -> bragglive_status {
    const std::unique_ptr<bragglive_session> owned(session);
    owned->session.reset();
    // Joins the workers unless another session or the host itself still uses them.
    tbb::finalize(owned->workers, std::nothrow);
    return BRAGGLIVE_OK;
  });
}

std::size_t last_error(bragglive_session* session, char* text, std::size_t size) {
  if (!session) return copy_text("", text, size);
  std::string message;
  guarded(session, [&]() -> bragglive_status {
    message = session->session->last_error();
    const std::lock_guard lock(session->mutex);
    if (message.empty()) message = session->last_error;
    return BRAGGLIVE_OK;
  });
  return copy_text(message, text, size);
}

bragglive_status open(bragglive_session* session, const char* uri) {
  if (!session || !uri) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    auto source = open_source(uri, {});
    if (!source) return keep_error(*session, BRAGGLIVE_IO_ERROR, source.error().message);
    if (auto started = session->session->start(std::move(*source)); !started)
      return keep_error(*session, status_of(started.error()), started.error().message);
    return BRAGGLIVE_OK;
  });
}

bragglive_status begin_scan(bragglive_session* session, const bragglive_scan* scan) {
  if (!session || !scan || scan->struct_size < sizeof(bragglive_scan)) return BRAGGLIVE_BAD_ARGUMENT;
  if (scan->pixel_type < BRAGGLIVE_U8 || scan->pixel_type > BRAGGLIVE_F32) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    ScanStart start;
    start.series_id = scan->series_id;
    start.scan = {scan->scan_rows, scan->scan_cols};
    start.frame = {scan->frame_rows, scan->frame_cols};
    start.pixel = static_cast<PixelType>(scan->pixel_type);
    start.expected_frames = start.scan.positions();
    const SessionState state = session->session->state();
    const bool receiving =
        state == SessionState::waiting || state == SessionState::scanning || state == SessionState::finished;
    std::shared_ptr<PushQueue> queue;
    {
      const std::lock_guard lock(session->mutex);
      if (receiving && !session->queue) return BRAGGLIVE_BAD_STATE;  // open() is at work: stop() it first
      session->pushed_scan = start;
      if (!receiving) session->queue = std::make_shared<PushQueue>(k_queued_frames);
      queue = session->queue;
    }
    queue->push(start);
    if (receiving) return BRAGGLIVE_OK;
    if (auto started = session->session->start(std::make_unique<PushSource>(queue)); !started)
      return keep_error(*session, status_of(started.error()), started.error().message);
    return BRAGGLIVE_OK;
  });
}

// The host's pixels, given back when the frame is done.
struct Borrowed {
  std::span<const std::byte> pixels;
  void (*release)(void*);
  void* context;
  Borrowed(std::span<const std::byte> p, void (*r)(void*), void* c) : pixels(p), release(r), context(c) {}
  Borrowed(Borrowed&& other) noexcept
      : pixels(other.pixels), release(std::exchange(other.release, nullptr)), context(other.context) {}
  ~Borrowed() {
    if (release) release(context);
  }
};

Payload payload_of(const bragglive_frame& frame) {
  const std::span pixels(static_cast<const std::byte*>(frame.pixels), frame.size_in_bytes);
  if (frame.release)
    return Payload(
        Borrowed(pixels, frame.release, frame.release_context),
        +[](const Borrowed& held) { return held.pixels; });
  return Payload(
      std::vector<std::byte>(pixels.begin(), pixels.end()),
      +[](const std::vector<std::byte>& held) { return std::span<const std::byte>(held); });
}

bragglive_status submit_frame(bragglive_session* session, const bragglive_frame* frame) {
  if (!session || !frame || frame->struct_size < sizeof(bragglive_frame) || !frame->pixels)
    return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    std::shared_ptr<PushQueue> queue;
    FrameMessage message;
    {
      const std::lock_guard lock(session->mutex);
      if (!session->pushed_scan) return BRAGGLIVE_BAD_STATE;
      const ScanStart& scan = *session->pushed_scan;
      const std::uint64_t frame_bytes = scan.frame.pixels() * bytes_per_pixel(scan.pixel);
      if (frame->scan_index >= scan.scan.positions() || frame->size_in_bytes != frame_bytes)
        return BRAGGLIVE_BAD_FRAME;
      message.series_id = scan.series_id;
      queue = session->queue;
    }
    if (!queue->reserve_frame()) return BRAGGLIVE_QUEUE_FULL;
    message.frame_number = message.scan_index = frame->scan_index;
    message.payload = payload_of(*frame);
    queue->push(std::move(message));
    return BRAGGLIVE_OK;
  });
}

bragglive_status end_scan(bragglive_session* session) {
  if (!session) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    const std::lock_guard lock(session->mutex);
    if (!session->pushed_scan) return BRAGGLIVE_BAD_STATE;
    session->queue->push(ScanEnd{session->pushed_scan->series_id, 0});
    session->pushed_scan.reset();
    return BRAGGLIVE_OK;
  });
}

bragglive_status stop(bragglive_session* session) {
  if (!session) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    session->session->stop();
    const std::lock_guard lock(session->mutex);
    session->queue.reset();
    session->pushed_scan.reset();
    return BRAGGLIVE_OK;
  });
}

bragglive_status wait(bragglive_session* session, std::uint32_t timeout_ms) {
  if (!session) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    return session->session->wait_finished(std::chrono::milliseconds(timeout_ms)) ? BRAGGLIVE_OK
                                                                                  : BRAGGLIVE_TIMEOUT;
  });
}

bragglive_status session_info(bragglive_session* session, bragglive_session_info* info) {
  if (!session) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    const EngineCounters counters = session->session->counters();
    bragglive_session_info filled{};
    filled.state = static_cast<std::uint32_t>(session->session->state());
    filled.frames_received = counters.frames_received;
    filled.frames_stored = counters.stages[static_cast<std::size_t>(Stage::store)].out;
    filled.skipped = counters.skipped;
    filled.corrupt = counters.corrupt;
    filled.late = counters.late;
    filled.duplicates = counters.duplicates;
    filled.out_of_range = counters.out_of_range;
    filled.stale_series = counters.stale_series;
    filled.bad_messages = counters.bad_messages;
    filled.frames_per_second = counters.frames_per_second;
    filled.latency_p50_ms = counters.latency.p50_ms;
    filled.latency_p99_ms = counters.latency.p99_ms;
    filled.latency_max_ms = counters.latency.max_ms;
    return fill(filled, info);
  });
}

bragglive_status set_threshold(bragglive_session* session, double threshold) {
  if (!session || !(threshold >= 0 && threshold <= 1)) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    session->session->set_threshold(threshold);
    return BRAGGLIVE_OK;
  });
}

bragglive_status save(bragglive_session* session, const char* hdf5_path) {
  if (!session || !hdf5_path) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    if (!session->session->snapshot()) return BRAGGLIVE_NO_SNAPSHOT;
    if (auto saved = save_result(*session->session, hdf5_path); !saved)
      return keep_error(*session, BRAGGLIVE_IO_ERROR, saved.error().message);
    return BRAGGLIVE_OK;
  });
}

bragglive_status take_snapshot(bragglive_session* session, bragglive_snapshot** out) {
  if (!session || !out) return BRAGGLIVE_BAD_ARGUMENT;
  *out = nullptr;
  return guarded(session, [&]() -> bragglive_status {
    auto map = session->session->snapshot();
    if (!map) return BRAGGLIVE_NO_SNAPSHOT;
    *out = std::make_unique<bragglive_snapshot>(bragglive_snapshot{std::move(map)}).release();
    return BRAGGLIVE_OK;
  });
}

void release_snapshot(bragglive_snapshot* snapshot) {
  const std::unique_ptr<bragglive_snapshot> owned(snapshot);
}

bragglive_status snapshot_info(const bragglive_snapshot* snapshot, bragglive_snapshot_info* info) {
  if (!snapshot) return BRAGGLIVE_BAD_ARGUMENT;
  const MapSnapshot& map = *snapshot->map;
  bragglive_snapshot_info filled{};
  filled.rows = map.scan.rows;
  filled.cols = map.scan.cols;
  filled.finished = map.finished;
  filled.generation = map.generation;
  filled.series_id = map.series_id;
  filled.threshold = map.threshold;
  std::copy(map.states.begin(), map.states.end(), filled.states);
  std::copy(map.systems.begin(), map.systems.end(), filled.systems);
  return fill(filled, info);
}

bragglive_status copy_plane(const bragglive_snapshot* snapshot, std::uint32_t number, void* buffer,
                            std::size_t size) {
  const abi::Plane* plane = abi::plane(number);
  if (!snapshot || !buffer || !plane) return BRAGGLIVE_BAD_ARGUMENT;
  const MapSnapshot& map = *snapshot->map;
  if (size < map.scan.positions() * plane->bytes) return BRAGGLIVE_BUFFER_TOO_SMALL;
  auto* to = static_cast<std::byte*>(buffer);
  const std::size_t row_bytes = std::size_t{map.scan.cols} * plane->bytes;
  for (const auto& row : map.rows) {
    std::memcpy(to, plane->row(*row), row_bytes);
    to += row_bytes;
  }
  return BRAGGLIVE_OK;
}

bragglive_status plane_info(std::uint32_t number, bragglive_plane_info* info) {
  const abi::Plane* plane = abi::plane(number);
  if (!plane) return BRAGGLIVE_BAD_ARGUMENT;
  return fill(bragglive_plane_info{0, plane->type, plane->bytes, plane->name, plane->unit}, info);
}

constexpr bragglive_api k_api = {sizeof(bragglive_api),
                                 BRAGGLIVE_ABI_MAJOR,
                                 BRAGGLIVE_ABI_MINOR,
                                 0,
                                 k_version,
                                 create,
                                 destroy,
                                 last_error,
                                 open,
                                 begin_scan,
                                 submit_frame,
                                 end_scan,
                                 stop,
                                 wait,
                                 session_info,
                                 set_threshold,
                                 save,
                                 take_snapshot,
                                 release_snapshot,
                                 snapshot_info,
                                 copy_plane,
                                 plane_info};

}  // namespace

extern "C" const bragglive_api* bragglive_get_api(std::uint32_t abi_major, std::uint32_t oldest_abi_minor) {
  return abi_major == BRAGGLIVE_ABI_MAJOR && oldest_abi_minor <= BRAGGLIVE_ABI_MINOR ? &k_api : nullptr;
}
