// Bragg-disk detection on one frame: the live default.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/detect/probe_image.hpp"
#include "core/detect/simd.hpp"
#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive {

struct DiskDetectorConfig {
  double probe_radius_px = 3.0;  // radius of the undiffracted disk, detector pixels; > 0.5
  // Width w of its soft edge, 1 / (1 + exp(4 (r - R) / w)), as the pixels
  // record it; 0 = 1.2.
  double probe_edge_px = 0;
  // What the disk looks like where it is no soft-edged one; empty = it is. An image that is a disk after all
  // (disk_likeness) changes nothing; any other sends the detector the reference way: see slow_reason().
  ProbeImage probe;
  // Expected number of noise maxima taken for disks: sets the threshold from
  // counting statistics, so that it holds at any dose.
  double false_disks_per_frame = 0.02;
  // Variance of the noise per count: 1 for counted electrons, the gain for a
  // camera; 0 = found in each frame, at least 1.
  double variance_per_count = 0;
  double min_counts = 0;          // absolute floor on a disk's background-free counts; 0
                                  // = statistics alone
  double min_relative = 0;        // floor relative to the strongest disk outside the
                                  // direct beam; 0 = off
  double min_spacing_px = 0;      // disks closer than this: the stronger wins; 0
                                  // = 1.5 probe radii, at least 3 px
  std::uint32_t edge_px = 0;      // centres nearer to the border are dropped; 0 =
                                  // the probe radius, rounded up
  std::uint32_t max_disks = 200;  // strongest kept; bounds the work on a frame that is all noise
  // Annular dark field: between these distances from the bright-field centre; 0 = 3 probe radii, and 0 = to
  // the frame's border.
  double annular_inner_px = 0, annular_outer_px = 0;
  // row * cols + col of hot, dead and gap pixels: replaced by their
  // surroundings in the search, left out of the fits.
  std::vector<std::uint32_t> masked_pixels;
  // For tests and for comparing machines; refused where the processor lacks it.
  InstructionSet instruction_set = InstructionSet::best;
};

// Virtual detectors of the same pass, in counts.
struct FrameSums {
  double bright_field = 0;  // inside 1.5 probe radii of `bright_field_centre`
  double dark_field = 0;    // everything else
  double annular_dark_field = 0;
  double com_row = 0, com_col = 0;  // centre of mass of the whole frame, px from the bright-field centre
};

enum class DetectStatus : std::uint8_t {
  ok = 1,
  blank,       // no pixel above zero
  saturated,   // every pixel at the type's maximum
  not_finite,  // float frame with NaN or infinity in more than masked pixels
  rings        // a powder pattern: what is left in the list are the disks that stand out from its rings
};

class DiskDetector {
 public:
  // Per-thread working memory; grows on the first frame, then stays.
  struct Scratch {
    Scratch();
    ~Scratch();
    Scratch(Scratch&&) noexcept;
    Scratch& operator=(Scratch&&) noexcept;
    struct Data;
    std::unique_ptr<Data> data;
  };

  // Fails when the probe does not fit the frame, the mask covers it, or a
  // number is out of range.
  static Expected<DiskDetector> create(const DiskDetectorConfig& config, FrameShape shape);
  DiskDetector(DiskDetector&&) noexcept;
  DiskDetector& operator=(DiskDetector&&) noexcept;
  ~DiskDetector();

  // Appends nothing to what was there: `disks` is cleared first. Result in
  // detector pixels, intensity in counts above the local background, sorted by
  // intensity, strongest first. `centre_row/col` (pixels) place the
  // bright-field disk. Re-entrant; allocation-free after warm-up.
  DetectStatus detect(const FrameView& frame, double centre_row, double centre_col, Scratch& scratch,
                      BraggList& disks, FrameSums& sums) const noexcept;

  const DiskDetectorConfig& config() const;
  // Why the fast way cannot serve this probe, in a sentence for a person; empty: it does.
  const std::string& slow_reason() const;
  FrameShape shape() const;

  struct Plan;  // internal: disk_plan.hpp
  const Plan& plan() const { return *plan_; }

 private:
  explicit DiskDetector(std::unique_ptr<const Plan> plan);
  std::unique_ptr<const Plan> plan_;
};

}  // namespace bragglive
