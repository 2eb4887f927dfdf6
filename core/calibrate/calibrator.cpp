#include "core/calibrate/calibrator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/calibrate/bad_pixels.hpp"
#include "core/detect/correlation_detector.hpp"
#include "core/detect/disk_detector.hpp"

namespace bragglive {

Expected<Calibrator> Calibrator::create(const CalibratorConfig& config, FrameShape frame, PixelType pixel,
                                        ScanShape scan) {
  if (frame.rows < 8 || frame.cols < 8 || frame.rows > k_max_detector_side ||
      frame.cols > k_max_detector_side)
    return fail(ErrorArea::shape, "calibration: frames of {} x {}; sides must be 8 to {}", frame.rows,
                frame.cols, k_max_detector_side);
  if (scan.positions() == 0 || scan.positions() > k_max_scan_positions)
    return fail(ErrorArea::shape, "calibration: a scan of {} x {} positions", scan.rows, scan.cols);
  Calibrator calibrator;
  calibrator.config_ = config;
  calibrator.frame_ = frame;
  calibrator.pixel_ = pixel;
  calibrator.scan_ = scan;
  const std::size_t bytes = frame.pixels() * bytes_per_pixel(pixel);
  calibrator.limit_ =
      std::clamp<std::size_t>(config.max_bytes / bytes, 1, std::max<std::size_t>(1, config.max_frames));
  std::uint64_t stride = (scan.positions() + calibrator.limit_ - 1) / calibrator.limit_;
  // A stride that shares a factor with the row length would look at the same columns again and again.
  while (stride > 1 && scan.cols > 1 && scan.cols % stride == 0) ++stride;
  calibrator.stride_ = stride;
  return calibrator;
}

void Calibrator::add(std::uint64_t scan_index, const FrameView& frame) {
  if (!wants(scan_index) || scan_index >= scan_.positions() || frame.shape != frame_ || frame.type != pixel_)
    return;
  if (indices_.size() >= limit_) return;
  indices_.push_back(scan_index);
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  pixels_.insert(pixels_.end(), bytes, bytes + frame.bytes());
}

FrameView Calibrator::view(std::size_t i) const {
  return {pixels_.data() + i * frame_.pixels() * bytes_per_pixel(pixel_), frame_, pixel_};
}

// Mean over the frames; a masked pixel is the mean of its sound neighbours.
RealImage Calibrator::mean_of(const std::vector<std::uint8_t>& masked) const {
  RealImage mean{frame_, std::vector<double>(frame_.pixels(), 0)};
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    const RealImage image = to_real(view(i));
    for (std::size_t k = 0; k < image.pixels.size(); ++k) mean.pixels[k] += image.pixels[k];
  }
  for (double& value : mean.pixels) value /= static_cast<double>(indices_.size());
  if (masked.empty()) return mean;
  const RealImage raw = mean;
  const auto rows = static_cast<int>(frame_.rows);
  const auto cols = static_cast<int>(frame_.cols);
  for (int row = 0; row < rows; ++row)
    for (int col = 0; col < cols; ++col) {
      const auto at = static_cast<std::size_t>(row * cols + col);
      if (!masked[at]) continue;
      double sum = 0;
      int count = 0;
      for (int dr = -1; dr <= 1; ++dr)
        for (int dc = -1; dc <= 1; ++dc) {
          const int r = row + dr;
          const int c = col + dc;
          if (r < 0 || c < 0 || r >= rows || c >= cols || masked[static_cast<std::size_t>(r * cols + c)])
            continue;
          sum += raw.pixels[static_cast<std::size_t>(r * cols + c)];
          ++count;
        }
      mean.pixels[at] = count > 0 ? sum / count : 0;
    }
  return mean;
}

namespace {

struct Detected {
  std::vector<BraggList> disks;
  std::vector<OriginSample> origins;
};

// The state that the steps of one calibration hand on.
class Estimation {
 public:
  Estimation(const CalibratorConfig& config, ScanShape scan, const std::vector<std::uint64_t>& indices)
      : config_(config), scan_(scan), indices_(indices) {}

  // Disks in all frames and the direct beam in each of them.
  template <class View>
  Expected<Detected> detect(const View& view, FrameShape shape, double radius, double edge,
                            double search_px) {
    DiskDetectorConfig detector;
    detector.probe_radius_px = radius;
    detector.probe_edge_px = edge;
    detector.masked_pixels = report_.calibration.masked_pixels;
    detector.edge_px = 1;
    const auto made = DiskDetector::create(detector, shape);
    if (!made) return tl::unexpected(made.error());
    DiskDetector::Scratch scratch;
    Detected result;
    FrameSums sums;
    for (std::size_t i = 0; i < indices_.size(); ++i) {
      BraggList disks;
      const ScanPosition at = position_of(scan_, indices_[i]);
      const auto centre = report_.calibration.origin(at);
      (void)made->detect(view(i), centre[0], centre[1], scratch, disks, sums);
      if (const auto beam = brightest_near(disks, centre[0], centre[1], search_px))
        result.origins.push_back({at, beam->qx, beam->qy});
      result.disks.push_back(std::move(disks));
    }
    return result;
  }

