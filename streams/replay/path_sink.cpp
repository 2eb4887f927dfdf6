#include "streams/replay/path_sink.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "streams/recordings/mapped_file.hpp"

namespace bragglive {
namespace {

class PathSink final : public FrameSink {
 public:
  PathSink(std::unique_ptr<FrameSink> sink, const ScanPath& path) : sink_(std::move(sink)), path_(path) {}

  Expected<void> start(const ScanStart& start) override {
    scan_ = start.scan;
    next_ = 0;
    line_.clear();
    ScanStart sent = start;
    sent.expected_frames = path_.frames(scan_);
    if (sent.expected_frames > k_max_scan_positions)
      return fail(ErrorArea::usage, "a scan with {} frames on its path is too long to send",
                  sent.expected_frames);
    sent.scan = {1, static_cast<std::uint32_t>(sent.expected_frames)};
    return sink_->start(sent);
  }

  Expected<void> frame(FrameMessage frame) override {
    if (!line_.empty() && frame.scan_index / scan_.cols != line_.front().scan_index / scan_.cols)
      if (auto sent = flush(); !sent) return sent;
    line_.push_back(std::move(frame));
    return line_.size() < scan_.cols ? Expected<void>{} : flush();
  }

  Expected<void> end(const ScanEnd& end) override {
    if (auto sent = flush(); !sent) return sent;
    while (next_ < path_.frames(scan_) && last_)
      if (auto sent = fill(*last_); !sent) return sent;
    last_.reset();
    return sink_->end({end.series_id, next_});
  }

  Expected<void> garbage(std::span<const std::byte> bytes) override { return sink_->garbage(bytes); }
  std::string description() const override { return sink_->description(); }

 private:
  Expected<void> flush() {
    if (path_.serpentine && !line_.empty() && line_.front().scan_index / scan_.cols % 2 == 1)
      std::reverse(line_.begin(), line_.end());
    for (FrameMessage& frame : line_) {
      const auto number = path_.frame_of(scan_, frame.scan_index);
      if (!number) continue;
      while (next_ < *number)
        if (auto sent = fill(frame); !sent) return sent;
      last_ = copy_of(frame);
      frame.frame_number = frame.scan_index = next_++;
      if (auto sent = sink_->frame(std::move(frame)); !sent) return sent;
    }
    line_.clear();
    return {};
  }

  Expected<void> fill(const FrameMessage& like) {
    FrameMessage copy = copy_of(like);
    copy.frame_number = copy.scan_index = next_++;
    return sink_->frame(std::move(copy));
  }

  static FrameMessage copy_of(const FrameMessage& frame) {
    FrameMessage copy;
    copy.series_id = frame.series_id;
    copy.timestamp_ns = frame.timestamp_ns;
    const auto bytes = frame.payload.bytes();
    copy.payload = own({bytes.begin(), bytes.end()});
    return copy;
  }

  const std::unique_ptr<FrameSink> sink_;
  const ScanPath path_;
  ScanShape scan_;
  std::uint64_t next_ = 0;  // frame number
  std::vector<FrameMessage> line_;
  std::optional<FrameMessage> last_;
};

}  // namespace

std::unique_ptr<FrameSink> send_along(std::unique_ptr<FrameSink> sink, const ScanPath& path) {
  if (path.plain()) return sink;
  return std::make_unique<PathSink>(std::move(sink), path);
}

}  // namespace bragglive
