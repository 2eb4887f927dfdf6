#include "streams/scan_path.hpp"

#include <deque>
#include <mutex>

#include "streams/frame_source.hpp"

namespace bragglive {
namespace {

std::uint64_t line_frames(const ScanPath& path, ScanShape scan) {
  return path.line_skip + scan.cols + path.fly_back;
}

std::uint64_t turned(const ScanPath& path, ScanShape scan, std::uint64_t row, std::uint64_t col) {
  return path.serpentine && row % 2 == 1 ? scan.cols - 1 - col : col;
}

class PathSource final : public FrameSource {
 public:
  PathSource(std::unique_ptr<FrameSource> source, const ScanPath& path)
      : source_(std::move(source)), path_(path) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    if (!events_.empty()) {
      SourceEvent event = std::move(events_.front());
      events_.pop_front();
      return event;
    }
    SourceEvent event = source_->next(timeout);
    if (auto* start = std::get_if<ScanStart>(&event)) return on_start(std::move(*start));
    if (auto* frame = std::get_if<FrameMessage>(&event); frame && ours(frame->series_id))
      return on_frame(std::move(*frame));
    if (auto* bad = std::get_if<BadMessage>(&event); bad && bad->scan_index && shape()) {
      bad->scan_index = path_.position_of(*shape(), *bad->scan_index % period());
      if (bad->series_id && ours(*bad->series_id)) bad->series_id = series_of(scan_number_);
    }
    if (auto* end = std::get_if<ScanEnd>(&event); end && ours(end->series_id))
      end->series_id = series_of(scan_number_);
    return event;
  }

  bool live() const override { return source_->live(); }
  std::string description() const override { return source_->description(); }

  std::optional<std::uint64_t> dropped_by_detector() const override { return source_->dropped_by_detector(); }

  std::optional<std::vector<std::byte>> frame_again(std::uint64_t position) const override {
    const auto scan = shape();
    if (!scan || path_.repeated || position >= scan->positions()) return std::nullopt;
    const auto frame = path_.frame_of(*scan, position);
    return frame ? source_->frame_again(*frame) : std::nullopt;
  }

 private:
  bool ours(std::uint64_t series) const { return start_ && start_->series_id == series; }
  std::uint64_t series_of(std::uint64_t scan) const {
    return path_.repeated ? (start_->series_id << 20) + scan : start_->series_id;
  }
  std::uint64_t period() const { return path_.repeated ? path_.frames(start_->scan) : ~std::uint64_t{0}; }
  std::optional<ScanShape> shape() const {
    const std::lock_guard lock(mutex_);
    return scan_;
  }

  ScanStart start_of(std::uint64_t scan) const {
    ScanStart start = *start_;
    start.series_id = series_of(scan);
    start.expected_frames = 0;  // one for each position
    return start;
  }

  SourceEvent on_start(ScanStart start) {
    {
      const std::lock_guard lock(mutex_);
      scan_ = start.scan;
    }
    start_ = std::move(start);
    scan_number_ = 0;
    return start_of(0);
  }

  SourceEvent on_frame(FrameMessage frame) {
    const std::uint64_t scan = frame.frame_number / period();
    frame.frame_number %= period();
    frame.series_id = series_of(scan);
    frame.scan_index = path_.position_of(start_->scan, frame.frame_number);
    if (scan <= scan_number_) return frame;
    const ScanEnd end{series_of(scan_number_), 0};
    scan_number_ = scan;
    events_.emplace_back(start_of(scan));
    events_.emplace_back(std::move(frame));
    return end;
  }

  const std::unique_ptr<FrameSource> source_;
  const ScanPath path_;
  std::deque<SourceEvent> events_;
  std::optional<ScanStart> start_;
  std::uint64_t scan_number_ = 0;  // within the series
  mutable std::mutex mutex_;
  std::optional<ScanShape> scan_;  // start_->scan, for any thread
};

}  // namespace

std::uint64_t ScanPath::frames(ScanShape scan) const {
  const std::uint64_t before = lead_in + (sync_offset > 0 ? static_cast<std::uint64_t>(sync_offset) : 0);
  const std::uint64_t lines = scan.rows * line_frames(*this, scan);
  const std::uint64_t missing = sync_offset < 0 ? 0 - static_cast<std::uint64_t>(sync_offset) : 0;
  return before + (lines > missing ? lines - missing : 1);
}

std::uint64_t ScanPath::position_of(ScanShape scan, std::uint64_t frame) const {
  const std::uint64_t advance = sync_offset < 0 ? 0 - static_cast<std::uint64_t>(sync_offset) : 0;
  const std::uint64_t before = lead_in + (sync_offset > 0 ? static_cast<std::uint64_t>(sync_offset) : 0);
  if (frame < before) return k_no_position;
  const std::uint64_t at = frame - before + advance;
  const std::uint64_t line = line_frames(*this, scan);
  const std::uint64_t row = at / line, inside = at % line;
  if (row >= scan.rows) return scan.positions() + (at - scan.rows * line);
  if (inside < line_skip || inside >= line_skip + scan.cols) return k_no_position;
  return row * scan.cols + turned(*this, scan, row, inside - line_skip);
}

std::optional<std::uint64_t> ScanPath::frame_of(ScanShape scan, std::uint64_t position) const {
  const std::uint64_t row = position / scan.cols;
  const std::uint64_t at =
      row * line_frames(*this, scan) + line_skip + turned(*this, scan, row, position % scan.cols);
  const std::uint64_t before = lead_in + (sync_offset > 0 ? static_cast<std::uint64_t>(sync_offset) : 0);
  const std::uint64_t advance = sync_offset < 0 ? 0 - static_cast<std::uint64_t>(sync_offset) : 0;
  if (at < advance) return std::nullopt;
  return before + at - advance;
}

std::unique_ptr<FrameSource> follow_path(std::unique_ptr<FrameSource> source, const ScanPath& path) {
  if (path.plain()) return source;
  return std::make_unique<PathSource>(std::move(source), path);
}

}  // namespace bragglive
