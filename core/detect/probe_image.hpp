// What the undiffracted disk looks like where it is no evenly lit round disk.
#pragma once
#include <cstdint>
#include <vector>

#include "core/frame/error.hpp"

namespace bragglive {

struct ProbeImage {
  std::uint32_t side = 0;     // odd; the disk's centre is that of the middle pixel. 0 = a soft-edged disk
  std::vector<float> values;  // side * side, row-major, background taken off, none negative

  bool empty() const { return side == 0; }
  float at(std::uint32_t row, std::uint32_t col) const { return values[row * side + col]; }
  bool operator==(const ProbeImage&) const = default;
};

// Odd side from 3 to 511, as many values, finite, not negative, not all zero.
Expected<void> validate(const ProbeImage& probe);

// Correlation coefficient with the soft-edged disk of radius R and edge w that fits it best, R within a third
// of the radius given.
double disk_likeness(const ProbeImage& probe, double radius_px);
// Below this the fits of soft-edged disks are not to be trusted.
constexpr double k_least_disk_likeness = 0.85;

}  // namespace bragglive
