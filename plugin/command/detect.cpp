// bragglive detect: patterns -> PEAKS.csv.
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/calibrate/calibration.hpp"
#include "core/detect/correlation_detector.hpp"
#include "core/detect/disk_detector.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/source_frames.hpp"

namespace bragglive::command {
namespace {

struct DetectOptions {
  SourceArguments source;
  std::string probe, out, calibration;
  std::string method = "fast", subpixel = "multicorr";
  DiskDetectorConfig fast;
  CorrelationConfig correlation;
  double probe_radius = 0, min_spacing = 0, wait_s = 60;
  std::uint32_t edge = 0, max_disks = 0;
  unsigned threads = 0;
};

struct Job {
  std::uint64_t scan_index = 0;
  std::vector<std::byte> pixels;
  BraggList disks;
  bool rings = false;
};

struct ThreadScratch {
  DiskDetector::Scratch fast;
  CorrelationDetector::Scratch correlation;
};

class Detection {
 public:
  explicit Detection(const DetectOptions& options) : options_(options) {}

  Expected<void> prepare() {
    if (!options_.calibration.empty()) {
      auto loaded = load_calibration(options_.calibration);
      if (!loaded) return tl::unexpected(loaded.error());
      if (auto scaled = require_pixel_size(*loaded, options_.calibration); !scaled) return scaled;
      calibration_ = std::move(*loaded);
    }
    if (!options_.probe.empty()) {
      if (auto done = read_probe(); !done) return done;
    } else if (options_.probe_radius > 0) {
      radius_ = options_.probe_radius;
    } else if (calibration_) {
      radius_ = calibration_->probe_radius_px;
    } else {
      return fail(ErrorArea::usage, "how large is the probe? Give --probe, --probe-radius or --calibration");
    }
    // Beside the target and renamed, so that a full disk leaves no half a file under the name that was asked
    // for.
    out_.open(options_.out + ".part", std::ios::binary | std::ios::trunc);
    out_ << "pattern,qx,qy,intensity\n";
    if (!out_) return fail(ErrorArea::file, "{}: cannot be written; check the folder", options_.out);
    return {};
  }

  Expected<bool> take(const SourceFrame& frame) {
    if (!fast_ && !correlation_)
      if (auto made = make_detector(*frame.start); !made) return tl::unexpected(made.error());
    Job& job = jobs_[used_++];
    job.scan_index = frame.scan_index;
    job.rings = false;
    const auto* bytes = static_cast<const std::byte*>(frame.view.pixels);
    job.pixels.assign(bytes, bytes + frame.view.bytes());
    if (used_ == jobs_.size()) flush();
    return true;
  }

  Expected<void> finish() {
    flush();
    out_.close();
    if (!out_ || std::rename((options_.out + ".part").c_str(), options_.out.c_str()) != 0)
      return fail(ErrorArea::file, "{}: cannot be written; is the disk full?", options_.out);
    std::fprintf(stderr, "%llu disks in %llu patterns%s\n", static_cast<unsigned long long>(disks_),
                 static_cast<unsigned long long>(patterns_),
                 refused_ ? fmt::format("; {} patterns refused: {}", refused_, reason_).c_str() : "");
    if (rings_ > 0)
      std::fprintf(stderr, "%llu of them are ring patterns: pieces of rings are no disks\n",
                   static_cast<unsigned long long>(rings_));
    return {};
  }

 private:
  Expected<void> read_probe() {
    SourceArguments arguments;
    arguments.uri = options_.probe;
    auto done =
        for_each_frame(arguments, "reading the probe", 1, [this](const SourceFrame& frame) -> Expected<bool> {
          probe_ = to_real(frame.view);
          return false;
        });
    if (!done) return done;
    const auto size = measure_probe(*probe_);
    if (!size) return fail(size.error().area, "{}: {}", options_.probe, size.error().message);
    probe_size_ = *size;
    radius_ = size->radius_px;
    return {};
  }

  Expected<void> make_detector(const ScanStart& start) {
    shape_ = start.frame;
    pixel_ = start.pixel;
    scan_ = start.scan;
    if (calibration_ && calibration_->detector != shape_)
      return fail(ErrorArea::shape, "{} is for frames of {} x {}, the patterns are {} x {}",
                  options_.calibration, calibration_->detector.rows, calibration_->detector.cols, shape_.rows,
                  shape_.cols);
    jobs_.resize(64);
    scratch_.resize(jobs_.size());
    if (options_.method == "fast") return make_fast();
    return make_correlation();
  }

