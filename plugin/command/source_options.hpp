// The options by which several subcommands name a source.
#pragma once
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "core/frame/error.hpp"
#include "plugin/path_options.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::command {

struct SourceArguments {
  std::string uri;
  std::string scan;  // "ROWSxCOLS" or empty
  std::string protocol = "native";
  std::string dataset;
  std::string channel;
  std::string rest;
  ScanPath path;
  bool follow = false;
  double follow_quiet_s = 10;
  double rate_hz = 0;
};

// Adds SOURCE, --scan, --protocol, --dataset, --channel, --follow and --follow-quiet.
void add_source_arguments(CLI::App& app, SourceArguments& arguments);
Expected<ScanShape> parse_scan_shape(const std::string& text);
// Opens endpoints, recordings and demo:….
Expected<std::unique_ptr<FrameSource>> open_source(const SourceArguments& arguments, LogSink log);

// Writes warnings and errors as "bragglive: …" on stderr.
LogSink stderr_log();

}  // namespace bragglive::command
