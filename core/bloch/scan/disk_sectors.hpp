// Directions of incidence inside the probe's cone, and how the pattern inside a diffraction disk is made of
// them.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace bragglive {

// A direction on the axis and rings of 6, 12, 18 … around it: 1, 7, 19, 37, 61 … in all. One: the whole disk
// has the intensity of the axis. More: at each point of the disk the intensities of the nearest directions
// are mixed smoothly.
class DiskSectors {
 public:
  // `samples` is rounded down to the next of these numbers; at least 1.
  explicit DiskSectors(std::uint32_t samples = 1);
  std::size_t size() const { return centres_.size(); }
  // In units of the disk's radius, along (qx, qy).
  const std::vector<std::array<double, 2>>& centres() const { return centres_; }
  const std::vector<double>& shares() const { return shares_; }  // of the disk's electrons; add up to 1
  // Weights of all directions at a point of the disk (radius = 1); they add up to 1.
  void weights(double x, double y, std::span<double> out) const;

 private:
  double width_ = 1;
  std::vector<std::array<double, 2>> centres_;
  std::vector<double> shares_;
};

}  // namespace bragglive
