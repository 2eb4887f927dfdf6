// How far a scan is and how long it will still take.
#pragma once
#include <QString>
#include <cstdint>
#include <optional>

namespace bragglive::gui {

// Smooths the rate over about ten seconds, so that the time left does not jump.
class ProgressEstimate {
 public:
  void restart();
  // `now_s`: any steady clock.
  void add(double now_s, std::uint64_t done, std::uint64_t all);
  double fraction() const;
  std::optional<double> seconds_left() const;  // nullopt until a rate is known, or when nothing moves

 private:
  std::optional<double> last_s_;
  std::uint64_t done_ = 0, all_ = 0;
  double rate_ = 0;  // positions per second
};

// "0:07", "12:40", "1:02:03".
QString duration_text(double seconds);

}  // namespace bragglive::gui
