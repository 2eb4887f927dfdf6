#include "plugin/command/source_options.hpp"

#include <charconv>
#include <cstdio>

#include "streams/demo/demo_source.hpp"

namespace bragglive::command {

void add_source_arguments(CLI::App& app, SourceArguments& arguments) {
  app.add_option("SOURCE", arguments.uri, "endpoint (tcp://…, ipc://…), recording (a file), or demo:gold")
      ->required();
  app.add_option("--scan", arguments.scan,
                 "scan shape ROWSxCOLS, where the source does not say it or says it wrong");
  app.add_option("--protocol", arguments.protocol, "of an endpoint")->capture_default_str();
  app.add_option("--dataset", arguments.dataset,
                 "path inside an HDF5 recording; found by its layout otherwise");
  app.add_option("--channel", arguments.channel,
                 "threshold of a detector that sends several, e.g. threshold_1");
  app.add_option("--rest", arguments.rest,
                 "http://host of a DECTRIS detector: its settings are checked, its dropped images counted");
  app.add_flag(
      "--follow", arguments.follow,
      "the recording is still being written: take its frames as they come (HDF5 SWMR, .mib, .raw, .npy)");
  app.add_option("--follow-quiet", arguments.follow_quiet_s,
                 "seconds after which a recording that does not grow is over")
      ->check(CLI::Range(0.05, 1e6))
      ->capture_default_str();
}

Expected<ScanShape> parse_scan_shape(const std::string& text) {
  ScanShape shape;
  const char* const end = text.data() + text.size();
  const auto rows = std::from_chars(text.data(), end, shape.rows);
  const bool has_x = rows.ec == std::errc{} && rows.ptr != end && (*rows.ptr == 'x' || *rows.ptr == 'X');
  const auto cols = has_x ? std::from_chars(rows.ptr + 1, end, shape.cols) : rows;
  if (!has_x || cols.ec != std::errc{} || cols.ptr != end || shape.rows == 0 || shape.cols == 0 ||
      shape.positions() > k_max_scan_positions)
    return fail(ErrorArea::usage,
                "--scan \"{}\" is not ROWSxCOLS with 1 to {} positions, for example 256x256", text,
                k_max_scan_positions);
  return shape;
}

Expected<std::unique_ptr<FrameSource>> open_source(const SourceArguments& arguments, LogSink log) {
  SourceOptions options;
  if (!arguments.scan.empty()) {
    const auto shape = parse_scan_shape(arguments.scan);
    if (!shape) return tl::unexpected<Error>(shape.error());
    options.scan = *shape;
  }
  options.protocol = arguments.protocol;
  options.dataset = arguments.dataset;
  options.channel = arguments.channel;
  options.path = arguments.path;
  options.rest = arguments.rest;
  options.follow = arguments.follow;
  options.follow_quiet =
      std::chrono::milliseconds(static_cast<std::int64_t>(arguments.follow_quiet_s * 1000));
  options.rate_hz = arguments.rate_hz;
  options.log = std::move(log);
  return bragglive::open_source(arguments.uri, options, demo_factories());
}

LogSink stderr_log() {
  return [](LogLevel level, std::string_view text) {
    if (level < LogLevel::warning) return;
    std::fprintf(stderr, "bragglive: %.*s\n", static_cast<int>(text.size()), text.data());
  };
}

}  // namespace bragglive::command
