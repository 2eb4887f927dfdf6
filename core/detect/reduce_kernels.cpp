#include "core/detect/reduce_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace bragglive::detail {
namespace {

// 32 lanes whatever the processor has: narrower ones take two or four each.
using Words = std::uint16_t __attribute__((vector_size(64)));
using HalfWords = std::uint16_t __attribute__((vector_size(32)));
using WordPairs = std::uint32_t __attribute__((vector_size(64)));

BL_INLINE void load_run(const std::uint16_t* from, Words& words) {
  std::memcpy(&words, from, sizeof words);
}
BL_INLINE void load_run(const std::uint8_t* from, Words& words) {
  using Bytes = std::uint8_t __attribute__((vector_size(32)));
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  words = __builtin_convertvector(bytes, Words);
}

// 32 pixels, or the `n` that a row has left and zeros.
template <class Pixel, bool whole>
BL_INLINE void load_pixels(const std::byte* from, std::size_t n, Words& words) {
  Pixel run[k_cell_lanes];
  if constexpr (whole) {
    std::memcpy(run, from, sizeof run);
  } else {
    std::fill(run, run + k_cell_lanes, Pixel{0});
    std::memcpy(run, from, n * sizeof(Pixel));
  }
  load_run(run, words);
}

BL_INLINE double total(const WordPairs& value) {
  std::uint32_t part[16];
  std::memcpy(part, &value, sizeof part);
  std::uint64_t sum = 0;
  for (const std::uint32_t one : part) sum += one;
  return static_cast<double>(sum);
}

template <class V>
BL_INLINE void raise(const V& other, V& most) {
  most = most > other ? most : other;
}

BL_INLINE void spread(std::uint16_t value, Words& words) {
  std::uint16_t all[k_cell_lanes];
  std::fill(all, all + k_cell_lanes, value);
  std::memcpy(&words, all, sizeof words);
}

BL_INLINE bool any(const Words& flags) {
  std::uint64_t part[8];
  std::memcpy(part, &flags, sizeof part);
  return ((part[0] | part[1]) | (part[2] | part[3]) | (part[4] | part[5]) | (part[6] | part[7])) != 0;
}

BL_INLINE std::uint16_t highest_of(const Words& value) {
  std::uint16_t part[k_cell_lanes];
  std::memcpy(part, &value, sizeof part);
  return *std::max_element(part, part + k_cell_lanes);
}

template <class Pixel>
BL_INLINE double exact_sum(const std::byte* from, std::size_t pixels) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    Pixel value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    sum += value;
  }
  return static_cast<double>(sum);
}

BL_INLINE std::uint16_t bright_above(const Reduction& how) {
  return static_cast<std::uint16_t>(3 * how.column_most / 5);
}

// What whole rows need, made once.
template <class Pixel>
struct ColumnLimits {
  BL_INLINE explicit ColumnLimits(const Reduction& how) {
    spread(how.pixel_most, pixel_most);
    spread(how.column_most, column_most);
    spread(bright_above(how), bright);
  }
  Words pixel_most, column_most, bright;
};

constexpr std::size_t k_ahead =
    2048;  // bytes that are asked for in advance; beyond the frame's end that is harmless

struct BlockRow {
  const std::byte* pixels = nullptr;
  std::size_t rows = 0, cols = 0;
};

// 32 columns of a block from `x` on. Its rows are added up from the last to the first: the sum so far counts
// once more for each row above. `known_rows`: 0 = any number.
template <class Pixel, std::size_t known_rows, bool whole>
BL_INLINE void sum_columns_at(const BlockRow& block, std::size_t x, const Words& pixel_most, Words& highest,
                              WordPairs& inside, Words& column) {
  const std::size_t rows = known_rows ? known_rows : block.rows;
  column = Words{};
  for (std::size_t row = rows - 1;; --row) {
    Words value;
    const std::byte* const from = block.pixels + (row * block.cols + x) * sizeof(Pixel);
    __builtin_prefetch(from + k_ahead);
    load_pixels<Pixel, whole>(from, block.cols - x, value);
    raise(value, highest);
    column += value < pixel_most ? value : pixel_most;
    if (row == 0) break;
    WordPairs two;
    std::memcpy(&two, &column, sizeof two);
    inside += (two & 0xffff) + (two >> 16);
  }
}

