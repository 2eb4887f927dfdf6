// What a host's opaque handles are, and the manners every call shares: no exception out, texts cut to size,
// structs of any age.
#pragma once
#include <bragglive/bragglive.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "plugin/push_source.hpp"
#include "plugin/session.hpp"

struct bragglive_session {
  // First, so that it goes last: finalize() ends the worker threads after everything that uses them.
  tbb::task_scheduler_handle workers{tbb::attach{}};
  std::unique_ptr<bragglive::Session> session;
  std::mutex mutex;  // guards what follows
  std::string last_error;
  std::shared_ptr<bragglive::PushQueue> queue;
  std::optional<bragglive::ScanStart> pushed_scan;
};

struct bragglive_snapshot {
  std::shared_ptr<const bragglive::MapSnapshot> map;
};

namespace bragglive::abi {

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

inline bragglive_status keep_error(bragglive_session& session, bragglive_status status,
                                   const std::string& text) {
  const std::lock_guard lock(session.mutex);
  session.last_error = text;
  return status;
}

inline bragglive_status status_of(const Error& error) {
  const bool outside =
      error.area == ErrorArea::file || error.area == ErrorArea::connection || error.area == ErrorArea::format;
  return outside ? BRAGGLIVE_IO_ERROR : BRAGGLIVE_BAD_STATE;
}

inline std::size_t copy_text(const std::string& from, char* text, std::size_t size) {
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

}  // namespace bragglive::abi
