// Bragg spots + diffuse light + detector -> the counts of one frame.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/bloch/scan/detector_model.hpp"
#include "core/bloch/scan/diffuse_background.hpp"
#include "core/bloch/scan/disk_sectors.hpp"
#include "core/detect/bragg_list.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive {

// One crystal's spots (1/Å, direct beam included) and the electrons that its unit intensity stands for.
struct WeightedSpots {
  std::span<const BraggPeak> spots;
  double electrons = 0;
  std::uint32_t sector = 0;  // direction of incidence: its part of every disk is drawn (see DiskSectors)
};

struct PatternContent {
  std::span<const WeightedSpots> crystals;  // overlapping crystals add up
  DiffuseShares diffuse;                    // electrons
};

// Thread-safe; one Scratch per thread. The counts are a function of (detector, content, seed, scan index)
// alone.
class PatternRenderer {
 public:
  struct Scratch {
    std::vector<float> expected;  // row-major; of the last expected_counts() or render()
  };

  static Expected<PatternRenderer> create(DetectorModel detector, ScanShape scan,
                                          const DiskSectors& sectors = DiskSectors());

  // Mean electrons per pixel before counting: disks and diffuse light; gaps, defects and saturation are not
  // yet in it.
  void expected_counts(std::array<double, 2> origin, const PatternContent& content,
                       Scratch& scratch) const noexcept;
  // Poisson counts with gaps, dead and hot pixels and saturation. `frame`:
  // detector().geometry.detector.pixels() pixels of detector().pixel (not f32), native-endian, any alignment.
  void render(ScanPosition at, std::uint64_t seed, const PatternContent& content, Scratch& scratch,
              std::span<std::byte> frame) const noexcept;

  // Pixel (row, column) of the direct beam at this position: the calibration's plane plus the jitter.
  std::array<double, 2> origin(ScanPosition at, std::uint64_t seed) const noexcept;
  const DetectorModel& detector() const;
  ScanShape scan() const;

 private:
  struct Plan;
  explicit PatternRenderer(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}
  std::shared_ptr<const Plan> plan_;
};

}  // namespace bragglive
