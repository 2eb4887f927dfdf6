// Rings are not disks: a powder pattern's rings break into pieces that look like disks along the radius only.
#pragma once
#include <cstddef>
#include <vector>

#include "core/detect/disk_fitter.hpp"
#include "core/detect/raw_image.hpp"

namespace bragglive::detail {

// Drops the fits whose surroundings along the circle about (centre_row, centre_col) explain more than half of
// what they have above the circles beside it; returns how many. The strongest fit near the centre takes its
// place. A disk whose neighbours along the circle are dark costs a few pixels; only ridges are looked at all
// around.
template <class Pixel>
std::size_t drop_ring_pieces(const RawImage<Pixel>& image, double radius_px, double centre_row,
                             double centre_col, std::vector<DiskFit>& fits) noexcept;

}  // namespace bragglive::detail
