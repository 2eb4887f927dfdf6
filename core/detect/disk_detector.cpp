#include "core/detect/disk_detector.hpp"

#include <algorithm>
#include <cmath>

#include "core/detect/candidate_search.hpp"
#include "core/detect/disk_fitter.hpp"
#include "core/detect/disk_plan.hpp"
#include "core/detect/frame_loader.hpp"

namespace bragglive {

using detail::DiskFit;

struct DiskDetector::Scratch::Data {
  detail::WorkingFrame frame;
  detail::SearchScratch search;
  detail::DiskFitter::Scratch fitter;
  std::vector<DiskFit> fits;
};

DiskDetector::Scratch::Scratch() : data(std::make_unique<Data>()) {}
DiskDetector::Scratch::~Scratch() = default;
DiskDetector::Scratch::Scratch(Scratch&&) noexcept = default;
DiskDetector::Scratch& DiskDetector::Scratch::operator=(Scratch&&) noexcept = default;

namespace {

using Plan = DiskDetector::Plan;

// Of candidates closer than the spacing the strongest stays.
void choose(const Plan& p, const std::vector<detail::Candidate>& candidates, std::vector<DiskFit>& fits) {
  const auto spacing2 = static_cast<float>(p.spacing * p.spacing);
  const auto area = static_cast<float>(p.fitter.templates().area());
  fits.clear();
  for (const detail::Candidate& candidate : candidates) {
    if (fits.size() == p.config.max_disks) break;
    const bool free = std::none_of(fits.begin(), fits.end(), [&](const DiskFit& fit) {
      const float dr = fit.row - candidate.row;
      const float dc = fit.col - candidate.col;
      return dr * dr + dc * dc < spacing2;
    });
    if (!free) continue;
    DiskFit fit;
    fit.row = fit.start_row = candidate.row;
    fit.col = fit.start_col = candidate.col;
    fit.height = candidate.counts / area;
    fit.background = candidate.background;
    fit.by_row = candidate.by_row;
    fit.by_col = candidate.by_col;
    fits.push_back(fit);
  }
}

template <class Pixel>
double bright_sum(const Plan& p, const Pixel* image, double centre_row, double centre_col) {
  const double radius = 1.5 * p.config.probe_radius_px;
  const auto rows = static_cast<double>(p.shape.rows);
  const auto cols = static_cast<double>(p.shape.cols);
  if (!(std::abs(centre_row) < 1e5 && std::abs(centre_col) < 1e5)) return 0;
  std::uint64_t sum = 0;
  const double last = std::min(rows - 1, std::floor(centre_row + radius));
  for (double row = std::max(0.0, std::ceil(centre_row - radius)); row <= last; ++row) {
    const double half = std::sqrt(std::max(0.0, radius * radius - (row - centre_row) * (row - centre_row)));
    const double right = std::min(cols - 1, std::floor(centre_col + half));
    const Pixel* line = image + p.origin + static_cast<std::size_t>(row) * p.stride;
    for (double col = std::max(0.0, std::ceil(centre_col - half)); col <= right; ++col)
      sum += line[static_cast<std::size_t>(col)];
  }
  return static_cast<double>(sum);
}

void hand_out(const Plan& p, const std::vector<DiskFit>& fits, double variance, double unit,
              double centre_row, double centre_col, BraggList& disks) {
  const double direct2 = std::pow(1.5 * p.config.probe_radius_px, 2);
  double strongest = 0;
  for (const DiskFit& fit : fits) {
    const BraggPeak peak{static_cast<double>(fit.row), static_cast<double>(fit.col),
                         static_cast<double>(fit.counts) * unit};
    if (!(peak.intensity > 0) || peak.intensity < p.config.min_counts) continue;
    // A fit that ended on a stronger disk's place is a piece of that disk.
    const bool piece = std::any_of(disks.begin(), disks.end(), [&](const BraggPeak& other) {
      return std::pow(other.qx - peak.qx, 2) + std::pow(other.qy - peak.qy, 2) < 0.36 * p.spacing * p.spacing;
    });
    // Between overlapping disks there are maxima of the sum that the fit explains away.
    const double certainty =
        fit.height_sigma > 0 ? static_cast<double>(fit.height / fit.height_sigma) / std::sqrt(variance) : 0;
    const double few_counts = 0.6 * std::sqrt(static_cast<double>(fit.counts) / variance);
    const bool ghost =
        fit.crowded && (certainty < 2.5 || (certainty < p.threshold && certainty < few_counts));
    if (piece || ghost) continue;
    disks.push_back(peak);
    const double from_centre2 = std::pow(peak.qx - centre_row, 2) + std::pow(peak.qy - centre_col, 2);
    if (!(from_centre2 < direct2)) strongest = std::max(strongest, peak.intensity);
  }
  if (p.config.min_relative > 0)
    std::erase_if(disks,
                  [&](const BraggPeak& peak) { return peak.intensity < p.config.min_relative * strongest; });
  std::sort(disks.begin(), disks.end(),
            [](const BraggPeak& a, const BraggPeak& b) { return a.intensity > b.intensity; });
}

}  // namespace

DetectStatus DiskDetector::detect(const FrameView& frame, double centre_row, double centre_col,
                                  Scratch& scratch, BraggList& disks, FrameSums& sums) const noexcept {
  const Plan& p = *plan_;
  Scratch::Data& s = *scratch.data;
  disks.clear();
  sums = {};
  if (frame.shape != p.shape || frame.pixels == nullptr) return DetectStatus::blank;
  s.fits.reserve(p.config.max_disks);
  disks.reserve(p.config.max_disks);
  const DetectStatus status = detail::load_frame(p, frame, s.frame);
  if (status != DetectStatus::ok) return status;

  const double variance = detail::find_candidates(p, s.frame, s.search);
  choose(p, s.search.candidates, s.fits);
  const auto fit = [&](const auto* image) {
    using Pixel = std::remove_cvref_t<decltype(*image)>;
    const std::uint8_t* usable = p.usable.empty() ? nullptr : p.usable.data() + p.origin;
    const detail::PaddedImage<Pixel> padded{image + p.origin, static_cast<std::ptrdiff_t>(p.stride),
                                            static_cast<int>(p.shape.rows), static_cast<int>(p.shape.cols),
                                            usable};
    p.fitter.fit_all(padded, std::span<DiskFit>(s.fits), s.fitter);
    sums.bright_field = bright_sum(p, image, centre_row, centre_col) * s.frame.unit;
  };
  if (s.frame.wide)
    fit(s.frame.wide_image.data());
  else
    fit(s.frame.narrow.data());
  sums.dark_field = s.frame.total * s.frame.unit - sums.bright_field;
  hand_out(p, s.fits, variance, s.frame.unit, centre_row, centre_col, disks);
  return DetectStatus::ok;
}

}  // namespace bragglive
