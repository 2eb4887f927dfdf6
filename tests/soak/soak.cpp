// Ten million small frames through the real engine: soak [FRAMES [--leak]]
//
// Scan after scan over the native stream (some without an end, some with frames left out, sent twice or
// damaged) and from a host that pushes; the session is stopped and started between. Afterwards the states
// must add up to the positions of all scans, and the process must hold as much memory and as many file
// descriptors and threads as after its first fifth. With --leak it leaks on purpose and must fail.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "plugin/push_source.hpp"
#include "plugin/scan_result.hpp"
#include "streams/codec/codec.hpp"
#include "streams/frame_sink.hpp"
#include "streams/replay/fault_sink.hpp"
#include "tests/soak/process_size.hpp"
#include "tests/unit/engine/scripted_scan.hpp"

using namespace bragglive;
using soak::ProcessSize;

namespace {

constexpr ScanShape k_scan{100, 100};
constexpr std::uint64_t k_scans_per_session = 10;
constexpr std::size_t k_most_growth = std::size_t{16} << 20;
constexpr std::size_t k_most_allocated = std::size_t{4} << 20;
constexpr std::size_t k_leak_per_scan = 1 << 20;

class Scans {
 public:
  Scans() {
    for (const int disks : {3, 8}) {
      std::vector<std::byte> packed;
      if (!encode_payload(Encoding::bslz4, test::k_frame, PixelType::u16, test::frame_with_disks(disks),
                          packed))
        std::abort();
      packed_.push_back(std::make_shared<const std::vector<std::byte>>(std::move(packed)));
    }
  }
  ScanStart start(std::uint64_t series) const {
    ScanStart start = test::scan_start(k_scan, series);
    start.encoding = Encoding::bslz4;
    return start;
  }
  FrameMessage frame(std::uint64_t series, std::uint64_t index) const {
    using Shared = std::shared_ptr<const std::vector<std::byte>>;
    FrameMessage message;
    message.series_id = series;
    message.frame_number = message.scan_index = index;
    message.payload = Payload(
        Shared(packed_[index % packed_.size()]),
        +[](const Shared& held) { return std::span<const std::byte>(*held); });
    return message;
  }

 private:
  std::vector<std::shared_ptr<const std::vector<std::byte>>> packed_;
};

// Of all closed scans; written by the saver's thread.
struct Totals {
  std::atomic<std::uint64_t> scans{0}, positions{0}, unequal{0};
  std::array<std::atomic<std::uint64_t>, k_position_states> states{};
  void add(const ScanResult& scan) {
    if (scan.revision != 0) return;
    const auto of = [&](PositionState state) { return scan.map->states[static_cast<std::size_t>(state)]; };
    std::uint64_t sum = 0;
    for (const auto count : scan.map->states) sum += count;
    if (sum != k_scan.positions() || of(PositionState::pending) != 0) ++unequal;
    positions += sum;
    for (std::size_t i = 0; i < states.size(); ++i) states[i] += scan.map->states[i];
    ++scans;
  }
};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "soak: %s\n", why.c_str());
  std::exit(1);
}

Faults faults_of(std::uint64_t scan) {
  Faults faults;
  if (scan % 5 == 1) faults.drop_every = 97;
  if (scan % 5 == 2) faults.duplicate_every = 101;
  if (scan % 5 == 3) faults.truncate_every = 103;
  if (scan % 5 == 4) faults.reorder_window = 8;
  faults.no_end = scan % 4 == 3;
  return faults;
}

