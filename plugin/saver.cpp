#include "plugin/saver.hpp"

#include <chrono>

namespace bragglive {

Saver::Saver(std::size_t limit)
    : limit_(limit), thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

Saver::~Saver() {
  drain();
}

void Saver::submit(std::function<void()> job, const std::function<void()>& held_up) {
  constexpr std::chrono::seconds k_moment{1};
  std::unique_lock lock(mutex_);
  const auto has_room = [this] { return jobs_.size() < limit_; };
  if (!changed_.wait_for(lock, k_moment, has_room)) {
    lock.unlock();
    if (held_up) held_up();
    lock.lock();
    changed_.wait(lock, has_room);
  }
  jobs_.push_back(std::move(job));
  lock.unlock();
  changed_.notify_all();
}

void Saver::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.empty() && !busy_; });
}

void Saver::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    changed_.notify_all();
    job();
    lock.lock();
    busy_ = false;
    lock.unlock();
    changed_.notify_all();
    lock.lock();
  }
}

}  // namespace bragglive
