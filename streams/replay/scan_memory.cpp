#include "streams/replay/scan_memory.hpp"

#include "streams/recordings/mapped_file.hpp"

namespace bragglive {

struct ScanMemory::Scan {
  struct Frame {
    std::uint64_t number = 0, index = 0;
    std::shared_ptr<const Payload> payload;
  };
  ScanStart start;
  std::vector<Frame> frames;
  std::size_t bytes = 0;
};

Expected<void> ScanMemory::start(const ScanStart& start) {
  if (!whole_) {
    scan_ = std::make_shared<Scan>();
    scan_->start = start;
  }
  return sink_.start(start);
}

Expected<void> ScanMemory::frame(FrameMessage frame) {
  if (scan_) {
    scan_->bytes += frame.payload.bytes().size() + sizeof(Scan::Frame) + sizeof(Payload);
    if (scan_->bytes > budget_bytes_) {
      scan_.reset();
    } else {
      auto shared = std::make_shared<const Payload>(std::move(frame.payload));
      scan_->frames.push_back({frame.frame_number, frame.scan_index, shared});
      frame.payload = share(std::move(shared));
    }
  }
  return sink_.frame(std::move(frame));
}

Expected<void> ScanMemory::end(const ScanEnd& end) {
  if (scan_) whole_ = std::exchange(scan_, nullptr);
  return sink_.end(end);
}

std::unique_ptr<FrameSource> ScanMemory::again() const {
  class Again final : public FrameSource {
   public:
    explicit Again(std::shared_ptr<const Scan> scan) : scan_(std::move(scan)) {}
    SourceEvent next(std::chrono::milliseconds) override {
      if (next_ == 0) {
        ++next_;
        return scan_->start;
      }
      if (next_ > scan_->frames.size()) return EndOfSource{};
      const Scan::Frame& kept = scan_->frames[next_++ - 1];
      FrameMessage message;
      message.series_id = scan_->start.series_id;
      message.frame_number = kept.number;
      message.scan_index = kept.index;
      message.payload = share(kept.payload);
      return message;
    }
    bool live() const override { return false; }
    std::string description() const override { return "a scan in memory"; }

   private:
    const std::shared_ptr<const Scan> scan_;
    std::size_t next_ = 0;
  };
  return whole_ ? std::make_unique<Again>(whole_) : nullptr;
}

}  // namespace bragglive
