#include "core/detect/halo.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>

namespace bragglive::detail {
namespace {

constexpr int k_block = 4;  // px; also the width of a ring
constexpr float k_block_pixels = k_block * k_block;

float square(float x) {
  return x * x;
}

template <class Pixel>
bool usable(const RawImage<Pixel>& image, std::size_t corner) {
  if (image.usable == nullptr) return true;
  const unsigned char* row = image.usable + corner;
  for (int r = 0; r < k_block; ++r, row += image.cols)
    for (int c = 0; c < k_block; ++c)
      if (!row[c]) return false;
  return true;
}

template <class Pixel>
float counts_in(const RawImage<Pixel>& image, std::size_t corner) {
  std::array<Pixel, k_block * k_block> pixels;
  for (std::size_t row = 0; row < k_block; ++row)
    std::memcpy(pixels.data() + row * k_block,
                image.bytes + (corner + row * static_cast<std::size_t>(image.cols)) * sizeof(Pixel),
                k_block * sizeof(Pixel));
  if constexpr (std::is_integral_v<Pixel>) {
    std::uint64_t sum = 0;
    for (const Pixel pixel : pixels) sum += pixel;
    return static_cast<float>(sum);
  } else {
    float sum = 0;
    for (const Pixel pixel : pixels) sum += pixel > 0 ? pixel * image.factor : 0.0f;
    return sum;
  }
}

}  // namespace

template <class Pixel>
bool Halo::find(const RawImage<Pixel>& image, std::span<const DiskFit> fits, double reach, double beam_row,
                double beam_col) {
  row_ = static_cast<float>(beam_row);
  col_ = static_cast<float>(beam_col);
  const auto rows = static_cast<float>(image.rows);
  const auto cols = static_cast<float>(image.cols);
  const float far = std::hypot(std::max(row_, rows - row_), std::max(col_, cols - col_));
  if (!(far < 2 * (rows + cols))) return false;  // a beam that is nowhere near
  add_up(image, fits, static_cast<float>(reach), far);
  if (!round()) return false;
  draw(far);
  return true;
}

template <class Pixel>
void Halo::add_up(const RawImage<Pixel>& image, std::span<const DiskFit> fits, float reach, float far) {
  const int rows = image.rows / k_block;
  const int cols = image.cols / k_block;
  mark_disks(fits, reach, rows, cols);
  sectors_.assign(static_cast<std::size_t>(far / k_block) + 2, {});
  constexpr float k_middle = 0.5f * (k_block - 1);
  const unsigned char* disk = disk_.data();
  for (int row = 0; row < rows; ++row) {
    const float down = static_cast<float>(row * k_block) + k_middle - row_;
    for (int col = 0; col < cols; ++col) {
      if (*disk++) continue;
      const std::size_t corner = image.index(row * k_block, col * k_block);
      if (!usable(image, corner)) continue;
      const float right = static_cast<float>(col * k_block) + k_middle - col_;
      const float distance = std::sqrt(down * down + right * right);
      const bool upright = std::abs(down) > std::abs(right);
      const std::size_t octant = (down > 0 ? 4U : 0U) + (right > 0 ? 2U : 0U) + (upright ? 1U : 0U);
      Sums& sums = sectors_[static_cast<std::size_t>(distance / k_block)][octant];
      sums.counts += counts_in(image, corner);
      sums.distance += k_block_pixels * distance;
      sums.pixels += k_block_pixels;
    }
  }
  rings_.clear();
  for (const Sectors& sectors : sectors_) add_ring(sectors);
}

// Octants that stand out hold a disk that was not found.
void Halo::add_ring(const Sectors& sectors) {
  constexpr float k_fewest = 3 * k_block_pixels;
  constexpr float k_most = 3;  // standard deviations
  std::array<float, std::tuple_size_v<Sectors>> levels;
  std::size_t known = 0;
  Sums all;
  for (const Sums& sums : sectors) {
    if (sums.pixels > 0) levels[known++] = sums.counts / sums.pixels;
    all.counts += sums.counts;
    all.pixels += sums.pixels;
  }
  if (known == 0) return;
  const float level = all.counts / all.pixels;
  float uneven = -static_cast<float>(known - 1) * level;
  for (const Sums& sums : sectors)
    if (sums.pixels > 0) uneven += sums.pixels * square(sums.counts / sums.pixels - level);
  const auto middle = levels.begin() + static_cast<std::ptrdiff_t>((known - 1) / 2);
  std::nth_element(levels.begin(), middle, levels.begin() + static_cast<std::ptrdiff_t>(known));
  all = {};
  for (const Sums& sums : sectors) {
    const float expected = *middle * sums.pixels;
    if (sums.counts > expected + k_most * std::sqrt(expected + 1)) continue;
    all.counts += sums.counts;
    all.distance += sums.distance;
    all.pixels += sums.pixels;
  }
  if (all.pixels >= k_fewest)
    rings_.push_back({all.counts / all.pixels, all.distance / all.pixels, all.pixels, uneven});
}

void Halo::mark_disks(std::span<const DiskFit> fits, float reach, int rows, int cols) {
  disk_.assign(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols), 0);
  const float radius = (reach + 1) / k_block + 0.7f;
  constexpr float k_middle = 0.5f * (k_block - 1) / k_block;
  for (const DiskFit& fit : fits) {
    const float at_row = fit.row / k_block - k_middle;
    const float at_col = fit.col / k_block - k_middle;
    const int last = std::min(rows - 1, static_cast<int>(at_row + radius));
    for (int row = std::max(0, static_cast<int>(std::ceil(at_row - radius))); row <= last; ++row) {
      const float down = static_cast<float>(row) - at_row;
      const float half = std::sqrt(std::max(0.0f, radius * radius - down * down));
      const int left = std::max(0, static_cast<int>(std::ceil(at_col - half)));
      const int right = std::min(cols - 1, static_cast<int>(at_col + half));
      for (int col = left; col <= right; ++col)
        disk_[static_cast<std::size_t>(row) * static_cast<std::size_t>(cols) +
              static_cast<std::size_t>(col)] = 1;
    }
  }
}

