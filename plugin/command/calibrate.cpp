// bragglive calibrate: a scan, or its first rows -> C.toml and a report page.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "core/calibrate/calibrator.hpp"
#include "plugin/command/calibration_page.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/source_frames.hpp"
#include "plugin/known_crystal/known_crystal.hpp"

namespace bragglive::command {
namespace {

struct CalibrateOptions {
  SourceArguments source;
  CalibratorConfig config;
  std::string out, known, page;
  std::uint32_t first_rows = 0;
  double wait_s = 60;
  unsigned threads = 0;
};

Expected<CalibrationReport> estimate(const CalibrateOptions& options) {
  std::optional<Calibrator> calibrator;
  const auto visit = [&](const SourceFrame& frame) -> Expected<bool> {
    if (!calibrator) {
      ScanShape scan = frame.start->scan;
      if (options.first_rows > 0) scan.rows = std::min(scan.rows, options.first_rows);
      auto made = Calibrator::create(options.config, frame.start->frame, frame.start->pixel, scan);
      if (!made) return tl::unexpected(made.error());
      calibrator.emplace(std::move(*made));
    }
    calibrator->add(frame.scan_index, frame.view);
    calibrator->add_mass(frame.scan_index, frame.view);
    return options.first_rows == 0 ||
           frame.scan_index < std::uint64_t{options.first_rows} * frame.start->scan.cols;
  };
  if (auto read = for_each_frame(options.source, "reading", options.wait_s, visit); !read)
    return tl::unexpected(read.error());
  return calibrator->finish();
}

Expected<void> write_page(const std::string& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return fail(ErrorArea::file, "{}: cannot be written; check the folder and the free space", file);
  return {};
}

Expected<void> calibrate(CalibrateOptions& options) {
  if (!options.known.empty()) {
    if (auto known = set_known_crystal(options.known, options.config); !known) return known;
  }
  const auto report = estimate(options);
  if (!report) return tl::unexpected(report.error());
  if (auto saved = save_calibration(report->calibration, options.out); !saved) return saved;
  const std::string page = options.page.empty()
                               ? std::filesystem::path(options.out).replace_extension(".html").string()
                               : options.page;
  if (auto written = write_page(page, calibration_page(*report, options.source.uri, options.config.known));
      !written)
    return written;
  const Calibration& c = report->calibration;
  for (const std::string& note : report->notes) std::fprintf(stderr, "bragglive: %s\n", note.c_str());
  fmt::print(
      "pixel size {} 1/Å, origin {:.2f} {:.2f} px (scatter {:.3f}), probe {:.2f} px, ellipse {:.4f} at "
      "{:.1f} deg, {} bad pixels\n",
      report->pixel_size_known
          ? fmt::format("{:.6g} +- {:.2g}", c.pixel_size_inv_angstrom, c.pixel_size_sigma)
          : "not known",
      c.origin_row[0], c.origin_col[0], report->origin.scatter_px, c.probe_radius_px, c.ellipse_ratio,
      c.ellipse_angle_deg, c.masked_pixels.size());
  if (report->rotation.found)
    fmt::print("scan rotation {:.1f} deg{} (curl left: {:.2f})\n", c.rotation_deg,
               c.mirror ? ", mirrored" : "", report->rotation.curl);
  if (c.keystone != std::array<double, 2>{})
    fmt::print("keystone {:.3g} {:.3g} 1/px: the scale changes over the detector\n", c.keystone[0],
               c.keystone[1]);
  if (report->pixel_size)
    fmt::print(
        "{:.0f} % of the vectors lie on {} rings of the crystal (by chance {:.0f} %, {:.1f} standard "
        "deviations above)\n",
        100 * report->pixel_size->explained, report->pixel_size->rings, 100 * report->pixel_size->chance,
        report->pixel_size->merit);
  return {};
}

}  // namespace

Run add_calibrate(CLI::App& app) {
  auto o = std::make_shared<CalibrateOptions>();
  add_source_arguments(app, o->source);
  app.add_option("--out", o->out, "C.toml")->required();
  app.add_option("--known", o->known, "CIF of a crystal in the scan: its spacings give the pixel size")
      ->check(CLI::ExistingFile);
  app.add_option("--pixel-size", o->config.pixel_size, "1/Å per pixel, where no crystal is known")
      ->check(CLI::PositiveNumber);
  app.add_option("--pixel-size-low", o->config.pixel_size_low, "with --known: smallest pixel size tried")
      ->capture_default_str();
  app.add_option("--pixel-size-high", o->config.pixel_size_high, "with --known: largest pixel size tried")
      ->capture_default_str();
  app.add_option("--probe-radius", o->config.probe_radius_px, "px; found otherwise")
      ->check(CLI::PositiveNumber);
  app.add_option("--voltage-kv", o->config.voltage_kv, "written into the calibration")->capture_default_str();
  app.add_option("--scan-step-nm", o->config.scan_step_nm, "written into the calibration; 0 = not known");
  app.add_option("--first-rows", o->first_rows,
                 "only the first so many rows of the scan; 0 = spread over all of it");
  app.add_option("--frames", o->config.max_frames, "how many frames are looked at")->capture_default_str();
  app.add_flag("!--round", o->config.find_ellipse, "do not look for an ellipse");
  app.add_flag("!--no-rotation", o->config.find_rotation,
               "do not look for the scan's rotation in the centres of mass");
  app.add_option("--report", o->page, "the report page; C.html otherwise");
  app.add_option("--wait", o->wait_s, "seconds of silence after which an endpoint is given up")
      ->capture_default_str();
  app.add_option("--threads", o->threads, "accepted by every command; calibrating uses one");
  return [o] {
    const auto done = calibrate(*o);
    return done ? 0 : report(done.error());
  };
}

}  // namespace bragglive::command
