#include "gui/live/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "gui/window/dialogs.hpp"
#include "plugin/path_options.hpp"

namespace bragglive::gui {
namespace {

struct Raw {
  std::string source, model = "default", calibration, scan, protocol = "native", dataset, channel, rest, out;
  std::string screenshot, screenshot_during, picture, pin;
  FirstRows first;
  double rate = 0;
  unsigned threads = 0;
  int view = 1;
  bool light = false, follow = false;
  ScanPath path;
};

void add_options(CLI::App& app, Raw& raw) {
  app.add_option("SOURCE", raw.source, "endpoint (tcp://…, ipc://…), recording (a file's path) or demo:gold");
  app.add_option("--model", raw.model, "model file, or \"default\" for the shipped one")
      ->capture_default_str();
  auto* calibration =
      app.add_option("--calibration", raw.calibration, "calibration TOML; else the scan must bring its own");
  auto* first = app.add_option("--calibrate-first", raw.first.rows,
                               "calibrate on the first so many rows of the scan, then label them, too")
                    ->excludes(calibration);
  app.add_option("--known", raw.first.known, "with --calibrate-first: CIF of a crystal in the scan")
      ->check(CLI::ExistingFile)
      ->needs(first);
  app.add_option("--pixel-size", raw.first.pixel_size,
                 "with --calibrate-first: 1/Å per pixel; else that of the scan's own calibration")
      ->check(CLI::PositiveNumber)
      ->needs(first);
  app.add_option("--scan", raw.scan, "ROWSxCOLS, where the source does not say it");
  app.add_option("--protocol", raw.protocol,
                 "of an endpoint: native, dectris1, dectris2, ncem, ncem4, ncem-counted, merlin, crystfel")
      ->check(CLI::IsMember(
          {"native", "dectris1", "dectris2", "ncem", "ncem4", "ncem-counted", "merlin", "crystfel"}))
      ->capture_default_str();
  app.add_option("--dataset", raw.dataset, "data set inside an HDF5 file; else found by layout");
  app.add_option("--channel", raw.channel, "of a detector with several thresholds; else its first");
  app.add_option("--rest", raw.rest,
                 "http://host of a DECTRIS detector: its settings are checked, its dropped images counted");
  app.add_flag("--follow", raw.follow, "the recording is still being written: take its frames as they come");
  add_path_arguments(app, raw.path);
  app.add_option("--rate", raw.rate, "replay: frames per second; 0 = as fast as possible")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--threads", raw.threads, "worker threads; 0 = all");
  app.add_option("--out", raw.out, "result file (HDF5), written when the scan is over");
  app.add_option("--screenshot", raw.screenshot,
                 "wait for the end of the scan, save the window as PNG, exit");
  app.add_option("--screenshot-during", raw.screenshot_during,
                 "save the window as PNG when half of the scan is there");
  app.add_option("--picture", raw.picture,
                 "wait for the end of the scan, save the map with its legend as PNG, exit");
  app.add_option("--pin", raw.pin, "X,Y: position whose pattern is shown");
  app.add_option(
         "--view", raw.view,
         "map shown first: 1 crystal system, 2 reliability, 3-5 a b c, 6 disks, 7 bright, 8 dark field, "
         "9 overlapping grains, 10 unlike a crystal")
      ->check(CLI::Range(1, 10));
  app.add_flag("--light", raw.light, "light theme");
}

int usage(const std::string& message) {
  std::fprintf(stderr, "bragglive-gui: %s\n", message.c_str());
  return k_exit_usage;
}

QString text(const std::string& s) {
  return QString::fromStdString(s);
}

}  // namespace

std::optional<ProgramOptions> parse_options(int argc, const char* const* argv, int& exit_code) {
  Raw raw;
  CLI::App app{"The operator's window: labels a scan live or from a recording.", "bragglive-gui"};
  add_options(app, raw);
  exit_code = 0;
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    exit_code = usage(std::string(error.what()) + "; see --help");
    return std::nullopt;
  }
  ProgramOptions options;
  OpenRequest& request = options.request;
  request.source = text(raw.source), request.model = text(raw.model);
  request.calibration = text(raw.calibration), request.protocol = text(raw.protocol);
  request.dataset = text(raw.dataset), request.channel = text(raw.channel);
  request.path = raw.path, request.rest = text(raw.rest), request.follow = raw.follow;
  request.first = raw.first;
  request.rate_hz = raw.rate, request.threads = raw.threads;
  request.out = text(raw.out);
  options.screenshot = text(raw.screenshot);
  options.screenshot_during = text(raw.screenshot_during);
  options.picture = text(raw.picture);
  options.view = raw.view;
  options.light = raw.light;
  if (!raw.scan.empty() && !(options.request.scan = scan_from_text(text(raw.scan)))) {
    exit_code = usage("--scan \"" + raw.scan + "\": expected ROWSxCOLS, e.g. 256x256");
    return std::nullopt;
  }
  unsigned x = 0, y = 0;
  char rest = 0;
  if (!raw.pin.empty()) {
    if (std::sscanf(raw.pin.c_str(), "%u,%u%c", &x, &y, &rest) != 2) {
      exit_code = usage("--pin \"" + raw.pin + "\": expected X,Y, e.g. 12,40");
      return std::nullopt;
    }
    options.pin = ScanPosition{y, x};
  }
  if (options.unattended() && raw.source.empty()) {
    exit_code = usage("--screenshot and --picture need a SOURCE");
    return std::nullopt;
  }
  return options;
}

}  // namespace bragglive::gui
