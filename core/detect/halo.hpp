// A background that depends on the distance from the beam alone, as diffuse scattering and amorphous films
// make it: its slope changes under a wide disk, which no plane through the pixels beside the disk can follow.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "core/detect/disk_fitter.hpp"
#include "core/detect/raw_image.hpp"

namespace bragglive::detail {

class Halo {
 public:
  // From the pixels that no disk reaches (`reach`: of one, px), in rings about the beam. false where these
  // are level within their noise.
  template <class Pixel>
  bool find(const RawImage<Pixel>& image, std::span<const DiskFit> fits, double reach, double beam_row,
            double beam_col);
  // Counts per pixel about the pixel at (row, col).
  RadialProfile about(int row, int col) const {
    return {profile_.data(), static_cast<int>(profile_.size()) - 1, k_per_px, static_cast<float>(row) - row_,
            static_cast<float>(col) - col_};
  }
  float at(int row, int col) const {
    const std::size_t entry = static_cast<std::size_t>(
        std::hypot(static_cast<float>(row) - row_, static_cast<float>(col) - col_) * k_per_px + 0.5f);
    return profile_[std::min(entry, profile_.size() - 1)];
  }

 private:
  template <class Pixel>
  void add_up(const RawImage<Pixel>& image, std::span<const DiskFit> fits, float reach, float far);
  void mark_disks(std::span<const DiskFit> fits, float reach, int rows, int cols);
  bool round() const;
  void draw(float far);

  static constexpr float k_per_px = 4;  // entries of the profile
  struct Ring {
    float level = 0;     // counts per pixel
    float distance = 0;  // of its pixels from the beam, mean, px
    float pixels = 0;
    float uneven = 0;  // sum over its pixels of how far octants lie from the mean, squared; noise taken off
  };
  float row_ = 0, col_ = 0;
  std::vector<unsigned char> disk_;  // of each block of pixels: a disk reaches it
  struct Sums {
    float counts = 0, distance = 0, pixels = 0;
  };
  using Sectors = std::array<Sums, 8>;
  void add_ring(const Sectors& sectors);

  std::vector<Sectors> sectors_;
  std::vector<Ring> rings_;
  std::vector<float> profile_;
};

}  // namespace bragglive::detail