  // Without a visible beam (beam stop): the centre of Friedel pairs.
  Detected beams_from_pairs(Detected detected, double search_px) {
    if (!detected.origins.empty()) return detected;
    for (std::size_t i = 0; i < indices_.size(); ++i) {
      const ScanPosition at = position_of(scan_, indices_[i]);
      const auto centre = report_.calibration.origin(at);
      if (const auto middle = friedel_centre(detected.disks[i], centre[0], centre[1], search_px))
        detected.origins.push_back({at, middle->qx, middle->qy});
    }
    if (!detected.origins.empty())
      report_.notes.push_back("no direct beam seen: the origin comes from Friedel pairs");
    return detected;
  }

  Expected<void> set_origin(const Detected& detected) {
    const auto fit = fit_origin(detected.origins);
    if (!fit) return tl::unexpected(fit.error());
    report_.origin = *fit;
    report_.origins = detected.origins;
    report_.calibration.origin_row = fit->row;
    report_.calibration.origin_col = fit->col;
    return {};
  }

  void collect_vectors(const Detected& detected) {
    report_.vectors.clear();
    const double inner = inner_px();
    for (std::size_t i = 0; i < indices_.size(); ++i) {
      const auto origin = report_.calibration.origin(position_of(scan_, indices_[i]));
      for (const BraggPeak& disk : detected.disks[i]) {
        // Frames are left out in turn for the uncertainty; in a few frames, disks are.
        const std::size_t group = indices_.size() >= 10 ? i : report_.vectors.size();
        const RingVector vector{disk.qx - origin[0], disk.qy - origin[1], disk.intensity, group};
        if (std::hypot(vector.row, vector.col) > inner) report_.vectors.push_back(vector);
      }
    }
  }

  // Few disks: a ring pattern of many small crystals, perhaps.
  void rings_instead() {
    constexpr std::size_t k_few = 20;
    // Many small grains in few frames: a ring broken into "disks" is measured better as a ring.
    const bool few_frames = indices_.size() <= 4;
    if (report_.vectors.size() >= k_few && !few_frames) return;
    const auto& c = report_.calibration;
    const auto centre = c.origin({scan_.rows / 2, scan_.cols / 2});
    std::vector<RingVector> rings = ring_vectors(report_.mean, centre[0], centre[1], inner_px());
    if (!is_ring_pattern(rings)) return;
    report_.vectors = std::move(rings);
    report_.from_rings = true;
    report_.notes.push_back("a ring pattern: ellipse and pixel size come from the rings of the mean image");
  }

  void fit_shape() {
    if (!config_.find_ellipse) return;
    report_.ellipse = fit_ellipse(report_.vectors, inner_px());
    if (!report_.ellipse.found) {
      report_.notes.push_back(report_.ellipse.rings == 0
                                  ? "no ring with disks all around: the ellipse is taken as round"
                                  : "the rings are round within their uncertainty");
      return;
    }
    report_.calibration.ellipse_ratio = report_.ellipse.ratio;
    report_.calibration.ellipse_angle_deg = report_.ellipse.angle_deg;
    undo_ellipse(report_.vectors, report_.ellipse.ratio, report_.ellipse.angle_deg);
  }

  Expected<void> fit_scale() {
    Calibration& c = report_.calibration;
    if (!config_.known.empty()) {
      const auto fit = fit_pixel_size(report_.vectors, config_.known, inner_px(), config_.pixel_size_low,
                                      config_.pixel_size_high);
      if (!fit) return tl::unexpected(fit.error());
      report_.pixel_size = *fit;
      c.pixel_size_inv_angstrom = fit->pixel_size;
      c.pixel_size_sigma = fit->sigma;
      report_.pixel_size_known = true;
    } else if (config_.pixel_size > 0) {
      c.pixel_size_inv_angstrom = config_.pixel_size;
      report_.pixel_size_known = true;
    } else {
      report_.notes.push_back(
          "the pixel size is not known: give a known crystal or the pixel size before labelling with this");
    }
    return {};
  }

  template <class View>
  void pick_examples(const View& view, const Detected& detected) {
    std::vector<std::size_t> order(indices_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return detected.disks[a].size() > detected.disks[b].size();
    });
    for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
      report_.examples.push_back(
          {position_of(scan_, indices_[order[i]]), to_real(view(order[i])), detected.disks[order[i]]});
  }

  double inner_px() const {
    return std::max(2.0 * report_.calibration.probe_radius_px, report_.calibration.probe_radius_px + 3);
  }
  CalibrationReport& report() { return report_; }

 private:
  const CalibratorConfig& config_;
  ScanShape scan_;
  const std::vector<std::uint64_t>& indices_;
  CalibrationReport report_;
};

