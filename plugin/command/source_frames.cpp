#include "plugin/command/source_frames.hpp"

#include <chrono>
#include <cstdio>
#include <vector>

#include "plugin/command/progress.hpp"

namespace bragglive::command {
namespace {

class Reader {
 public:
  Reader(const char* what, const FrameVisitor& visit) : visit_(visit), progress_(what) {}

  Expected<bool> take(const SourceEvent& event) {
    if (const auto* start = std::get_if<ScanStart>(&event)) {
      if (started_) return false;
      started_ = true;
      start_ = *start;
      pixels_.resize(start->frame.pixels() * bytes_per_pixel(start->pixel));
      return true;
    }
    if (const auto* frame = std::get_if<FrameMessage>(&event); frame && started_) return decode(*frame);
    if (const auto* bad = std::get_if<BadMessage>(&event)) complain(bad->error);
    if (std::holds_alternative<ScanEnd>(event)) return !started_;
    return !std::holds_alternative<EndOfSource>(event);
  }

  std::uint64_t frames() const { return frames_; }

 private:
  Expected<bool> decode(const FrameMessage& frame) {
    if (frame.series_id != start_.series_id || frame.scan_index == k_no_position) return true;
    const auto decoded =
        decode_payload(start_.encoding, start_.frame, start_.pixel, frame.payload.bytes(), pixels_);
    if (!decoded) {
      complain(decoded.error());
      return true;
    }
    ++frames_;
    progress_.update(frames_, start_.expected_frames ? start_.expected_frames : start_.scan.positions());
    return visit_({&start_, frame.scan_index, {pixels_.data(), start_.frame, start_.pixel}});
  }

  void complain(const Error& error) {
    if (bad_++ == 0) std::fprintf(stderr, "bragglive: %s; left out\n", error.message.c_str());
  }

  const FrameVisitor& visit_;
  Progress progress_;
  ScanStart start_;
  std::vector<std::byte> pixels_;
  std::uint64_t frames_ = 0, bad_ = 0;
  bool started_ = false;
};

}  // namespace

Expected<void> for_each_frame(const SourceArguments& arguments, const char* what, double wait_s,
                              const FrameVisitor& visit) {
  auto source = open_source(arguments, stderr_log());
  if (!source) return tl::unexpected(source.error());
  Reader reader(what, visit);
  const std::chrono::duration<double> patience(wait_s);
  auto last = std::chrono::steady_clock::now();
  for (;;) {
    const SourceEvent event = (*source)->next(std::chrono::milliseconds(100));
    if (std::holds_alternative<Idle>(event)) {
      if ((*source)->live() && std::chrono::steady_clock::now() - last > patience) break;
      continue;
    }
    last = std::chrono::steady_clock::now();
    const auto more = reader.take(event);
    if (!more) return tl::unexpected(more.error());
    if (!*more) break;
  }
  if (reader.frames() == 0)
    return fail(ErrorArea::format, "{}: not one frame could be read; is it a scan and is it complete?",
                arguments.uri);
  return {};
}

}  // namespace bragglive::command
