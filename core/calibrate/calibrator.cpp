#include "core/calibrate/calibrator.hpp"

#include <algorithm>
#include <limits>

#include "core/calibrate/bad_pixels.hpp"
#include "core/calibrate/estimation.hpp"
#include "core/detect/virtual_detectors.hpp"

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

void Calibrator::add_mass(std::uint64_t scan_index, const FrameView& frame) {
  if (!config_.find_rotation || scan_index >= scan_.positions() || frame.shape != frame_ ||
      frame.type != pixel_)
    return;
  if (mass_.row.empty()) {
    mass_.scan = scan_;
    mass_.row.assign(scan_.positions(), std::numeric_limits<double>::quiet_NaN());
    mass_.col = mass_.row;
  }
  const auto centre = [&]<class Pixel>(Pixel) {
    const detail::RawImage<Pixel> image{static_cast<const std::byte*>(frame.pixels),
                                        static_cast<int>(frame_.rows), static_cast<int>(frame_.cols)};
    return detail::mass_centre(image, InstructionSet::best);
  };
  const detail::MassCentre mass = pixel_ == PixelType::u8    ? centre(std::uint8_t{})
                                  : pixel_ == PixelType::u16 ? centre(std::uint16_t{})
                                  : pixel_ == PixelType::u32 ? centre(std::uint32_t{})
                                                             : centre(float{});
  mass_.row[scan_index] = mass.row;
  mass_.col[scan_index] = mass.col;
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

Expected<CalibrationReport> Calibrator::finish() const {
  if (indices_.empty()) return fail(ErrorArea::numeric, "calibration: no frame was collected");
  detail::Estimation estimation(config_, scan_, indices_, [this](std::size_t i) { return view(i); });
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

  const auto detected = estimation.find_probe_and_origin(masked);
  if (!detected) return tl::unexpected(detected.error());
  estimation.collect_vectors(*detected);
  estimation.rings_instead(*detected);
  if (const auto scaled = estimation.find_shape_and_scale(); !scaled) return tl::unexpected(scaled.error());
  report.rotation = fit_scan_rotation(mass_);
  if (report.rotation.found) {
    c.rotation_deg = report.rotation.rotation_deg;
    c.mirror = report.rotation.mirror;
    report.notes.push_back("the centres of mass show the scan's rotation, up to half a turn");
  }
  estimation.pick_examples(*detected);
  if (const auto good = validate(c); !good) return tl::unexpected(good.error());
  return std::move(report);
}

}  // namespace bragglive