// The connected region around the maximum of a slightly smoothed mean image, down to half of it. Coarse, but
// it needs no flat top and does not mind other disks.
Expected<ProbeSize> coarse_probe(RealImage image) {
  RealImage scratch;
  gaussian_smooth(image, 1.0, scratch);
  const auto top = std::max_element(image.pixels.begin(), image.pixels.end());
  if (top == image.pixels.end() || !(*top > 0))
    return fail(ErrorArea::numeric, "calibration: the frames are empty");
  const auto rows = static_cast<std::ptrdiff_t>(image.shape.rows);
  const auto cols = static_cast<std::ptrdiff_t>(image.shape.cols);
  std::vector<std::ptrdiff_t> region{top - image.pixels.begin()};
  std::vector<std::uint8_t> inside(image.pixels.size(), 0);
  inside[static_cast<std::size_t>(region[0])] = 1;
  ProbeSize size;
  for (std::size_t i = 0; i < region.size(); ++i) {
    const std::ptrdiff_t row = region[i] / cols;
    const std::ptrdiff_t col = region[i] % cols;
    size.row += static_cast<double>(row);
    size.col += static_cast<double>(col);
    const std::array<std::array<std::ptrdiff_t, 2>, 4> sides{
        {{row - 1, col}, {row + 1, col}, {row, col - 1}, {row, col + 1}}};
    for (const auto& [r, c] : sides) {
      if (r < 0 || c < 0 || r >= rows || c >= cols) continue;
      const std::ptrdiff_t at = r * cols + c;
      if (inside[static_cast<std::size_t>(at)] || image.pixels[static_cast<std::size_t>(at)] < *top / 2)
        continue;
      inside[static_cast<std::size_t>(at)] = 1;
      region.push_back(at);
    }
  }
  const auto count = static_cast<double>(region.size());
  size.row /= count;
  size.col /= count;
  size.radius_px = std::max(1.0, std::sqrt(count / std::numbers::pi));
  return size;
}

}  // namespace

Expected<CalibrationReport> Calibrator::finish() const {
  if (indices_.empty()) return fail(ErrorArea::numeric, "calibration: no frame was collected");
  const auto frame_at = [this](std::size_t i) { return view(i); };
  Estimation estimation(config_, scan_, indices_);
  CalibrationReport& report = estimation.report();
  Calibration& c = report.calibration;
  c.detector = frame_;
  c.voltage_kv = config_.voltage_kv;
  c.scan_step_nm = config_.scan_step_nm;
  report.frames = indices_.size();
  report.positions = scan_.positions();

  c.masked_pixels = find_bad_pixels(mean_of({}), indices_.size());
  std::vector<std::uint8_t> masked(frame_.pixels(), 0);
  for (const std::uint32_t pixel : c.masked_pixels) masked[pixel] = 1;
  report.mean = mean_of(masked);

  const auto coarse = coarse_probe(report.mean);
  if (!coarse) return tl::unexpected(coarse.error());
  c.origin_row = {coarse->row, 0, 0};
  c.origin_col = {coarse->col, 0, 0};
  double radius = config_.probe_radius_px > 0 ? config_.probe_radius_px : std::max(0.8, coarse->radius_px);
  double edge = 0;
  Detected detected;
  // First with the coarse radius, then with the one that the frames themselves show about their fitted
  // origins.
  for (int round = 0; round < 2; ++round) {
    const double search = std::max(4.0, (round == 0 ? 2.5 : 1.5) * radius);
    auto found = estimation.detect(frame_at, frame_, radius, edge, search);
    if (!found) return tl::unexpected(found.error());
    detected = estimation.beams_from_pairs(std::move(*found), std::max(search, 0.1 * frame_.rows));
    if (const auto placed = estimation.set_origin(detected); !placed) return tl::unexpected(placed.error());
    if (round == 1) break;
    RadialProfile profile(std::min(frame_.rows, frame_.cols) / 2.0, 0.25);
    const std::size_t step = std::max<std::size_t>(1, indices_.size() / 200);
    for (std::size_t i = 0; i < indices_.size(); i += step) {
      const auto origin = c.origin(position_of(scan_, indices_[i]));
      profile.add(view(i), origin[0], origin[1], masked);
    }
    const auto probe = fit_probe(profile, radius);
    if (probe) {
      if (!(config_.probe_radius_px > 0)) radius = std::max(0.6, probe->radius_px);
      edge = std::clamp(probe->edge_px, 0.3, std::max(1.0, radius));
    } else if (!(config_.probe_radius_px > 0)) {
      report.notes.push_back(probe.error().message);
    }
  }
  c.probe_radius_px = radius;
  report.probe_edge_px = edge;
  estimation.collect_vectors(detected);
  estimation.rings_instead();
  estimation.fit_shape();
  if (const auto scaled = estimation.fit_scale(); !scaled) return tl::unexpected(scaled.error());
  estimation.pick_examples(frame_at, detected);
  if (const auto good = validate(c); !good) return tl::unexpected(good.error());
  return std::move(report);
}

}  // namespace bragglive
