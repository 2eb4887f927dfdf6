#include "gui/status/progress_estimate.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::gui {

void ProgressEstimate::restart() {
  *this = {};
}

void ProgressEstimate::add(double now_s, std::uint64_t done, std::uint64_t all) {
  if (done < done_ || all != all_) restart();
  all_ = all;
  if (!last_s_) {
    last_s_ = now_s;
    done_ = done;
    return;
  }
  const double elapsed = now_s - *last_s_;
  if (elapsed < 0.05) return;
  const double rate = static_cast<double>(done - done_) / elapsed;
  const double weight = rate_ > 0 ? 1 - std::exp(-elapsed / 10) : 1;
  rate_ += weight * (rate - rate_);
  last_s_ = now_s;
  done_ = done;
}

double ProgressEstimate::fraction() const {
  return all_ > 0 ? static_cast<double>(done_) / static_cast<double>(all_) : 0;
}

std::optional<double> ProgressEstimate::seconds_left() const {
  if (!(rate_ > 0) || done_ >= all_) return std::nullopt;
  return static_cast<double>(all_ - done_) / rate_;
}

QString duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::lround(std::max(0.0, seconds)));
  const QString tail = QStringLiteral("%1:%2").arg(whole / 60 % 60).arg(whole % 60, 2, 10, QLatin1Char('0'));
  if (whole < 3600) return tail;
  return QStringLiteral("%1:%2:%3")
      .arg(whole / 3600)
      .arg(whole / 60 % 60, 2, 10, QLatin1Char('0'))
      .arg(whole % 60, 2, 10, QLatin1Char('0'));
}

}  // namespace bragglive::gui