BL_INLINE void add_pairs(const WordPairs& pairs, std::uint32_t* to) {
  WordPairs sum;
  std::memcpy(&sum, to, sizeof sum);
  sum += pairs;
  std::memcpy(to, &sum, sizeof sum);
}

template <class Pixel, std::size_t known_rows>
BL_INLINE void sum_block_row(const BlockRow& block, std::size_t first_row, const Reduction& how,
                             const ColumnLimits<Pixel>& limits, std::uint16_t* to, RowStats& stats,
                             bool& bright) {
  const int shift = how.shift;
  const std::size_t cols = block.cols;
  std::uint32_t* const even = stats.columns;
  std::uint32_t* const odd = stats.columns + stats.column_pairs;
  const Words pixel_most = limits.pixel_most;
  const Words column_most = limits.column_most;
  Words highest = {};
  Words highest_column = {};
  WordPairs sums = {};
  WordPairs inside = {};  // times the row within the block
  for (std::size_t x = 0; x < cols; x += k_cell_lanes) {
    Words column;
    if (x + k_cell_lanes <= cols)
      sum_columns_at<Pixel, known_rows, true>(block, x, pixel_most, highest, inside, column);
    else
      sum_columns_at<Pixel, known_rows, false>(block, x, pixel_most, highest, inside, column);
    WordPairs two;
    std::memcpy(&two, &column, sizeof two);
    sums += (two & 0xffff) + (two >> 16);
    add_pairs(two & 0xffff, even + x / 2);
    add_pairs(two >> 16, odd + x / 2);
    column >>= shift;
    raise(column, highest_column);
    column = column < column_most ? column : column_most;
    std::memcpy(to + x, &column, sizeof column);
  }
  double sum = total(sums);
  stats.by_row += static_cast<double>(first_row) * sum;
  if (block.rows > 1) stats.by_row += total(inside);
  // Compilers take vector comparisons apart; what a maximum changes says the same.
  Words over = pixel_most;
  Words over_column = limits.bright;
  raise(highest, over);
  raise(highest_column, over_column);
  if (any((over ^ pixel_most) | (over_column ^ limits.bright))) {
    const bool cut = highest_of(highest) > how.pixel_most;
    if (cut) sum = exact_sum<Pixel>(block.pixels, block.rows * cols);
    stats.moments &= !cut;
    stats.clamped |= cut || highest_of(highest_column) > how.column_most;
    bright = true;
  }
  stats.sum += sum;
}

template <class Pixel>
requires(sizeof(Pixel) <= 2) BL_INLINE
    void sum_columns(const BlockRow& block, std::size_t first_row, const Reduction& how,
                     const ColumnLimits<Pixel>& limits, std::uint16_t* to, RowStats& stats, bool& bright) {
  if (block.rows == 1) return sum_block_row<Pixel, 1>(block, first_row, how, limits, to, stats, bright);
  if (block.rows == 2) return sum_block_row<Pixel, 2>(block, first_row, how, limits, to, stats, bright);
  sum_block_row<Pixel, 0>(block, first_row, how, limits, to, stats, bright);
}

// One row of larger pixels.
template <class Pixel, bool first>
BL_INLINE void add_row(const std::byte* from, std::size_t n, const Reduction& how, std::uint16_t* work,
                       RowStats& stats) {
  double sum = 0;
  bool all_most = true;
  bool finite = true;
  bool over = false;
  const float most = how.pixel_most;
  for (std::size_t i = 0; i < n; ++i) {
    Pixel value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    all_most &= value == std::numeric_limits<Pixel>::max();
    if constexpr (std::is_floating_point_v<Pixel>) finite &= std::isfinite(value);
    sum += value > 0 ? static_cast<double>(value) : 0.0;
    const float scaled = static_cast<float>(value) * how.factor;
    over |= scaled > most;
    // NaN compares false and becomes the largest value.
    const float clamped = scaled < most ? scaled : most;
    const auto narrow =
        static_cast<std::uint16_t>(static_cast<std::int32_t>(clamped > 0 ? clamped + 0.5f : 0.0f));
    work[i] = static_cast<std::uint16_t>(first ? narrow : work[i] + narrow);
  }
  stats.sum += sum * static_cast<double>(how.factor);
  stats.all_most &= all_most;
  stats.finite &= finite;
  stats.clamped |= over;
}

