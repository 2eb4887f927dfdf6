// The whole chain on the paper's scan size: 256 x 256 positions of 192 x 192 uint16, session to stored
// labels, against the 30 s limit, the authors' scripts (361 s detection on a CUDA card and about 300 s for
// the rest) and the bytes that have to be read.
//
//   label_bench [MODEL] [THREADS]
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "plugin/session.hpp"
#include "plugin/shipped_model.hpp"
#include "streams/demo/demo_source.hpp"

using namespace bragglive;

namespace {

constexpr ScanShape k_scan{256, 256};
constexpr double k_limit_s = 30, k_authors_s = 661;

// A 64 x 64 demo scan rendered once, then shown sixteen times: the renderer must not be timed.
struct Frames {
  ScanStart start;
  std::vector<std::vector<std::byte>> frames;
};

Frames render() {
  Frames result;
  SourceOptions options;
  options.scan = ScanShape{64, 64};
  auto source = demo_factories().at("demo")("demo:gold", options);
  if (!source) {
    std::fprintf(stderr, "label_bench: %s\n", source.error().message.c_str());
    std::exit(3);
  }
  for (;;) {
    SourceEvent event = (*source)->next(std::chrono::seconds(10));
    if (auto* start = std::get_if<ScanStart>(&event)) result.start = *start;
    if (auto* frame = std::get_if<FrameMessage>(&event)) {
      const auto bytes = frame->payload.bytes();
      result.frames.emplace_back(bytes.begin(), bytes.end());
    }
    if (std::holds_alternative<EndOfSource>(event)) return result;
  }
}

class RepeatedFrames : public FrameSource {
 public:
  explicit RepeatedFrames(const Frames& frames) : frames_(frames) {}
  SourceEvent next(std::chrono::milliseconds) override {
    if (!started_) {
      started_ = true;
      ScanStart start = frames_.start;
      start.scan = k_scan;
      start.expected_frames = k_scan.positions();
      return start;
    }
    if (next_ == k_scan.positions()) return EndOfSource{};
    FrameMessage message;
    message.series_id = frames_.start.series_id;
    message.frame_number = message.scan_index = next_;
    const ScanPosition at = position_of(k_scan, next_++);
    const auto& bytes = frames_.frames[index_of({64, 64}, {at.row % 64, at.col % 64})];
    message.payload = Payload(
        std::span<const std::byte>(bytes), +[](const std::span<const std::byte>& held) { return held; });
    return message;
  }
  bool live() const override { return false; }
  std::string description() const override { return "the demo scan, repeated"; }

 private:
  const Frames& frames_;
  bool started_ = false;
  std::uint64_t next_ = 0;
};

double seconds_to_read(const Frames& frames) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::byte> copy(frames.frames[0].size());
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < k_scan.positions(); ++i) {
    std::memcpy(copy.data(), frames.frames[i % frames.frames.size()].data(), copy.size());
    sum += std::to_integer<std::uint64_t>(copy[i % copy.size()]);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return sum == 1 ? 0 : seconds;  // the sum keeps the copies from being optimised away
}

}  // namespace

int main(int argc, char** argv) {
  const auto model = load_model(argc > 1 ? argv[1] : "default");
  if (!model) {
    std::fprintf(stderr, "label_bench: %s\n", model.error().message.c_str());
    return 3;
  }
  const Frames frames = render();
  SessionConfig config;
  config.model = *model;
  config.threads = argc > 2 ? static_cast<unsigned>(std::stoul(argv[2])) : 2;
  auto session = Session::create(config);
  if (!session || !(*session)->start(std::make_unique<RepeatedFrames>(frames)) ||
      !(*session)->wait_finished(std::chrono::minutes(10)))
    return 1;
  const RunTimes times = (*session)->times();
  const EngineCounters counters = (*session)->counters();
  std::printf("%llu frames of 192 x 192 uint16 on %u threads: %.2f s, %.0f frames/s\n",
              static_cast<unsigned long long>(times.frames), config.threads, times.seconds,
              static_cast<double>(times.frames) / times.seconds);
  std::printf("  %.2f of the %.0f s limit; %.0f x the authors' scripts; %.1f x one copy of the bytes\n",
              times.seconds / k_limit_s, k_limit_s, k_authors_s / times.seconds,
              times.seconds / seconds_to_read(frames));
  for (int i = 0; i < k_stages; ++i) {
    const StageCounters& stage = counters.stages[static_cast<std::size_t>(i)];
    std::printf("  %-9s %8.1f us a frame\n", k_stage_names[static_cast<std::size_t>(i)].data(),
                1e6 * stage.seconds / static_cast<double>(times.frames));
  }
  std::printf("  latency p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", counters.latency.p50_ms,
              counters.latency.p99_ms, counters.latency.max_ms);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("  peak memory %.0f MB, of it %.0f MB the rendered frames\n",
              static_cast<double>(usage.ru_maxrss) / 1024,
              static_cast<double>(frames.frames.size() * frames.frames[0].size()) / 1048576);
  return 0;
}
