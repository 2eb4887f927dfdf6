#include "core/detect/disk_detector.hpp"

#include <algorithm>
#include <cmath>

#include "core/detect/candidate_search.hpp"
#include "core/detect/disk_fitter.hpp"
#include "core/detect/disk_plan.hpp"
#include "core/detect/halo.hpp"
#include "core/detect/reduced_frame.hpp"
#include "core/detect/ring_test.hpp"
#include "core/detect/virtual_detectors.hpp"

namespace bragglive {

using detail::DiskFit;

struct DiskDetector::Scratch::Data {
  detail::ReducedFrame frame;
  detail::SearchScratch search;
  detail::EventSearch::Scratch events;
  detail::DiskFitter::Scratch fitter;
  detail::Halo halo;
  std::vector<DiskFit> fits;
  ShapedProbe::Scratch shaped;
};

DiskDetector::Scratch::Scratch() : data(std::make_unique<Data>()) {}
DiskDetector::Scratch::~Scratch() = default;
DiskDetector::Scratch::Scratch(Scratch&&) noexcept = default;
DiskDetector::Scratch& DiskDetector::Scratch::operator=(Scratch&&) noexcept = default;

namespace {

using Plan = DiskDetector::Plan;
constexpr std::size_t k_ring_pieces = 8;  // fewer may be chance
constexpr double k_wide_px = 6;           // radius; under smaller disks a halo is a plane

// Of candidates closer than the spacing the strongest stays.
void choose(const Plan& p, const detail::SearchScratch& search, std::vector<DiskFit>& fits) {
  const auto spacing2 = static_cast<float>(p.spacing * p.spacing);
  fits.clear();
  for (const detail::SearchScratch::Rank& candidate : search.ranks) {
    if (fits.size() == p.config.max_disks) break;
    const bool free = std::none_of(fits.begin(), fits.end(), [&](const DiskFit& fit) {
      const float dr = fit.row - candidate.row;
      const float dc = fit.col - candidate.col;
      return dr * dr + dc * dc < spacing2;
    });
    if (free) fits.push_back(search.candidates[candidate.which]);
  }
}

// A handful of counts gives the same sum wherever all of them are on the disk: such a start may be a radius
// off. Its counts' centroid, in a few steps, is a better one.
template <class Pixel>
void recentre(const Plan& p, const detail::RawImage<Pixel>& image, const detail::Noise& noise, DiskFit& fit) {
  constexpr int k_steps = 2;
  constexpr float k_handful = 6;  // counts
  const auto area = static_cast<float>(p.fitter.templates().area());
  const float counts = fit.height * area;
  if (!(counts < k_handful * static_cast<float>(noise.per_count)) || fit.background * area > 0.3f * counts)
    return;
  const auto radius = static_cast<float>(p.config.probe_radius_px + 0.5);
  for (int step = 0; step < k_steps; ++step) {
    float sum = 0;
    float row_sum = 0;
    float col_sum = 0;
    const int last = std::min(image.rows - 1, static_cast<int>(fit.row + radius));
    for (int row = std::max(0, static_cast<int>(std::ceil(fit.row - radius))); row <= last; ++row) {
      const float down = static_cast<float>(row) - fit.row;
      const float half = std::sqrt(std::max(0.0f, radius * radius - down * down));
      const int right = std::min(image.cols - 1, static_cast<int>(fit.col + half));
      const std::size_t line = image.index(row, 0);
      for (int col = std::max(0, static_cast<int>(std::ceil(fit.col - half))); col <= right; ++col) {
        const float value = image.counts(line + static_cast<std::size_t>(col));
        if (value == 0) continue;
        sum += value;
        row_sum += value * down;
        col_sum += value * (static_cast<float>(col) - fit.col);
      }
    }
    if (!(sum > 0)) return;
    const float row_step = row_sum / sum;
    const float col_step = col_sum / sum;
    fit.row += row_step;
    fit.col += col_step;
    if (row_step * row_step + col_step * col_step < 0.04f) return;
  }
}

// Leaves the fits that pass the strict test where disks may be.
template <class Pixel>
void judge(const Plan& p, const detail::RawImage<Pixel>& image, const detail::Noise& noise,
           std::vector<DiskFit>& fits) {
  std::erase_if(fits, [&](const DiskFit& fit) {
    const int row = static_cast<int>(fit.row + 0.5f);
    const int col = static_cast<int>(fit.col + 0.5f);
    if (!(fit.row >= static_cast<float>(p.edge) - 0.5f) || !(fit.col >= static_cast<float>(p.edge) - 0.5f) ||
        row + p.edge >= image.rows || col + p.edge >= image.cols)
      return true;
    if (!p.centre_ok.empty() && !p.centre_ok[image.index(row, col)]) return true;
    const double variance = noise.counted ? noise.per_count : detail::local_noise(p, image, row, col, noise);
    return !detail::is_disk(p, fit, variance);
  });
}

template <class Pixel>
void sum_up(const Plan& p, const detail::ReducedFrame& frame, const detail::RawImage<Pixel>& image,
            double centre_row, double centre_col, FrameSums& sums) {
  const double unit = 1 / frame.factor;
  const double total = frame.total * unit;
  const auto within = [&](double radius) {
    return detail::counts_within(image, centre_row, centre_col, radius) * unit;
  };
  const DiskDetectorConfig& c = p.config;
  sums.bright_field = within(1.5 * c.probe_radius_px);
  sums.dark_field = total - sums.bright_field;
  const double outer = c.annular_outer_px > 0 ? within(c.annular_outer_px) : total;
  sums.annular_dark_field =
      std::max(0.0, outer - within(c.annular_inner_px > 0 ? c.annular_inner_px : 3 * c.probe_radius_px));
  const detail::MassCentre mass =
      frame.mass_known ? frame.mass : detail::mass_centre(image, c.instruction_set);
  sums.com_row = mass.row - centre_row;
  sums.com_col = mass.col - centre_col;
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
    // Between overlapping disks there are maxima of the sum that the fit
    // explains away.
    const double certainty =
        fit.height_sigma > 0 ? static_cast<double>(fit.height / fit.height_sigma) / std::sqrt(variance) : 0;
    const double few_counts = 0.6 * std::sqrt(static_cast<double>(fit.counts) / variance);
    const bool ghost = fit.crowded && !fit.placed &&
                       (certainty < 2.5 || (certainty < p.threshold && certainty < few_counts));
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

// The reference way.
template <class Pixel>
void find_shaped(const Plan& p, const detail::ReducedFrame& frame, const detail::RawImage<Pixel>& image,
                 ShapedProbe::Scratch& scratch, BraggList& disks) {
  scratch.image.shape = p.shape;
  scratch.image.pixels.resize(p.shape.pixels());
  for (std::size_t i = 0; i < p.shape.pixels(); ++i)
    scratch.image.pixels[i] = static_cast<double>(image.counts(i));
  p.shaped->detect(frame.noise.per_count, scratch, disks);
  for (BraggPeak& disk : disks) disk.intensity /= frame.factor;
  std::erase_if(disks, [&](const BraggPeak& disk) {
    const auto at =
        image.index(static_cast<int>(std::lround(disk.qx)), static_cast<int>(std::lround(disk.qy)));
    return disk.intensity < p.config.min_counts || (!p.centre_ok.empty() && !p.centre_ok[at]);
  });
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
  const DetectStatus status = detail::reduce_frame(p, frame, s.frame);
  if (status != DetectStatus::ok) return status;
  if (p.shaped) {
    detail::with_pixels(s.frame, p.shape, frame.type, p.usable, [&](const auto& image) {
      find_shaped(p, s.frame, image, s.shaped, disks);
      sum_up(p, s.frame, image, centre_row, centre_col, sums);
    });
    return DetectStatus::ok;
  }
  const bool by_events = p.events.suits(s.frame);
  if (!by_events) detail::find_candidates(p, frame.type, s.frame, s.search);
  const double unit = 1 / s.frame.factor;
  std::size_t pieces = 0;
  detail::with_pixels(s.frame, p.shape, frame.type, p.usable, [&](const auto& image) {
    if (by_events) p.events.find(image, s.frame.total, s.events, s.search);
    choose(p, s.search, s.fits);
    if (s.frame.noise.counted && !by_events)
      for (DiskFit& fit : s.fits) recentre(p, image, s.frame.noise, fit);
    p.fitter.fit_all(image, std::span<DiskFit>(s.fits), s.fitter);
    judge(p, image, s.frame.noise, s.fits);
    const bool halo = p.config.probe_radius_px >= k_wide_px &&
                      s.halo.find(image, s.fits, p.fitter.templates().reach(), centre_row, centre_col);
    p.fitter.fit_again(image, halo ? &s.halo : nullptr, std::span<DiskFit>(s.fits), s.fitter);
    pieces = detail::drop_ring_pieces(image, p.config.probe_radius_px, centre_row, centre_col, s.fits);
    sum_up(p, s.frame, image, centre_row, centre_col, sums);
  });
  hand_out(p, s.fits, s.frame.noise.per_count, unit, centre_row, centre_col, disks);
  return pieces >= k_ring_pieces && pieces > disks.size() ? DetectStatus::rings : DetectStatus::ok;
}

}  // namespace bragglive
