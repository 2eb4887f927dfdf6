// Looks at a DECTRIS detector's REST interface while its stream is received: does the stream bring what the
// detector is set to, and has the detector dropped images?
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "core/frame/log.hpp"
#include "streams/dectris/simplon.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::dectris {

// A thread of its own asks, so that no answer is waited for; a detector that does not answer is said once,
// and the stream goes on without.
class DetectorWatch {
 public:
  DetectorWatch(TcpAddress server, bool version2, LogSink log);

  // A series begins: it is compared with the settings.
  void series(const ScanStart& start);
  std::optional<std::uint64_t> dropped() const;
  // As last read.
  std::optional<DetectorSettings> settings() const;

 private:
  void run(std::stop_token stop);
  void read_settings();
  void compare(const ScanStart& start) const;
  void read_status();
  void say(const std::string& text) const;

  Simplon detector_;
  const bool version2_;
  const LogSink log_;
  bool unreachable_ = false;        // the thread's own
  std::uint64_t said_dropped_ = 0;  // the thread's own
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<ScanStart> begun_;  // not yet compared
  std::optional<DetectorSettings> settings_;
  std::optional<std::uint64_t> dropped_;
  std::jthread thread_;  // last: it uses all of the above
};

// What is wrong between the settings and a series; empty: nothing.
std::string difference(const DetectorSettings& settings, const ScanStart& start);

// `source` with the detector's counter of dropped images, and its mask where the stream brings none.
std::unique_ptr<FrameSource> watched(std::unique_ptr<FrameSource> source,
                                     std::unique_ptr<DetectorWatch> watch);

}  // namespace bragglive::dectris