void wait_for(const std::atomic<std::uint64_t>& count, std::uint64_t wanted, const char* what) {
  for (int i = 0; count < wanted; ++i) {
    if (i == 60000) die(fmt::format("{} of {} {} within a minute", count.load(), wanted, what));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// Scans first … first + k_scans_per_session - 1 over a socket, as a detector sends them.
void stream(Session& session, const Scans& scans, const Totals& totals, std::uint64_t first) {
  const std::string address = fmt::format("ipc:///tmp/bragglive-soak-{}", ::getpid());
  auto source = open_source(address, {});
  if (!source) die(source.error().message);
  if (auto started = session.start(std::move(*source)); !started) die(started.error().message);
  for (std::uint64_t scan = first; scan < first + k_scans_per_session; ++scan) {
    auto sink = open_sink(address, {});  // a sender of its own, to which the receiver connects again
    if (!sink) die(sink.error().message);
    Faults faults = faults_of(scan);
    // The last scan of a session has an end, for which the session is waited.
    if (scan + 1 == first + k_scans_per_session) faults.no_end = false;
    FaultSink faulty(std::move(*sink), faults);
    auto sent = faulty.start(scans.start(scan));
    for (std::uint64_t i = 0; i < k_scan.positions() && sent; ++i) sent = faulty.frame(scans.frame(scan, i));
    if (sent) sent = faulty.end({scan, k_scan.positions()});
    if (!sent) die(sent.error().message);
  }
  wait_for(totals.scans, first + k_scans_per_session, "scans closed");
}

// The same number of scans, pushed.
void push(Session& session, const Scans& scans, const Totals& totals, std::uint64_t first) {
  for (std::uint64_t scan = first; scan < first + k_scans_per_session; ++scan) {
    auto queue = std::make_shared<PushQueue>(1000);
    if (auto started = session.start(std::make_unique<PushSource>(queue)); !started)
      die(started.error().message);
    queue->push(scans.start(scan));
    for (std::uint64_t i = 0; i < k_scan.positions(); ++i) {
      while (!queue->reserve_frame()) std::this_thread::sleep_for(std::chrono::microseconds(100));
      queue->push(scans.frame(scan, i));
    }
    queue->push(ScanEnd{scan, k_scan.positions()});
    wait_for(totals.scans, scan + 1, "scans closed");
    session.stop();
  }
}

std::string text(const ProcessSize& size) {
  return fmt::format("{:.1f} MB, {:.2f} of them allocated, {} file descriptors, {} threads",
                     static_cast<double>(size.resident_bytes) * 1e-6,
                     static_cast<double>(size.allocated_bytes) * 1e-6, size.file_descriptors, size.threads);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t frames = 10'000'000;
  if (argc > 1) {
    const std::string_view wanted = argv[1];
    if (std::from_chars(wanted.data(), wanted.data() + wanted.size(), frames).ec != std::errc{})
      die("soak [FRAMES [--leak]]");
  }
  const bool leak = argc > 2 && std::string_view(argv[2]) == "--leak";
  // An odd number, so that every measurement follows a session of the same kind.
  const std::uint64_t per_session = k_scan.positions() * k_scans_per_session;
  const std::uint64_t sessions = std::max<std::uint64_t>(10, frames / per_session) | 1;
  const std::uint64_t warm_up = std::max<std::uint64_t>(2, sessions / 20 * 2);

  const Scans scans;
  Totals totals;
  SessionConfig config = test::session_config();
  config.publish_period = std::chrono::milliseconds(33);
  config.filter_5x5 = false;  // it leaves no label where most neighbours were skipped
  config.pool_slots = 256;    // soon all used, however busy the machine is
  config.history_scans = 4;
  config.on_scan_closed = [&](const ScanResult& scan) { totals.add(scan); };
  auto session = Session::create(config);
  if (!session) die(session.error().message);

  const auto begun = std::chrono::steady_clock::now();
  ProcessSize warm;
  for (std::uint64_t i = 0; i < sessions; ++i) {
    (i % 2 == 0 ? stream : push)(**session, scans, totals, i * k_scans_per_session);
    (*session)->stop();
    if (leak && i > 2 * warm_up)
      for (std::uint64_t scan = 0; scan < k_scans_per_session; ++scan)
        if (void* lost = std::malloc(k_leak_per_scan)) std::memset(lost, 1, k_leak_per_scan);
    if (i % warm_up != 0 || i == 0) continue;
    const ProcessSize now = soak::process_size();
    fmt::print("after {} scans: {}\n", totals.scans.load(), text(now));
    std::fflush(stdout);
    if (i == 2 * warm_up) warm = now;
  }
  const ProcessSize end = soak::process_size();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const std::uint64_t positions = sessions * k_scans_per_session * k_scan.positions();
  fmt::print("after {} scans: {}\n{} positions in {:.0f} s ({:.0f}/s):", totals.scans.load(), text(end),
             positions, seconds, static_cast<double>(positions) / seconds);
  for (std::size_t i = 0; i < totals.states.size(); ++i)
    if (totals.states[i] != 0) fmt::print(" {} {}", totals.states[i].load(), k_position_state_names[i]);
  fmt::print("\n");
  if (totals.unequal != 0) die(fmt::format("the states of {} scans do not add up", totals.unequal.load()));
  if (totals.positions != positions)
    die(fmt::format("{} positions, not {}", totals.positions.load(), positions));
  if (totals.states[static_cast<std::size_t>(PositionState::labelled)] < positions / 10)
    die("hardly anything was labelled");
  if (end.resident_bytes > warm.resident_bytes + k_most_growth) die("the memory grows");
  if (end.allocated_bytes > warm.allocated_bytes + k_most_allocated) die("allocated memory grows");
  if (end.file_descriptors != warm.file_descriptors) die("file descriptors are lost or left open");
  if (end.threads != warm.threads) die("threads are left behind");
  return 0;
}
