// `bragglive label`: a source in, a labelled map out, without a window.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include "plugin/calibrating_source.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/progress.hpp"
#include "plugin/command/source_options.hpp"
#include "plugin/known_crystal/known_crystal.hpp"
#include "plugin/result_summary.hpp"
#include "plugin/scan_result.hpp"
#include "plugin/shipped_model.hpp"
#include "streams/publish/map_publisher.hpp"

namespace bragglive::command {
namespace {

struct Options {
  SourceArguments source;
  std::string model = "default";
  std::string calibration;
  FirstRows first;
  double annular_inner = 0, annular_outer = 0;
  std::string out;
  std::string publish;
  std::string record;
  bool json = false;
  unsigned scans = 1;
  unsigned threads = 0;
  double threshold = 0.005;
  bool no_filter = false;
  std::uint32_t min_disks = 5;
  double scan_timeout_s = 10, reorder_s = 1;
  std::uint64_t reorder_frames = 4096;
  std::vector<std::string> systems;
};

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) {
  interrupted = 1;
}

Expected<SessionConfig> session_config(const Options& options) {
  SessionConfig config;
  auto model = load_model(options.model);
  if (!model) return tl::unexpected<Error>(model.error());
  config.model = *model;
  if (!options.calibration.empty()) {
    auto calibration = load_calibration(options.calibration);
    if (!calibration) return tl::unexpected<Error>(calibration.error());
    config.calibration = *calibration;
  }
  for (const std::string& name : options.systems) {
    const auto system = crystal_system_from_name(name);
    if (!system || *system == CrystalSystem::none)
      return fail(ErrorArea::usage, "--systems: \"{}\" is not a crystal system", name);
    config.systems.push_back(*system);
  }
  config.detector.annular_inner_px = options.annular_inner;
  config.detector.annular_outer_px = options.annular_outer;
  config.threads = options.threads;
  config.threshold = options.threshold;
  config.filter_5x5 = !options.no_filter;
  config.min_disks = options.min_disks;
  config.scan_timeout = std::chrono::milliseconds(static_cast<long>(options.scan_timeout_s * 1000));
  config.reorder_window = {options.reorder_frames,
                           std::chrono::milliseconds(static_cast<long>(options.reorder_s * 1000))};
  if (!options.record.empty())
    config.record_to = [&options](unsigned scan) -> std::filesystem::path {
      if (options.scans == 1) return scan == 1 ? options.record : "";
      return options.scans == 0 || scan <= options.scans ? numbered(options.record, scan) : "";
    };
  config.log = stderr_log();
  return config;
}

// Saves and prints each scan as it closes, and remembers what went wrong.
class ScanReports {
 public:
  explicit ScanReports(const Options& options) : options_(options) {}

  // On the saver's thread.
  void add(const ScanResult& scan) {
    // A detector may begin another scan before we have stopped: it must not take the name of a finished one.
    if (options_.scans != 0 && scan.number > options_.scans) return;
    if (!options_.out.empty()) {
      // R.h5 for a single scan, R_0001.h5, R_0002.h5 … for several.
      const std::filesystem::path out =
          options_.scans == 1 ? std::filesystem::path(options_.out) : numbered(options_.out, scan.number);
      if (auto saved = save_result(scan, out); !saved && result_) result_ = saved;
    }
    if (scan.revision == 0) {
      const ResultSummary summary = summarise(*scan.map, scan.times, scan.counters);
      std::fputs(options_.json ? (to_json(summary) + "\n").c_str() : to_text(summary).c_str(), stdout);
      std::fflush(stdout);
    }
    closed_ = scan.number;
  }
  unsigned closed() const { return closed_; }
  Expected<void> result() const { return result_; }  // after the session has stopped