template <class Pixel>
requires(sizeof(Pixel) > 2) struct ColumnLimits<Pixel> {
  BL_INLINE explicit ColumnLimits(const Reduction&) {}
};

template <class Pixel>
requires(sizeof(Pixel) > 2) BL_INLINE
    void sum_columns(const BlockRow& block, std::size_t, const Reduction& how, const ColumnLimits<Pixel>&,
                     std::uint16_t* to, RowStats& stats, bool& bright) {
  const std::size_t cols = block.cols;
  stats.moments = false;
  const bool clamped_before = stats.clamped;
  stats.clamped = false;
  add_row<Pixel, true>(block.pixels, cols, how, to, stats);
  for (std::size_t row = 1; row < block.rows; ++row)
    add_row<Pixel, false>(block.pixels + row * cols * sizeof(Pixel), cols, how, to, stats);
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i < cols; ++i) {
    const auto column = static_cast<std::uint16_t>(to[i] >> how.shift);
    highest = std::max(highest, column);
    to[i] = std::min(column, how.column_most);
  }
  stats.clamped |= highest > how.column_most;
  bright = stats.clamped || highest > bright_above(how);
  stats.clamped |= clamped_before;
}

template <class Pixel>
BL_INLINE void reduce_body(const CellRows& what, const Reduction& how, RowStats& stats) {
  const std::size_t cols = what.cols;
  const std::size_t padded = (cols + 2 * k_cell_lanes - 1) / k_cell_lanes * k_cell_lanes;
  const ColumnLimits<Pixel> limits(how);
  for (std::size_t row = what.first; row <= what.last; ++row) {
    const std::size_t top = row * how.block;
    bool bright = false;
    std::uint16_t* const work = what.work;
    sum_columns<Pixel>({what.pixels + top * cols * sizeof(Pixel), std::min(how.block, what.rows - top), cols},
                       top, how, limits, work, stats, bright);
    if (bright) {
      stats.bright_first = std::min(stats.bright_first, row);
      stats.bright_last = row;
    }
    for (std::size_t i = cols; i < padded; ++i) work[i] = 0;
    std::size_t cells = padded;
    for (std::size_t block = how.block; block > 1; block /= 2) {
      cells /= 2;
      // Written behind what is read; what whole vectors reach behind the last cell means nothing.
      for (std::size_t i = 0; i < cells; i += k_cell_lanes / 2) {
        WordPairs two;
        std::memcpy(&two, work + 2 * i, sizeof two);
        const HalfWords one = __builtin_convertvector((two & 0xffff) + (two >> 16), HalfWords);
        std::memcpy(work + i, &one, sizeof one);
      }
    }
    std::memcpy(what.cells + row * what.stride, work, (cols + how.block - 1) / how.block * sizeof(Cell));
  }
}

#define BL_REDUCE(name, Pixel, set, attribute)                                               \
  attribute void name##_##set(const CellRows& what, const Reduction& how, RowStats& stats) { \
    reduce_body<Pixel>(what, how, stats);                                                    \
  }
#define BL_REDUCE_KERNELS(set, attribute)              \
  BL_REDUCE(reduce_u8, std::uint8_t, set, attribute)   \
  BL_REDUCE(reduce_u16, std::uint16_t, set, attribute) \
  BL_REDUCE(reduce_u32, std::uint32_t, set, attribute) \
  BL_REDUCE(reduce_f32, float, set, attribute)         \
  constexpr ReduceKernels k_##set{reduce_u8_##set, reduce_u16_##set, reduce_u32_##set, reduce_f32_##set};
BL_FOR_EACH_SET(BL_REDUCE_KERNELS)

}  // namespace

const ReduceKernels& reduce_kernels(InstructionSet set) {
  return choose(set, k_plain, k_avx2, k_avx512);
}

}  // namespace bragglive::detail
