#include "core/detect/search_kernels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/detect/cell_lanes.hpp"

namespace bragglive::detail {
namespace {

using IntLanes = std::int32_t __attribute__((vector_size(64)));
using FloatLanes = float __attribute__((vector_size(64)));

BL_INLINE void add(const Cell* from, Lanes& lanes) {
  Lanes more;
  load(from, more);
  lanes += more;
}
// Sums of 1, 3, 5 … rows about `centre`, one after the other. `known_height`: of the highest; 0 = any.
template <std::size_t known_height>
BL_INLINE void column_runs(const Cell* centre, std::ptrdiff_t stride, std::size_t height, Cell* columns,
                           std::size_t columns_stride) {
  const auto last = static_cast<std::ptrdiff_t>(known_height ? known_height : height);
  Lanes sum;
  load(centre, sum);
  __builtin_memcpy(columns, &sum, sizeof sum);
  for (std::ptrdiff_t reached = 1; reached <= last; ++reached) {
    add(centre - reached * stride, sum);
    add(centre + reached * stride, sum);
    columns += columns_stride;
    __builtin_memcpy(columns, &sum, sizeof sum);
  }
}

constexpr std::size_t k_most_columns =
    256;  // a disk as wide as the widest frame has 181 of the largest cells

// Where the runs of each column lie behind the middle one's cell.
struct ColumnPlaces {
  BL_INLINE ColumnPlaces(std::span<const int> heights, std::size_t columns_stride) : count(heights.size()) {
    for (std::size_t d = 0; d < count; ++d) at[d] = static_cast<std::size_t>(heights[d]) * columns_stride;
  }
  std::size_t count;
  std::array<std::size_t, k_most_columns> at;
};

template <std::size_t known_count>
BL_INLINE void add_columns(const Cell* columns, const ColumnPlaces& places, Lanes& sum) {
  const std::size_t count = known_count ? known_count : places.count;
  load(columns + places.at[0], sum);
  for (std::size_t d = 1; d < count; ++d) {
    add(columns + places.at[d] - d, sum);
    add(columns + places.at[d] + d, sum);
  }
}

// The counts of columns of the disk and of the outer rim; 0 = any.
template <std::size_t inner_count, std::size_t outer_count>
BL_INLINE void disk_sums_of(const DiskRows& rows, const DiskRuns& disk) {
  const auto height = static_cast<std::size_t>(disk.outer[0]);
  const std::size_t margin = disk.outer.size() - 1;
  // Copies, as what is written might be what a reference refers to.
  const ColumnPlaces inner_places(disk.disk, rows.columns_stride);
  const ColumnPlaces outer_places(disk.outer, rows.columns_stride);
  const DiskRows to = rows;
  const int shift = disk.ring_shift;
  for (std::size_t row = 0; row < to.count; ++row) {
    const Cell* const centre = to.cells + row * to.stride - margin;
    for (std::size_t x = 0; x < to.cols + 2 * margin; x += k_cell_lanes)
      column_runs<outer_count ? outer_count - 1 : 0>(centre + x, static_cast<std::ptrdiff_t>(to.stride),
                                                     height, to.columns + x, to.columns_stride);
    for (std::size_t x = 0; x < to.cols; x += k_cell_lanes) {
      Lanes inner;
      Lanes outer;
      add_columns<inner_count>(to.columns + margin + x, inner_places, inner);
      add_columns<outer_count>(to.columns + margin + x, outer_places, outer);
      const Lanes value = inner - ((outer - inner) >> shift);
      __builtin_memcpy(to.sums + row * to.stride + x, &inner, sizeof inner);
      __builtin_memcpy(to.sharp + row * to.stride + x, &value, sizeof value);
    }
  }
}

// The sizes that disks have when their radius is 1.45 to 2.9 cells.
BL_INLINE void disk_sums_body(const DiskRows& rows, const DiskRuns& disk) {
  const std::size_t inner = disk.disk.size();
  const std::size_t outer = disk.outer.size();
  const bool round = static_cast<std::size_t>(disk.outer[0]) + 1 == outer;
  if (round && inner == 2 && outer == 3) return disk_sums_of<2, 3>(rows, disk);
  if (round && inner == 3 && outer == 4) return disk_sums_of<3, 4>(rows, disk);
  if (round && inner == 4 && outer == 5) return disk_sums_of<4, 5>(rows, disk);
  disk_sums_of<0, 0>(rows, disk);
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
  for (std::size_t x = first / k_cell_lanes * k_cell_lanes; x < last; x += k_cell_lanes) {
    const Cell* q = sharp + x;
    Lanes value;
    Lanes sum;
    load(q, value);
    load(sums + x, sum);
    Lanes flags;
    find_maxima(q, s, value, flags);
    flags &= (least - sum) >> 15;
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
    for_each_flag(flags, [&](std::size_t lane) {
      if (x + lane >= first && x + lane < last && count < room)
        found[count++] = static_cast<std::uint16_t>(x + lane);
    });
  }
  return count;
}

#define BL_SEARCH_KERNELS(set, attribute)                                                            \
  attribute void disk_sums_##set(const DiskRows& rows, const DiskRuns& disk) {                       \
    disk_sums_body(rows, disk);                                                                      \
  }                                                                                                  \
  attribute std::size_t find_peaks_##set(const Cell* sums, const Cell* sharp, std::ptrdiff_t stride, \
                                         std::size_t first, std::size_t last, const PeakTest& test,  \
                                         std::uint16_t* found, std::size_t room) {                   \
    return find_peaks_body(sums, sharp, stride, first, last, test, found, room);                     \
  }                                                                                                  \
  constexpr SearchKernels k_##set{disk_sums_##set, find_peaks_##set};
BL_FOR_EACH_SET(BL_SEARCH_KERNELS)

}  // namespace

const SearchKernels& search_kernels(InstructionSet set) {
  return choose(set, k_plain, k_avx2, k_avx512);
}

}  // namespace bragglive::detail