 private:
  const Options& options_;
  std::atomic<unsigned> closed_{0};
  Expected<void> result_;
};

// Until as many scans as wanted are over, the source ends or somebody presses Ctrl+C.
void wait_for_end(Session& session, const Options& options, const ScanReports& reports,
                  MapPublisher* publisher) {
  Progress progress("label");
  const std::chrono::milliseconds look(publisher ? 33 : 100);
  while (!interrupted && (options.scans == 0 || reports.closed() < options.scans)) {
    const SessionState state = session.state();
    if (state == SessionState::failed || state == SessionState::stopped) return;
    if (state == SessionState::finished && !session.is_receiving()) return;
    session.wait_finished(look);
    if (state == SessionState::finished) std::this_thread::sleep_for(look);
    const auto map = session.snapshot();
    if (publisher) publisher->publish(map);
    const EngineCounters counters = session.counters();
    progress.update(counters.stages[static_cast<std::size_t>(Stage::store)].out,
                    map ? map->scan.positions() : 0,
                    counters.skipped ? fmt::format("{} skipped", counters.skipped) : "");
  }
}

// Said before the first frame, not after the last one.
Expected<void> check_writable(const std::string& out) {
  if (out.empty()) return {};
  const std::filesystem::path folder = std::filesystem::absolute(out).parent_path();
  if (::access(folder.c_str(), W_OK) == 0) return {};
  return fail(ErrorArea::file, "cannot write {}: the folder {} does not exist or is not yours to write", out,
              folder.string());
}

int run_label(const Options& options) {
  for (const std::string& file : {options.out, options.record})
    if (const auto writable = check_writable(file); !writable) return report(writable.error());
  if (!options.out.empty() && options.out == options.record)
    return report(
        {ErrorArea::usage, "--out and --record name the same file: the recording holds the result too"});
  auto config = session_config(options);
  if (!config) return report(config.error());
  ScanReports reports(options);
  config->on_scan_closed = [&reports](const ScanResult& scan) { reports.add(scan); };
  std::unique_ptr<MapPublisher> publisher;
  if (!options.publish.empty()) {
    auto opened = MapPublisher::open(options.publish);
    if (!opened) return report(opened.error());
    publisher = std::move(*opened);
  }
  auto source = open_source(options.source, config->log);
  if (!source) return report(source.error());
  source = calibrate_first_rows(std::move(*source), options.first, set_known_crystal, config->log);
  if (!source) return report(source.error());
  auto session = Session::create(*config);
  if (!session) return report(session.error());
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  if (auto started = (*session)->start(std::move(*source)); !started) return report(started.error());
  wait_for_end(**session, options, reports, publisher.get());
  (*session)->stop();
  if (publisher) publisher->publish((*session)->snapshot());

  if ((*session)->state() == SessionState::failed)
    return report({ErrorArea::format, (*session)->last_error()});
  if (reports.closed() == 0)
    return report({ErrorArea::connection, "stopped before a scan began: nothing to save"});
  return reports.result() ? 0 : report(reports.result().error());
}

}  // namespace

Run add_label(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_source_arguments(app, options->source);
  add_path_arguments(app, options->source.path);
  app.add_option("--model", options->model, "model file, or \"default\" for the shipped one")
      ->capture_default_str();
  app.add_option("--calibration", options->calibration, "calibration TOML; else the scan must bring its own");
  auto* first =
      app.add_option("--calibrate-first", options->first.rows,
                     "calibrate each kind of frames on the first so many rows, then label them, too");
  first->excludes("--calibration");
  app.add_option("--known", options->first.known,
                 "with --calibrate-first: CIF of a crystal in the scan; its spacings give the pixel size")
      ->check(CLI::ExistingFile)
      ->needs(first);
  app.add_option("--pixel-size", options->first.pixel_size,
                 "with --calibrate-first: 1/Å per pixel; else that of the calibration that the scan brings")
      ->check(CLI::PositiveNumber)
      ->needs(first);
  app.add_option("--annular-inner", options->annular_inner, "annular dark field: px; 0 = 3 probe radii")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--annular-outer", options->annular_outer, "px; 0 = to the detector's border")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--out", options->out, "result file (HDF5)");
  app.add_option("--record", options->record,
                 "the raw frames as they come, then disks and labels, in one HDF5 file (h5py, py4DSTEM)");
  app.add_option("--scans", options->scans,
                 "scans to label one after the other, 0 = until Ctrl+C; several are saved as R_0001.h5 …")
      ->capture_default_str();
  app.add_option("--publish", options->publish,
                 "endpoint (tcp://*:6000) where others can watch the map grow");
  app.add_flag("--json", options->json, "end with one JSON object on stdout");
  app.add_option("--threads", options->threads, "0 = all cores")->capture_default_str();
  app.add_option("--threshold", options->threshold, "least filtered difference confidence of a label")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--no-filter", options->no_filter, "leave out the 5x5 median filter");
  app.add_option("--min-disks", options->min_disks, "fewer disks than this: no prediction")
      ->capture_default_str();
  app.add_option("--systems", options->systems, "crystal systems whose planes may win; default all")
      ->delimiter(',');
  app.add_option("--scan-timeout", options->scan_timeout_s,
                 "seconds without a frame after which a live scan is closed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--reorder-frames", options->reorder_frames,
                 "a live frame that so many others overtake is given up; it counts if it comes after all")
      ->capture_default_str();
  app.add_option("--reorder-time", options->reorder_s, "seconds after which an overtaken frame is given up")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  return [options] { return run_label(*options); };
}

}  // namespace bragglive::command
