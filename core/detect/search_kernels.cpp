#include "core/detect/search_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace bragglive::detail {
namespace {

// 32 lanes, spelled out so that sums stay in registers; narrower processors
// take two or four each. Vectors go by reference: as return values they would
// depend on the instruction set.
using Lanes = Cell __attribute__((vector_size(64)));
using HalfLanes = Cell __attribute__((vector_size(32)));
using HalfWords = std::uint16_t __attribute__((vector_size(32)));
using WordLanes = std::uint32_t __attribute__((vector_size(64)));
using IntLanes = std::int32_t __attribute__((vector_size(64)));
using FloatLanes = float __attribute__((vector_size(64)));
using ByteLanes = std::int8_t __attribute__((vector_size(32)));

BL_INLINE void load(const Cell* from, Lanes& lanes) {
  __builtin_memcpy(&lanes, from, sizeof lanes);
}
BL_INLINE void add(const Cell* from, Lanes& lanes) {
  Lanes more;
  load(from, more);
  lanes += more;
}
BL_INLINE void raise(const Cell* from, Lanes& lanes) {
  Lanes other;
  load(from, other);
  lanes = lanes > other ? lanes : other;
}

// One run of pixels as the accumulators take them; what the frame's statistics
// need on the way.
template <class Pixel, bool first>
BL_INLINE void add_run(const std::byte* from, std::size_t n, const Reduction& how, std::uint16_t* work,
                       RowStats& stats) {
  std::uint32_t sum = 0;
  Pixel least = std::numeric_limits<Pixel>::max();
  Pixel highest = 0;
  const auto most = static_cast<Pixel>(std::min<std::uint32_t>(how.pixel_most, least));
  for (std::size_t i = 0; i < n; ++i) {
    Pixel value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    sum += value;
    least = std::min(least, value);
    highest = std::max(highest, value);
    const std::uint16_t narrow = std::min(value, most);
    work[i] = static_cast<std::uint16_t>(first ? narrow : work[i] + narrow);
  }
  stats.sum += sum;
  stats.clamped |= highest > most;
  stats.all_most &= least == std::numeric_limits<Pixel>::max();
}

template <class Pixel, bool first>
requires(sizeof(Pixel) > 2) BL_INLINE void add_run(const std::byte* from, std::size_t n, const Reduction& how,
                                                   std::uint16_t* work, RowStats& stats) {
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

template <class Pixel, bool first>
BL_INLINE void add_row(const std::byte* from, std::size_t cols, const Reduction& how, std::uint16_t* work,
                       RowStats& stats) {
  constexpr std::size_t k_run = 4096;  // partial sums fit 32 bits
  for (std::size_t begin = 0; begin < cols; begin += k_run)
    add_run<Pixel, first>(from + begin * sizeof(Pixel), std::min(k_run, cols - begin), how, work + begin,
                          stats);
}

template <class Pixel>
BL_INLINE void reduce_rows_body(const std::byte* from, std::size_t rows, std::size_t cols,
                                const Reduction& how, std::uint16_t* work, Cell* to, RowStats& stats) {
  add_row<Pixel, true>(from, cols, how, work, stats);
  for (std::size_t row = 1; row < rows; ++row)
    add_row<Pixel, false>(from + row * cols * sizeof(Pixel), cols, how, work, stats);
  const std::size_t padded = (cols + 2 * k_cell_lanes - 1) / k_cell_lanes * k_cell_lanes;
  for (std::size_t i = cols; i < padded; ++i) work[i] = 0;
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i < padded; ++i) {
    const auto column = static_cast<std::uint16_t>(work[i] >> how.shift);
    highest = std::max(highest, column);
    work[i] = std::min(column, how.column_most);
  }
  stats.clamped |= highest > how.column_most;
  stats.bright |= 5 * highest > 3 * how.column_most;
  std::size_t cells = padded;
  for (std::size_t block = how.block; block > 1; block /= 2) {
    cells /= 2;
    // Written behind what is read; what whole vectors reach behind the last cell means nothing.
    for (std::size_t i = 0; i < cells; i += k_cell_lanes / 2) {
      WordLanes two;
      __builtin_memcpy(&two, work + 2 * i, sizeof two);
      const HalfWords one = __builtin_convertvector((two & 0xffff) + (two >> 16), HalfWords);
      __builtin_memcpy(work + i, &one, sizeof one);
    }
  }
  const std::size_t wanted = (cols + how.block - 1) / how.block;
  std::memcpy(to, work, wanted * sizeof(Cell));
}

BL_INLINE void column_runs(const Cell* centre, std::ptrdiff_t stride, const DiskRuns& disk, Cell* columns,
                           std::size_t columns_stride) {
  Lanes sum;
  load(centre, sum);
  std::ptrdiff_t reached = 0;
  for (std::size_t level = 0; level < disk.levels.size(); ++level) {
    while (reached < disk.levels[level]) {
      ++reached;
      add(centre - reached * stride, sum);
      add(centre + reached * stride, sum);
    }
    __builtin_memcpy(columns + level * columns_stride, &sum, sizeof sum);
  }
}

BL_INLINE void add_columns(const Cell* columns, std::size_t columns_stride, std::span<const int> level_of,
                           Lanes& sum) {
  load(columns + static_cast<std::size_t>(level_of[0]) * columns_stride, sum);
  for (std::size_t d = 1; d < level_of.size(); ++d) {
    const Cell* row = columns + static_cast<std::size_t>(level_of[d]) * columns_stride;
    add(row - d, sum);
    add(row + d, sum);
  }
}

BL_INLINE void disk_sums_body(const Cell* centre, std::ptrdiff_t stride, const DiskRuns& disk,
                              std::size_t cols, Cell* columns, std::size_t columns_stride, Cell* out,
                              Cell* sharp) {
  const std::size_t margin = disk.outer.size() - 1;
  for (std::size_t x = 0; x < cols + 2 * margin; x += k_cell_lanes)
    column_runs(centre + x - margin, stride, disk, columns + x, columns_stride);
  for (std::size_t x = 0; x < cols; x += k_cell_lanes) {
    Lanes inner;
    Lanes outer;
    add_columns(columns + margin + x, columns_stride, disk.disk, inner);
    add_columns(columns + margin + x, columns_stride, disk.outer, outer);
    const Lanes value = inner - ((outer - inner) >> disk.ring_shift);
    __builtin_memcpy(out + x, &inner, sizeof inner);
    __builtin_memcpy(sharp + x, &value, sizeof value);
  }
}

BL_INLINE bool any(const Lanes& mask) {
  HalfLanes halves[2];
  __builtin_memcpy(halves, &mask, sizeof halves);
  halves[0] |= halves[1];
  std::uint64_t words[4];
  __builtin_memcpy(words, halves, sizeof words);
  return ((words[0] | words[1]) | (words[2] | words[3])) != 0;
}

// Does the disk stand out from the lowest of its opposite pairs? In half
// vectors, as floats.
BL_INLINE void stands_out(const Lanes& pair, const Lanes& sum, float variance, Lanes& flags) {
  // Twice the background and twice the excess, so that nothing is rounded.
  const Lanes twice = sum + sum - pair;
  for (std::size_t half = 0; half < 2; ++half) {
    HalfLanes background;
    HalfLanes excess;
    __builtin_memcpy(&background, reinterpret_cast<const char*>(&pair) + half * sizeof background,
                     sizeof background);
    __builtin_memcpy(&excess, reinterpret_cast<const char*>(&twice) + half * sizeof excess, sizeof excess);
    const FloatLanes b = __builtin_convertvector(background, FloatLanes);
    const FloatLanes e = __builtin_convertvector(excess, FloatLanes);
    // Compilers take vector comparisons apart; the sign of a difference says
    // the same.
    IntLanes size;
    __builtin_memcpy(&size, &e, sizeof size);
    size &= 0x7fffffff;
    FloatLanes magnitude;
    __builtin_memcpy(&magnitude, &size, sizeof size);
    const FloatLanes missing = 3 * variance * b - e * magnitude;
    IntLanes sign;
    __builtin_memcpy(&sign, &missing, sizeof sign);
    sign >>= 31;
    const HalfLanes narrow = __builtin_convertvector(sign, HalfLanes);
    __builtin_memcpy(reinterpret_cast<char*>(&flags) + half * sizeof narrow, &narrow, sizeof narrow);
  }
}

BL_INLINE std::size_t find_peaks_body(const Cell* sums, const Cell* sharp, std::ptrdiff_t s,
                                      std::size_t first, std::size_t last, const PeakTest& test,
                                      std::uint16_t* found, std::size_t room) {
  const std::ptrdiff_t right = test.distance;
  const std::ptrdiff_t down = test.distance * s;
  const std::ptrdiff_t fall = test.diagonal * s + test.diagonal;
  const std::ptrdiff_t rise = test.diagonal * s - test.diagonal;
  const Lanes least = Lanes{} + static_cast<Cell>(test.min_sum - 1);
  std::size_t count = 0;
  for (std::size_t x = first; x < last; x += k_cell_lanes) {
    const Cell* q = sharp + x;
    Lanes value;
    Lanes sum;
    load(q, value);
    load(sums + x, sum);
    Lanes before;
    Lanes after;
    load(q - s - 1, before);
    raise(q - s, before);
    raise(q - s + 1, before);
    raise(q - 1, before);
    load(q + 1, after);
    raise(q + s - 1, after);
    raise(q + s, after);
    raise(q + s + 1, after);
    // -1 where value > before, value >= after and sum >= min_sum.
    Lanes flags = ((before - value) & (after - value - 1) & (least - sum)) >> 15;
    if (!any(flags)) continue;
    Lanes lowest;
    Lanes other;
    load(sums + x - right, lowest);
    add(sums + x + right, lowest);
    for (const std::ptrdiff_t way : {down, fall, rise}) {
      load(sums + x - way, other);
      add(sums + x + way, other);
      lowest = lowest < other ? lowest : other;
    }
    Lanes out;
    stands_out(lowest, sum, test.variance, out);
    flags &= out;
    const ByteLanes bytes = __builtin_convertvector(flags, ByteLanes);
    std::uint64_t words[4];
    __builtin_memcpy(words, &bytes, sizeof words);
    for (std::size_t w = 0; w < 4; ++w)
      while (words[w] != 0) {
        // A flag is a byte of ones: the lowest is taken, then cleared.
        const auto byte = static_cast<std::size_t>(__builtin_ctzll(words[w])) / 8;
        words[w] &= ~(std::uint64_t{0xff} << (8 * byte));
        const std::size_t at = x + 8 * w + byte;
        if (at < last && count < room) found[count++] = static_cast<std::uint16_t>(at);
      }
  }
  return count;
}

#define BL_REDUCE(name, Pixel, set, attribute)                                                        \
  attribute void name##_##set(const std::byte* from, std::size_t rows, std::size_t cols,              \
                              const Reduction& how, std::uint16_t* work, Cell* to, RowStats& stats) { \
    reduce_rows_body<Pixel>(from, rows, cols, how, work, to, stats);                                  \
  }
