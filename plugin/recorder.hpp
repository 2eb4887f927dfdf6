// Raw frames onto the disk while they are labelled, then the labels behind them: one file with everything.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include "core/hdf5/writer.hpp"
#include "plugin/engine_counters.hpp"
#include "plugin/scan_result.hpp"
#include "streams/recordings/raw_cube.hpp"

namespace bragglive {

struct RecorderSettings {
  std::filesystem::path file;
  std::size_t queue_bytes = std::size_t{256} << 20;  // that wait for the disk
  // Left free on the disk: for the labels, the index, and other programs' sake. Less: the recording stops.
  std::uint64_t reserve_bytes = std::uint64_t{64} << 20;
  bool may_wait = false;  // a recording that is labelled can wait for the disk, a detector cannot
  LogSink log;
};

// keep() is called by one thread, finish() by any other, once, after the last keep().
class Recorder {
 public:
  static Expected<std::unique_ptr<Recorder>> open(RecorderSettings settings, const ScanStart& scan,
                                                  CounterBoard& counters);
  // Takes a share of the frame and gives it back. When the disk cannot follow the frame is left out, and
  // counted.
  Payload keep(std::uint64_t index, Payload frame);
  // Writes what still waits, then the result, and gives the file its name. A recording that the disk ended
  // has its frames up to there and the whole result.
  Expected<void> finish(const ScanResult& result);

 private:
  struct Item {
    std::uint64_t index;
    std::shared_ptr<const Payload> frame;
  };
  Recorder(RecorderSettings settings, hdf5::Writer writer, RawCube cube, CounterBoard& counters);
  void run(std::stop_token stop);
  void write(const Item& item);
  void stop_recording(const std::string& why);
  bool enough_room();

  const RecorderSettings settings_;
  hdf5::Writer writer_;
  RawCube cube_;
  CounterBoard& counters_;
  std::uint64_t unchecked_bytes_ = 0;  // written since the disk's room was looked at
  std::chrono::steady_clock::time_point flushed_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Item> items_;
  std::size_t bytes_ = 0;  // in items_
  std::jthread thread_;    // last: it uses all of the above
};

}  // namespace bragglive
