#include "streams/replay/read_ahead.hpp"

#include <algorithm>

namespace bragglive {
namespace {
constexpr std::size_t k_budget_bytes = std::size_t{64} << 20;
constexpr std::size_t k_max_items = 512;
constexpr std::chrono::milliseconds k_look_again{20};  // at a file that is being written
}  // namespace

ReadAhead::ReadAhead(Recording& recording, std::chrono::milliseconds quiet)
    : recording_(recording),
      limit_(std::clamp(
          k_budget_bytes / (recording.info().frame.pixels() * bytes_per_pixel(recording.info().pixel)),
          std::size_t{2}, k_max_items)),
      quiet_(quiet),
      thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

ReadAhead::~ReadAhead() {
  thread_.request_stop();
  thread_.join();
}

void ReadAhead::run(std::stop_token stop) {
  for (std::uint64_t step = 0; step < recording_.info().frames && !stop.stop_requested(); ++step) {
    if (!wait_for(step, stop)) break;
    const std::uint64_t frame = recording_.frame_at(step);
    Item item{frame, recording_.read(frame)};
    std::unique_lock lock(mutex_);
    if (!not_full_.wait(lock, stop, [this] { return items_.size() < limit_; })) return;
    items_.push_back(std::move(item));
    lock.unlock();
    not_empty_.notify_one();
  }
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  not_empty_.notify_all();
}

bool ReadAhead::wait_for(std::uint64_t step, const std::stop_token& stop) {
  if (step < written_) return true;
  const auto since = std::chrono::steady_clock::now();
  for (bool settled = false; !stop.stop_requested();
       settled = std::chrono::steady_clock::now() - since > quiet_) {
    const auto written = recording_.written(settled);
    written_ = written.value_or(recording_.info().frames);
    if (step < written_) return true;
    if (settled) return false;
    std::this_thread::sleep_for(k_look_again);
  }
  return false;
}

bool ReadAhead::over() {
  const std::lock_guard lock(mutex_);
  return over_ && items_.empty();
}

std::optional<ReadAhead::Item> ReadAhead::take(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  not_empty_.wait_until(lock, deadline, [this] { return !items_.empty() || over_; });
  if (items_.empty()) return std::nullopt;
  Item item = std::move(items_.front());
  items_.pop_front();
  lock.unlock();
  not_full_.notify_one();
  return item;
}

}  // namespace bragglive