#define BL_SEARCH_KERNELS(set, attribute)                                                                \
  BL_REDUCE(reduce_u8, std::uint8_t, set, attribute)                                                     \
  BL_REDUCE(reduce_u16, std::uint16_t, set, attribute)                                                   \
  BL_REDUCE(reduce_u32, std::uint32_t, set, attribute)                                                   \
  BL_REDUCE(reduce_f32, float, set, attribute)                                                           \
  attribute void disk_sums_##set(const Cell* centre, std::ptrdiff_t stride, const DiskRuns& disk,        \
                                 std::size_t cols, Cell* columns, std::size_t columns_stride, Cell* out, \
                                 Cell* sharp) {                                                          \
    disk_sums_body(centre, stride, disk, cols, columns, columns_stride, out, sharp);                     \
  }                                                                                                      \
  attribute std::size_t find_peaks_##set(const Cell* sums, const Cell* sharp, std::ptrdiff_t stride,     \
                                         std::size_t first, std::size_t last, const PeakTest& test,      \
                                         std::uint16_t* found, std::size_t room) {                       \
    return find_peaks_body(sums, sharp, stride, first, last, test, found, room);                         \
  }                                                                                                      \
  constexpr SearchKernels k_##set{reduce_u8_##set,  reduce_u16_##set, reduce_u32_##set,                  \
                                  reduce_f32_##set, disk_sums_##set,  find_peaks_##set};
BL_FOR_EACH_SET(BL_SEARCH_KERNELS)

}  // namespace

const SearchKernels& search_kernels(InstructionSet set) {
  return choose(set, k_plain, k_avx2, k_avx512);
}

}  // namespace bragglive::detail