  Expected<void> make_fast() {
    DiskDetectorConfig config = options_.fast;
    config.probe_radius_px = radius_;
    config.min_spacing_px = options_.min_spacing;
    config.edge_px = options_.edge;
    if (options_.max_disks) config.max_disks = options_.max_disks;
    if (calibration_) {
      config.masked_pixels = calibration_->masked_pixels;
      config.probe = calibration_->probe;
    }
    auto made = DiskDetector::create(config, shape_);
    if (!made) return tl::unexpected(made.error());
    if (!made->slow_reason().empty()) fmt::print(stderr, "bragglive: {}\n", made->slow_reason());
    fast_.emplace(std::move(*made));
    return {};
  }

  Expected<void> make_correlation() {
    if (2 * radius_ + 1 > std::min(shape_.rows, shape_.cols))
      return fail(ErrorArea::shape, "a probe of radius {:.1f} px does not fit patterns of {} x {}", radius_,
                  shape_.rows, shape_.cols);
    if (probe_ && probe_->shape != shape_)
      return fail(ErrorArea::shape, "{}: a probe of {} x {}, the patterns are {} x {}", options_.probe,
                  probe_->shape.rows, probe_->shape.cols, shape_.rows, shape_.cols);
    const RealImage probe = probe_ ? *probe_ : synthetic_probe(shape_, radius_, 1.2);
    const double row = probe_ ? probe_size_.row : shape_.rows / 2.0;
    const double col = probe_ ? probe_size_.col : shape_.cols / 2.0;
    const auto kernel = make_kernel(probe, row, col, {KernelMode::sigmoid, 3, {radius_, 4 * radius_}});
    if (!kernel) return tl::unexpected(kernel.error());
    CorrelationConfig config = options_.correlation;
    config.min_spacing_px = options_.min_spacing > 0 ? options_.min_spacing : 1.5 * radius_;
    config.edge_px = options_.edge > 0 ? options_.edge : static_cast<std::uint32_t>(std::ceil(radius_));
    config.max_peaks = options_.max_disks ? options_.max_disks : 200;
    config.subpixel = options_.subpixel == "pixel"  ? Subpixel::pixel
                      : options_.subpixel == "poly" ? Subpixel::poly
                                                    : Subpixel::multicorr;
    auto made = CorrelationDetector::create(config, *kernel);
    if (!made) return tl::unexpected(made.error());
    correlation_.emplace(std::move(*made));
    return {};
  }

  // Detects in the collected frames with all threads and writes them in their order.
  void flush() {
    std::vector<std::string> problems(used_);
    tbb::parallel_for(std::size_t{0}, used_,
                      [&](std::size_t i) { problems[i] = detect(jobs_[i], scratch_[i]); });
    for (std::size_t i = 0; i < used_; ++i) {
      if (!problems[i].empty() && refused_++ == 0) reason_ = problems[i];
      write(jobs_[i]);
    }
    used_ = 0;
  }

  std::string detect(Job& job, ThreadScratch& scratch) const {
    const FrameView view{job.pixels.data(), shape_, pixel_};
    if (correlation_) {
      RealImage image = to_real(view);
      if (calibration_)
        for (const std::uint32_t pixel : calibration_->masked_pixels) image.pixels[pixel] = 0;
      const auto done = correlation_->detect(image, scratch.correlation, job.disks);
      return done ? std::string() : done.error().message;
    }
    FrameSums sums;
    std::array<double, 2> centre{(shape_.rows - 1) / 2.0, (shape_.cols - 1) / 2.0};
    if (calibration_) centre = calibration_->origin(position_of(scan_, job.scan_index));
    switch (fast_->detect(view, centre[0], centre[1], scratch.fast, job.disks, sums)) {
      case DetectStatus::ok:
        return {};
      case DetectStatus::rings:
        job.rings = true;
        return {};
      case DetectStatus::blank:
        return "no pixel above zero";
      case DetectStatus::saturated:
        return "every pixel saturated";
      case DetectStatus::not_finite:
        return "NaN or infinity in pixels that are not masked";
    }
    return {};
  }

  void write(Job& job) {
    if (calibration_) PixelsToQ(*calibration_).apply(position_of(scan_, job.scan_index), job.disks);
    for (const BraggPeak& disk : job.disks)
      out_ << fmt::format("{},{:.7g},{:.7g},{:.7g}\n", job.scan_index, disk.qx, disk.qy, disk.intensity);
    disks_ += job.disks.size();
    rings_ += job.rings;
    ++patterns_;
  }

