// bragglive send: streams any source as a detector would.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "plugin/command/command.hpp"
#include "plugin/command/progress.hpp"
#include "plugin/command/source_options.hpp"
#include "streams/codec/codec.hpp"
#include "streams/replay/fault_sink.hpp"
#include "streams/replay/path_sink.hpp"
#include "streams/replay/scan_memory.hpp"
#include "streams/replay/transmit.hpp"

namespace bragglive::command {
namespace {

constexpr int k_exit_died = 9;                              // the fault "die": as a killed process
constexpr std::size_t k_kept_bytes = std::size_t{1} << 30;  // of a scan that is sent again

struct SendOptions {
  SourceArguments source;
  ScanPath path;  // of the simulated detector, not of the source
  std::string endpoint, protocol = "native", rate = "max", encoding;
  std::vector<std::string> faults;
  std::uint64_t repeat = 1, frames = 0, series = 0;
  double wait_s = 30;
  std::uint16_t rest_port = 0;
  unsigned threads = 0;
};

Expected<double> rate_of(const std::string& text) {
  if (text == "max") return 0.0;
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc{} || end != text.data() + text.size() || !(rate > 0) || rate > 1e9)
    return fail(ErrorArea::usage, "--rate {} is neither a number of frames per second nor 'max'", text);
  return rate;
}

// A new number for each run, so that a receiver can tell it from what is left of the run before.
std::uint64_t series_from_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

Expected<int> send(const SendOptions& options) {
  TransmitOptions how;
  auto rate = rate_of(options.rate);
  if (!rate) return tl::unexpected(rate.error());
  how.rate_hz = *rate;
  how.max_frames = options.frames;
  if (!options.encoding.empty()) {
    how.encoding = encoding_from_name(options.encoding);
    if (!how.encoding)
      return fail(ErrorArea::usage, "--encoding {} is not none, lz4, bslz4 or hdf5-lz4", options.encoding);
  }
  Faults faults;
  for (const std::string& text : options.faults)
    if (auto added = add_fault(faults, text); !added) return tl::unexpected(added.error());
  // The source before the socket: a receiver is not kept waiting for a file that cannot be read.
  auto source = open_source(options.source, stderr_log());
  if (!source) return tl::unexpected(source.error());
  SinkOptions sink_options;
  sink_options.protocol = options.protocol;
  sink_options.patience = std::chrono::milliseconds(static_cast<std::int64_t>(options.wait_s * 1000));
  sink_options.rest_port = options.rest_port;
  sink_options.log = stderr_log();
  auto opened = open_sink(options.endpoint, sink_options);
  if (!opened) return tl::unexpected(opened.error());
  FaultSink sink(send_along(std::move(*opened), options.path), faults);

  const bool keep = options.repeat != 1 && !(*source)->live();
  ScanMemory memory(sink, keep ? k_kept_bytes : 0);

  const std::uint64_t first_series = options.series != 0 ? options.series : series_from_clock();
  Progress progress("sending");
  how.go_on = [&](std::uint64_t sent, std::uint64_t expected) {
    progress.update(sent, expected);
    return !sink.dead();
  };
  for (std::uint64_t scan = 0; (options.repeat == 0 || scan < options.repeat) && !sink.dead(); ++scan) {
    if (scan > 0) {
      if (auto kept = memory.again())
        source = std::move(kept);
      else
        source = open_source(options.source, stderr_log());
      if (!source) return tl::unexpected(source.error());
    }
    how.series_id = first_series + scan;
    const auto sent = transmit(**source, memory, how);
    if (!sent) return tl::unexpected(sent.error());
    std::fprintf(stderr, "bragglive: sent %llu frames in %.2f s (%.0f frames/s)%s\n",
                 static_cast<unsigned long long>(sent->frames), sent->seconds,
                 static_cast<double>(sent->frames) / std::max(sent->seconds, 1e-9),
                 sent->damaged != 0 ? fmt::format(", {} damaged ones left out", sent->damaged).c_str() : "");
  }
  return sink.dead() ? k_exit_died : 0;
}

}  // namespace

Run add_send(CLI::App& app) {
  auto options = std::make_shared<SendOptions>();
  app.add_option("SOURCE", options->source.uri, "a recording, demo:gold, or a native endpoint to pass on")
      ->required();
  app.add_option("ENDPOINT", options->endpoint,
                 "tcp://host:port; add ?connect or ?bind to choose the side, ?socket=pub to publish")
      ->required();
  app.add_option("--protocol", options->protocol, "how the stream speaks")->capture_default_str();
  app.add_option("--rate", options->rate, "frames per second, or max")->capture_default_str();
  app.add_option("--repeat", options->repeat, "scans to send, 0 = for ever")->capture_default_str();
  app.add_option("--encoding", options->encoding, "none, lz4 or bslz4; default: as the source has it");
  app.add_option("--scan", options->source.scan, "scan shape ROWSxCOLS");
  app.add_option("--dataset", options->source.dataset, "path inside an HDF5 file");
  add_path_arguments(app, options->path);
  app.add_option("--frames", options->frames, "stop after so many frames");
  app.add_option("--series", options->series, "series id of the first scan; default: from the clock");
  app.add_option("--wait", options->wait_s, "seconds to wait for a receiver")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 1e6));
  app.add_option("--rest", options->rest_port, "port of the simulated DECTRIS detector's REST interface");
  app.add_option("--fault", options->faults, std::string("misbehave: ") + std::string(k_fault_help));
  app.add_option("--threads", options->threads, "accepted by every command; sending uses one");
  return [options] {
    const auto result = send(*options);
    return result ? *result : report(result.error());
  };
}

}  // namespace bragglive::command
