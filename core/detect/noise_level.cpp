#include "core/detect/noise_level.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/detect/disk_plan.hpp"

namespace bragglive::detail {

using Plan = DiskDetector::Plan;

namespace {

constexpr std::size_t k_samples = 256;
constexpr std::size_t k_cols = 9;
constexpr float k_least_counts = 12;
constexpr double k_third = 0.186;

float mismatch(float left, float middle, float right) {
  const float difference = middle - 0.5f * (left + right);
  return difference * difference / (0.5f * (left + middle + right));
}

// Whole vectors are read.
constexpr std::size_t k_lanes = 16;

// A Kronecker sequence spreads the samples evenly over any shape.
template <class Pixel>
std::size_t sample_place(const RawImage<Pixel>& image, std::size_t i) {
  const std::size_t row_room = static_cast<std::size_t>(image.rows) - 2;
  const std::size_t col_room = static_cast<std::size_t>(image.cols) - k_lanes + 1;
  return ((i * 40503 & 0xffff) * row_room >> 16) * static_cast<std::size_t>(image.cols) +
         ((i * 24109 & 0xffff) * col_room >> 16);
}

struct BlockSums {
  std::array<float, k_samples> left, middle, right;
};

template <class Pixel, int... i>
BL_INLINE void load_columns(const std::byte* from, std::size_t pitch, std::integer_sequence<int, i...>,
                            std::uint32_t (&three)[k_cols]) {
  using Narrow __attribute__((vector_size(k_lanes * sizeof(Pixel)))) = Pixel;
  using Wide __attribute__((vector_size(k_lanes * sizeof(std::uint32_t)))) = std::uint32_t;
  Wide column = {};
  for (std::size_t row = 0; row < 3; ++row) {
    Narrow line;
    std::memcpy(&line, from + row * pitch, sizeof line);
    column += __builtin_convertvector(line, Wide);
  }
  // Sums of three neighbours.
  column += __builtin_shufflevector(column, column, ((i + 1) % static_cast<int>(k_lanes))...) +
            __builtin_shufflevector(column, column, ((i + 2) % static_cast<int>(k_lanes))...);
  std::memcpy(three, &column, sizeof three);
}

// Sums of three blocks of 3 x 3 pixels in line, for the samples first <= i < last.
template <class Pixel>
BL_INLINE void sum_blocks_body(const RawImage<Pixel>& image, std::size_t first, std::size_t last,
                               BlockSums& out) {
  const auto cols = static_cast<std::size_t>(image.cols);
  for (std::size_t i = first; i < last; ++i) {
    const std::size_t at = sample_place(image, i);
    if constexpr (sizeof(Pixel) <= 2) {
      std::uint32_t three[k_cols];
      load_columns<Pixel>(image.bytes + at * sizeof(Pixel), cols * sizeof(Pixel),
                          std::make_integer_sequence<int, k_lanes>(), three);
      out.left[i] = static_cast<float>(three[0]);
      out.middle[i] = static_cast<float>(three[3]);
      out.right[i] = static_cast<float>(three[6]);
    } else {
      float column[k_cols];
      for (std::size_t c = 0; c < k_cols; ++c)
        column[c] = image.counts(at + c) + image.counts(at + cols + c) + image.counts(at + 2 * cols + c);
      out.left[i] = column[0] + column[1] + column[2];
      out.middle[i] = column[3] + column[4] + column[5];
      out.right[i] = column[6] + column[7] + column[8];
    }
  }
}

template <class Pixel>
using SumBlocks = void (*)(const RawImage<Pixel>& image, std::size_t first, std::size_t last, BlockSums& out);

#define BL_SUM_BLOCKS(set, attribute)                                                                \
  template <class Pixel>                                                                             \
  attribute void sum_blocks_##set(const RawImage<Pixel>& image, std::size_t first, std::size_t last, \
                                  BlockSums& out) {                                                  \
    sum_blocks_body(image, first, last, out);                                                        \
  }
BL_FOR_EACH_SET(BL_SUM_BLOCKS)

template <class Pixel>
void add_block_mismatches(const RawImage<Pixel>& image, std::size_t first, std::size_t last,
                          InstructionSet set, BlockSums& sums, std::vector<float>& samples) {
  const SumBlocks<Pixel> plain = sum_blocks_plain<Pixel>;
  const SumBlocks<Pixel> avx2 = sum_blocks_avx2<Pixel>;
  const SumBlocks<Pixel> avx512 = sum_blocks_avx512<Pixel>;
  choose(set, plain, avx2, avx512)(image, first, last, sums);
  const std::size_t before = samples.size();
  samples.resize(before + (last - first));
  std::size_t count = before;
  for (std::size_t i = first; i < last; ++i) {
    samples[count] = mismatch(sums.left[i], sums.middle[i], sums.right[i]);
    count += sums.left[i] + sums.middle[i] + sums.right[i] >= k_least_counts;
  }
  samples.resize(count);
}

// 0: too few samples.
double third_of(std::vector<float>& samples, std::size_t least) {
  if (samples.size() < least) return 0;
  const auto third = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 3);
  std::nth_element(samples.begin(), third, samples.end());
  return static_cast<double>(*third);
}

