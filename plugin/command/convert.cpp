// bragglive convert: the decoded frames of any source into .npy or HDF5, nothing corrected.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "plugin/command/command.hpp"
#include "plugin/command/progress.hpp"
#include "plugin/command/source_options.hpp"
#include "streams/recordings/frame_writer.hpp"

namespace bragglive::command {
namespace {

struct ConvertOptions {
  SourceArguments source;
  std::string out;
  std::uint64_t frames = 0;
  double wait_s = 60;
  unsigned threads = 0;
};

class Conversion {
 public:
  explicit Conversion(const ConvertOptions& options) : options_(options) {}

  Expected<void> start(const ScanStart& start) {
    start_ = start;
    const std::uint64_t expected =
        start.expected_frames != 0 ? start.expected_frames : start.scan.positions();
    ScanShape shape = start.scan;
    if (options_.frames != 0 || shape.positions() != expected) {  // not a full scan: a list of frames
      const std::uint64_t frames = options_.frames != 0 ? options_.frames : expected;
      if (frames > k_max_scan_positions)
        return fail(ErrorArea::shape, "{} frames are too many for one file", frames);
      shape = {1, static_cast<std::uint32_t>(frames)};
    }
    auto writer = create_frame_writer(options_.out, shape, start.frame, start.pixel);
    if (!writer) return tl::unexpected(writer.error());
    writer_ = std::move(*writer);
    written_.assign(shape.positions(), false);
    pixels_.resize(start.frame.pixels() * bytes_per_pixel(start.pixel));
    return {};
  }

  Expected<void> frame(const FrameMessage& frame) {
    if (frame.scan_index == k_no_position) return {};
    if (frame.series_id != start_.series_id || frame.scan_index >= written_.size())
      return ++unusable_, Expected<void>{};
    const auto decoded =
        decode_payload(start_.encoding, start_.frame, start_.pixel, frame.payload.bytes(), pixels_);
    if (!decoded) return bad(decoded.error());
    if (written_[frame.scan_index]) return ++unusable_, Expected<void>{};
    written_[frame.scan_index] = true;
    ++count_;
    return writer_->write(frame.scan_index, pixels_);
  }

  Expected<void> bad(const Error& error) {
    if (bad_++ == 0) std::fprintf(stderr, "bragglive: %s\n", error.message.c_str());
    return {};
  }

  bool started() const { return writer_ != nullptr; }
  bool full() const { return started() && count_ == written_.size(); }
  std::uint64_t count() const { return count_; }
  std::uint64_t total() const { return written_.size(); }

  Expected<void> finish() {
    if (!started())
      return fail(ErrorArea::connection, "{}: no scan came within {} s", options_.source.uri,
                  options_.wait_s);
    if (count_ == 0)
      return fail(ErrorArea::format, "{}: no frame of {} could be decoded", options_.source.uri,
                  written_.size());
    if (auto done = writer_->commit(); !done) return done;
    if (count_ < written_.size() || bad_ != 0 || unusable_ != 0)
      std::fprintf(stderr,
                   "bragglive: %llu of %llu frames written, the others are zero; %llu damaged, %llu twice or "
                   "outside the scan\n",
                   ull(count_), ull(written_.size()), ull(bad_), ull(unusable_));
    return {};
  }

 private:
  static unsigned long long ull(std::uint64_t value) { return value; }

  const ConvertOptions& options_;
  ScanStart start_;
  std::unique_ptr<FrameWriter> writer_;
  std::vector<bool> written_;
  std::vector<std::byte> pixels_;
  std::uint64_t count_ = 0, bad_ = 0, unusable_ = 0;
};

Expected<void> convert(const ConvertOptions& options) {
  auto source = open_source(options.source, stderr_log());
  if (!source) return tl::unexpected(source.error());
  Conversion conversion(options);
  Progress progress("converting");
  const auto patience = std::chrono::duration<double>(options.wait_s);
  auto last = std::chrono::steady_clock::now();
  while (!conversion.full()) {
    const SourceEvent event = (*source)->next(std::chrono::milliseconds(100));
    if (std::holds_alternative<Idle>(event)) {
      if ((*source)->live() && std::chrono::steady_clock::now() - last > patience) break;
      continue;
    }
    last = std::chrono::steady_clock::now();
    Expected<void> done;
    if (const auto* start = std::get_if<ScanStart>(&event)) {
      if (conversion.started()) break;
      done = conversion.start(*start);
    } else if (const auto* frame = std::get_if<FrameMessage>(&event); frame && conversion.started()) {
      done = conversion.frame(*frame);
    } else if (const auto* bad = std::get_if<BadMessage>(&event)) {
      done = conversion.bad(bad->error);
    } else if ((std::holds_alternative<ScanEnd>(event) && conversion.started()) ||
               std::holds_alternative<EndOfSource>(event)) {
      break;
    }
    if (!done) return done;
    progress.update(conversion.count(), conversion.total());
  }
  return conversion.finish();
}

}  // namespace

Run add_convert(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  add_source_arguments(app, options->source);
  add_path_arguments(app, options->source.path);
  app.add_option("--out", options->out, "F.npy, or F.h5 as py4DSTEM reads it")->required();
  app.add_option("--frames", options->frames, "only the first so many frames");
  app.add_option("--wait", options->wait_s, "seconds of silence after which an endpoint is given up")
      ->capture_default_str();
  app.add_option("--threads", options->threads, "accepted by every command; converting uses two");
  return [options] {
    const auto done = convert(*options);
    return done ? 0 : report(done.error());
  };
}

}  // namespace bragglive::command
