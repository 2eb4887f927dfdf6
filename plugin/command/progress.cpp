#include "plugin/command/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace bragglive::command {
namespace {
constexpr std::size_t k_bar_width = 30;

std::string duration(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}
}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)),
      on_terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::update(std::uint64_t done, std::uint64_t total, const std::string& note) {
  if (!on_terminal_) return;
  const auto now = Clock::now();
  if (now - start_ < std::chrono::seconds(1) || now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done) / seconds;
  std::string line = fmt::format("\r\033[K{} ", what_);
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(share * k_bar_width);
    line += fmt::format("[{}{}] {:3.0f} %  {:.0f}/s", std::string(filled, '#'),
                        std::string(k_bar_width - filled, '.'), 100 * share, rate);
    if (done > 0)
      line += "  " + duration(static_cast<double>(total - std::min(done, total)) / rate) + " left";
  } else {
    line += fmt::format("{}  {:.0f}/s", done, rate);
  }
  if (!note.empty()) line += "  " + note;
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace bragglive::command