// Whether the rings differ by more than counts do, and a ring's octants by much less than rings: the diffuse
// scattering of a crystal does not depend on the distance alone.
bool Halo::round() const {
  constexpr float k_most_uneven = 0.1F;
  float pixels = 0;
  float counts = 0;
  float uneven = 0;
  for (const Ring& ring : rings_) {
    pixels += ring.pixels;
    counts += ring.level * ring.pixels;
    uneven += ring.uneven;
  }
  if (rings_.size() < 4 || !(counts > 0)) return false;
  const float mean = counts / pixels;
  float squares = 0;
  for (const Ring& ring : rings_) squares += ring.pixels * square(ring.level - mean);
  const auto freedom = static_cast<float>(rings_.size() - 1);
  return squares > mean * (freedom + 5 * std::sqrt(2 * freedom)) && uneven < k_most_uneven * squares;
}

// A cubic from ring to ring that has their slopes; level inside the first and outside the last.
void Halo::draw(float far) {
  profile_.resize(static_cast<std::size_t>(far * k_per_px) + 2);
  const auto slope = [&](std::size_t k) {
    if (k == 0 || k + 1 == rings_.size()) return 0.0f;
    return (rings_[k + 1].level - rings_[k - 1].level) / (rings_[k + 1].distance - rings_[k - 1].distance);
  };
  std::size_t k = 0;  // the ring behind
  for (std::size_t i = 0; i < profile_.size(); ++i) {
    const float at = static_cast<float>(i) / k_per_px;
    while (k + 1 < rings_.size() && rings_[k + 1].distance <= at) ++k;
    if (at < rings_[0].distance || k + 1 == rings_.size()) {
      profile_[i] = rings_[k].level;
      continue;
    }
    const float width = rings_[k + 1].distance - rings_[k].distance;
    const float t = (at - rings_[k].distance) / width;
    const float rest = 1 - t;
    profile_[i] = rest * rest * ((1 + 2 * t) * rings_[k].level + t * width * slope(k)) +
                  t * t * ((1 + 2 * rest) * rings_[k + 1].level - rest * width * slope(k + 1));
  }
}

#define BL_INSTANTIATE(Pixel) \
  template bool Halo::find(const RawImage<Pixel>&, std::span<const DiskFit>, double, double, double);
BL_FOR_EACH_PIXEL(BL_INSTANTIATE)
#undef BL_INSTANTIATE

}  // namespace bragglive::detail
