// Sessions of the C ABI: configuration, life cycle, counters.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "plugin/abi/calls.hpp"
#include "plugin/abi/handles.hpp"
#include "plugin/shipped_model.hpp"

namespace bragglive::abi {
namespace {

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

}  // namespace

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
    {
      const std::lock_guard lock(session->mutex);
      message = session->last_error;
    }
    if (message.empty()) message = session->session->last_error();
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
    const std::lock_guard lock(session->mutex);
    session->queue.reset();
    session->pushed_scan.reset();
    session->last_error.clear();
    return BRAGGLIVE_OK;
  });
}

bragglive_status stop(bragglive_session* session) {
  if (!session) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    session->session->stop();
    std::shared_ptr<PushQueue> queue;
    {
      const std::lock_guard lock(session->mutex);
      queue = std::exchange(session->queue, nullptr);
      session->pushed_scan.reset();
    }
    if (queue) queue->clear();
    return BRAGGLIVE_OK;
  });
}

bragglive_status wait(bragglive_session* session, std::uint32_t timeout_ms) {
  if (!session) return BRAGGLIVE_BAD_ARGUMENT;
  return guarded(session, [&]() -> bragglive_status {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    std::shared_ptr<PushQueue> queue;
    {
      const std::lock_guard lock(session->mutex);
      queue = session->queue;
    }
    // A scan that was begun but not yet taken up must not be answered with the end of the one before.
    while (queue && !queue->idle() && session->session->is_receiving()) {
      if (std::chrono::steady_clock::now() >= deadline) return BRAGGLIVE_TIMEOUT;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return session->session->wait_finished(std::max(left, std::chrono::milliseconds(0))) ? BRAGGLIVE_OK
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

}  // namespace bragglive::abi