template <class Pixel>
double single_third(const RawImage<Pixel>& image, std::vector<float>& samples) {
  samples.clear();
  const auto cols = static_cast<std::size_t>(image.cols);
  for (std::size_t i = 0; i < k_samples; ++i) {
    const std::size_t at = sample_place(image, i) + cols + 3;
    const float left = image.counts(at), middle = image.counts(at + 1), right = image.counts(at + 2);
    if (left + middle + right > 0) samples.push_back(mismatch(left, middle, right));
  }
  return third_of(samples, k_samples / 8);
}

// Where a sample holds a few counts only, single electrons fall on its blocks independently: variance per
// count of these, however much structure the rest of the frame has. Infinite when there are too few to tell.
double sparse_variance(const BlockSums& sums, std::size_t samples) {
  constexpr float k_few = 6;
  constexpr double k_least_pairs = 30;
  using Four = float __attribute__((vector_size(16)));
  Four squares = {}, expected = {}, pairs = {};
  for (std::size_t i = 0; i + 4 <= samples; i += 4) {
    Four left, middle, right;
    std::memcpy(&left, sums.left.data() + i, sizeof left);
    std::memcpy(&middle, sums.middle.data() + i, sizeof middle);
    std::memcpy(&right, sums.right.data() + i, sizeof right);
    const Four sum = left + middle + right;
    const Four zero = {};
    const Four few = sum > 1 ? (sum <= k_few ? zero + 1 : zero) : zero;
    const Four difference = middle - 0.5f * (left + right);
    squares += few * difference * difference;
    expected += few * sum;
    pairs += few * (sum - 1);
  }
  const auto total = [](const Four& v) { return static_cast<double>(v[0] + v[1] + v[2] + v[3]); };
  return total(pairs) < k_least_pairs ? std::numeric_limits<double>::infinity()
                                      : total(squares) / (0.5 * total(expected));
}

}  // namespace

template <class Pixel>
Noise noise_of(const RawImage<Pixel>& image, double total, InstructionSet set, std::vector<float>& samples) {
  constexpr double k_certain = 1.4;          // below, the estimate's own scatter could have done it
  constexpr double k_surely_counted = 1.15;  // from half of the samples
  if (image.rows < 3 || image.cols < static_cast<int>(k_lanes)) return {};
  // If a third of the samples had enough counts, there would be more than these in the frame.
  if (total < 0.03 * image.rows * image.cols) return {};
  samples.clear();
  BlockSums sums;
  add_block_mismatches(image, 0, k_samples / 2, set, sums, samples);
  if (sparse_variance(sums, k_samples / 2) < k_certain) return {};
  const double half = third_of(samples, k_samples / 6) / k_third;
  if (half > 0 && half < k_surely_counted) return {};
  add_block_mismatches(image, k_samples / 2, k_samples, set, sums, samples);
  if (sparse_variance(sums, k_samples) < k_certain) return {};
  Noise noise;
  noise.per_count = third_of(samples, k_samples / 3) / k_third;
  if (noise.per_count < k_certain) return {};
  noise.counted = false;
  if (const double single = single_third(image, samples); single > 0)
    noise.spread = std::clamp(noise.per_count * k_third / std::max(1e-6, single), 1.0, 2.0);
  return noise;
}

template <class Pixel>
double local_noise(const Plan& p, const RawImage<Pixel>& image, int row, int col, const Noise& noise) {
  const auto rows = static_cast<int>(p.shape.rows);
  const auto cols = static_cast<int>(p.shape.cols);
  const bool inside =
      row >= p.ring_reach && col >= p.ring_reach && row + p.ring_reach < rows && col + p.ring_reach < cols;
  const auto at = static_cast<std::ptrdiff_t>(image.index(row, col));
  std::array<double, Plan::k_sectors> found{};
  std::size_t count = 0;
  for (std::size_t sector = 0; sector < Plan::k_sectors; ++sector) {
    double n = 0, sum = 0, sum2 = 0;
    for (std::size_t i = p.sector_begin[sector]; i < p.sector_begin[sector + 1]; ++i) {
      const Plan::RingPixel& place = p.ring[i];
      if (!inside) {
        const int r = row + place.row;
        const int c = col + place.col;
        if (r < 0 || c < 0 || r >= rows || c >= cols) continue;
      }
      const auto value = static_cast<double>(image.counts(static_cast<std::size_t>(at + place.offset)));
      n += 1;
      sum += value;
      sum2 += value * value;
    }
    if (n >= 4 && sum > 0) found[count++] = (sum2 - sum * sum / n) / (n - 1) / (sum / n);
  }
  if (count < 3) return noise.per_count;
  const auto middle = found.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(found.begin(), middle, found.begin() + static_cast<std::ptrdiff_t>(count));
  return std::max(1.0, noise.spread * *middle);
}

#define BL_INSTANTIATE(Pixel)                                                                   \
  template Noise noise_of(const RawImage<Pixel>&, double, InstructionSet, std::vector<float>&); \
  template double local_noise(const Plan&, const RawImage<Pixel>&, int, int, const Noise&);
BL_FOR_EACH_PIXEL(BL_INSTANTIATE)
#undef BL_INSTANTIATE

}  // namespace bragglive::detail