  const DetectOptions& options_;
  std::optional<Calibration> calibration_;
  std::optional<RealImage> probe_;
  ProbeSize probe_size_;
  double radius_ = 0;
  FrameShape shape_;
  PixelType pixel_ = PixelType::u16;
  ScanShape scan_;
  std::optional<DiskDetector> fast_;
  std::optional<CorrelationDetector> correlation_;
  std::vector<Job> jobs_;
  std::vector<ThreadScratch> scratch_;
  std::size_t used_ = 0;
  std::ofstream out_;
  std::uint64_t disks_ = 0, patterns_ = 0, refused_ = 0, rings_ = 0;
  std::string reason_;
};

Expected<void> detect(const DetectOptions& options) {
  std::optional<tbb::global_control> limit;
  if (options.threads > 0) limit.emplace(tbb::global_control::max_allowed_parallelism, options.threads);
  Detection detection(options);
  if (auto done = detection.prepare(); !done) return done;
  auto done = for_each_frame(options.source, "detecting", options.wait_s,
                             [&](const SourceFrame& frame) { return detection.take(frame); });
  if (!done) {
    std::remove((options.out + ".part").c_str());
    return done;
  }
  return detection.finish();
}

}  // namespace

Run add_detect(CLI::App& app) {
  auto o = std::make_shared<DetectOptions>();
  add_source_arguments(app, o->source);
  app.add_option("--probe", o->probe, "image of the undiffracted disk (.npy or any recording; first frame)");
  app.add_option("--probe-radius", o->probe_radius, "its radius in pixels instead")
      ->check(CLI::PositiveNumber);
  app.add_option("--calibration", o->calibration,
                 "C.toml: qx, qy in 1/Å from the origin, its probe radius and mask");
  app.add_option("--out", o->out, "PEAKS.csv: pattern,qx,qy,intensity")->required();
  app.add_option("--method", o->method,
                 "fast: sums over the disk and a fit; correlation: Fourier correlation as py4DSTEM")
      ->check(CLI::IsMember({"fast", "correlation"}))
      ->capture_default_str();
  app.add_option("--min-spacing", o->min_spacing, "px; 0 = 1.5 probe radii")->check(CLI::NonNegativeNumber);
  app.add_option("--edge", o->edge, "px; centres nearer to the border are left out; 0 = the probe radius");
  app.add_option("--max-disks", o->max_disks, "strongest kept per pattern; 0 = 200");
  app.add_option("--false-disks", o->fast.false_disks_per_frame,
                 "fast: expected number of false disks per pattern")
      ->capture_default_str();
  app.add_option("--variance-per-count", o->fast.variance_per_count,
                 "fast: noise; 1 = counted electrons, 0 = found");
  app.add_option("--probe-edge", o->fast.probe_edge_px, "fast: width of the disk's edge, px; 0 = 1.2");
  app.add_option("--min-counts", o->fast.min_counts, "fast: absolute minimum of a disk's counts");
  app.add_option("--min-relative", o->fast.min_relative, "fast: relative to the strongest diffracted disk");
  app.add_option("--corr-power", o->correlation.corr_power, "correlation: 1 cross, 0 phase")
      ->capture_default_str();
  app.add_option("--sigma-dp", o->correlation.sigma_dp, "correlation: smoothing of the pattern, px")
      ->capture_default_str();
  app.add_option("--sigma-cc", o->correlation.sigma_cc, "correlation: smoothing of the map, px")
      ->capture_default_str();
  app.add_option("--min-absolute", o->correlation.min_absolute, "correlation: smallest value of the map");
  app.add_option("--min-correlation", o->correlation.min_relative, "correlation: relative to the strongest")
      ->capture_default_str();
  app.add_option("--subpixel", o->subpixel, "correlation: pixel, poly or multicorr")
      ->check(CLI::IsMember({"pixel", "poly", "multicorr"}))
      ->capture_default_str();
  app.add_option("--upsample", o->correlation.upsample_factor, "correlation: factor of multicorr")
      ->capture_default_str();
  app.add_option("--wait", o->wait_s, "seconds of silence after which an endpoint is given up")
      ->capture_default_str();
  app.add_option("--threads", o->threads, "0 = all");
  return [o] {
    const auto done = detect(*o);
    return done ? 0 : report(done.error());
  };
}

}  // namespace bragglive::command
