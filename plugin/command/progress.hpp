// A progress bar on stderr: only on a terminal, only when the work runs longer than a second.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace bragglive::command {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  // clears the line
  // Cheap: draws at most five times a second. total 0 = not known. `note` stands behind the bar.
  void update(std::uint64_t done, std::uint64_t total, const std::string& note = {});

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool on_terminal_;
  bool drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace bragglive::command
