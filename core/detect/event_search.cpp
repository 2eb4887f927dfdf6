#include "core/detect/event_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/detect/cell_lanes.hpp"

namespace bragglive::detail {

using StampLanes = HalfLanes;  // most disks are narrower than a long vector
constexpr int k_stamp_lanes = 16;
constexpr std::size_t k_lanes = k_cell_lanes;
constexpr std::size_t k_block = sizeof(Lanes);
using Floats = float __attribute__((vector_size(64)));
constexpr std::size_t k_floats = 16;

struct EventKernels {
  // Which of `count` blocks of k_block bytes are not empty; returns how many.
  std::size_t (*filled)(const std::byte* bytes, std::size_t count, std::uint32_t* found);
  // Adds the stamp, rows of `width` cells, around each event; `map` points at where the stamp of an event at
  // pixel (0, 0) begins.
  void (*spread)(const Events& events, const Cell* stamp, int rows, int width, std::size_t stride, Cell* map);
  // Columns first <= x < last that are local maxima of at least `least`; returns how many.
  std::size_t (*maxima)(const Cell* row, std::ptrdiff_t stride, std::size_t first, std::size_t last,
                        Cell least, std::uint16_t* found);
  // Counts in the ring around a place, weighted by (1 - t)^2, t = (r^2 - inner2) / (outer2 - inner2), of the
  // events first to last.
  float (*ring)(const Events& events, std::size_t first, std::size_t last, float row, float col, float inner2,
                float outer2);
};

namespace {

constexpr std::size_t k_usual_candidates = 1024;
constexpr float k_brightest = 16;      // counts of a pixel beyond which its disk is no question
constexpr double k_smooth_px = 1;      // the smoothing's width at least
constexpr double k_negligible = 0.03;  // of the smoothed disk's height
constexpr double k_ring_px = 8;        // the ring reaches to two radii and these
constexpr double k_mean = 0.05;   // disk areas at the frame's mean that the background's measure holds, too,
constexpr double k_some = 0.2;    // and counts: where nothing was counted, something may come
constexpr double k_to_fit = 30;   // counts from which a fit finds the better place
constexpr double k_rough = 0.75;  // of the threshold: what is not lost before the strict test

BL_INLINE std::size_t filled_body(const std::byte* bytes, std::size_t count, std::uint32_t* found) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Lanes block;
    __builtin_memcpy(&block, bytes + i * k_block, sizeof block);
    found[size] = static_cast<std::uint32_t>(i);
    size += any(block) ? 1 : 0;
  }
  return size;
}

BL_INLINE void spread_body(const Events& events, const Cell* stamp, int rows, int width, std::size_t stride,
                           Cell* map) {
  for (std::size_t i = 0; i < events.size; ++i) {
    Cell* to =
        map + static_cast<std::size_t>(events.row[i]) * stride + static_cast<std::size_t>(events.col[i]);
    const auto times = static_cast<Cell>(std::min(events.counts[i], k_brightest));
    const Cell* from = stamp;
    for (int row = 0; row < rows; ++row, to += stride)
      for (int col = 0; col < width; col += k_stamp_lanes, from += k_stamp_lanes) {
        StampLanes sum, shape;
        load(to + col, sum);
        load(from, shape);
        sum += shape * times;
        __builtin_memcpy(to + col, &sum, sizeof sum);
      }
  }
}

BL_INLINE std::size_t maxima_body(const Cell* row, std::ptrdiff_t s, std::size_t first, std::size_t last,
                                  Cell least, std::uint16_t* found) {
  const Lanes enough = Lanes{} + static_cast<Cell>(least - 1);
  std::size_t count = 0;
  for (std::size_t x = first; x < last; x += k_lanes) {
    const Cell* q = row + x;
    Lanes value;
    load(q, value);
    Lanes flags = (enough - value) >> 15;
    if (!any(flags)) continue;
    Lanes highest;
    find_maxima(q, s, value, highest);
    for_each_flag(flags & highest, [&](std::size_t lane) {
      if (x + lane < last) found[count++] = static_cast<std::uint16_t>(x + lane);
    });
  }
  return count;
}

BL_INLINE float ring_body(const Events& events, std::size_t first, std::size_t last, float row, float col,
                          float inner2, float outer2) {
  const float per = 1 / (outer2 - inner2);
  const Floats zero = {};
  Floats sum = {};
  for (std::size_t i = first; i < last; i += k_floats) {
    Floats r, c, n;
    __builtin_memcpy(&r, events.row.data() + i, sizeof r);
    __builtin_memcpy(&c, events.col.data() + i, sizeof c);
    __builtin_memcpy(&n, events.counts.data() + i, sizeof n);
    r -= row;
    c -= col;
    const Floats q2 = r * r + c * c;
    Floats weight = (outer2 - q2) * per;
    weight = weight > 0 ? weight : zero;
    weight = q2 > inner2 ? weight : zero;
    sum += weight * weight * n;
  }
  float total = 0;
  for (std::size_t i = 0; i < k_floats; ++i) total += sum[i];
  return total;
}

#define BL_EVENT_KERNELS(set, attribute)                                                                \
  attribute std::size_t filled_##set(const std::byte* bytes, std::size_t count, std::uint32_t* found) { \
    return filled_body(bytes, count, found);                                                            \
  }                                                                                                     \
  attribute void spread_##set(const Events& events, const Cell* stamp, int rows, int width,             \
                              std::size_t stride, Cell* map) {                                          \
    spread_body(events, stamp, rows, width, stride, map);                                               \
  }                                                                                                     \
  attribute std::size_t maxima_##set(const Cell* row, std::ptrdiff_t stride, std::size_t first,         \
                                     std::size_t last, Cell least, std::uint16_t* found) {              \
    return maxima_body(row, stride, first, last, least, found);                                         \
  }                                                                                                     \
  attribute float ring_##set(const Events& events, std::size_t first, std::size_t last, float row,      \
                             float col, float inner2, float outer2) {                                   \
    return ring_body(events, first, last, row, col, inner2, outer2);                                    \
  }                                                                                                     \
  constexpr EventKernels k_##set{filled_##set, spread_##set, maxima_##set, ring_##set};
BL_FOR_EACH_SET(BL_EVENT_KERNELS)

// `most`: events there can be.
template <class Pixel>
void collect(const EventKernels& kernels, const RawImage<Pixel>& image, std::size_t most, Events& events) {
  constexpr std::size_t k_in_word = sizeof(std::uint64_t) / sizeof(Pixel);
  constexpr std::size_t k_in_block = k_block / sizeof(Pixel);
  constexpr int k_bits = 8 * sizeof(Pixel);
  constexpr std::uint64_t k_pixel = ~std::uint64_t{0} >> (64 - k_bits);
  const std::size_t pixels = image.index(image.rows, 0);
  const auto cols = static_cast<std::size_t>(image.cols);
  const std::size_t blocks = pixels / k_in_block;
  events.blocks.resize(blocks + 1);
  for (std::vector<float>* of : {&events.row, &events.col, &events.counts}) of->resize(most + k_floats);
  events.row_begin.assign(static_cast<std::size_t>(image.rows) + 1, 0);
  std::size_t size = 0, line = 0;
  int row = 0;
  const auto add = [&](std::size_t at) {
    const float counts = image.counts(at);
    if (!(counts > 0) || size == most) return;
    for (; at >= line + cols; line += cols) events.row_begin[static_cast<std::size_t>(++row)] = size;
    events.row[size] = static_cast<float>(row);
    events.col[size] = static_cast<float>(at - line);
    events.counts[size++] = counts;
  };
  const std::size_t filled = kernels.filled(image.bytes, blocks, events.blocks.data());
  for (std::size_t i = 0; i < filled; ++i)
    for (std::size_t at = events.blocks[i] * k_in_block; at < (events.blocks[i] + 1) * k_in_block;
         at += k_in_word) {
      std::uint64_t word;
      std::memcpy(&word, image.bytes + at * sizeof(Pixel), sizeof word);
      while (word != 0) {
        const int lane = __builtin_ctzll(word) / k_bits;
        word &= ~(k_pixel << (k_bits * lane));
        add(at + static_cast<std::size_t>(lane));
      }
    }
  for (std::size_t at = blocks * k_in_block; at < pixels; ++at) add(at);
  events.size = size;
  while (row < image.rows) events.row_begin[static_cast<std::size_t>(++row)] = size;
  for (std::vector<float>* of : {&events.row, &events.col, &events.counts})
    std::fill_n(of->begin() + static_cast<std::ptrdiff_t>(size), k_floats, 0.0f);
}

double parabola(Cell before, Cell at, Cell after) {
  const int curvature = before - 2 * at + after;
  return curvature < 0 ? std::clamp(0.5 * (before - after) / curvature, -0.5, 0.5) : 0;
}

}  // namespace

EventSearch::EventSearch(FrameShape shape, double radius, int edge, double threshold, InstructionSet set)
    : shape_(shape), kernels_(&choose(set, k_plain, k_avx2, k_avx512)), edge_(edge) {
  most_counts_ = std::min(4000.0, 100 * radius * radius);
  // A disk of radius R smoothed by a normal law of width s falls off at its rim as that law's integral does.
  const Stamp k_kinds[] = {{32, 1.0 / 6, 0, {}}, {16, 1.0 / 12, 0, {}}, {8, 0, 0, {}}};
  const auto steep = [&](const Stamp& kind) { return 1.702 / (k_smooth_px + kind.smooth_radii * radius); };
  reach_ = static_cast<int>(radius + std::log(1 / k_negligible) / steep(k_kinds[0]));
  width_ = (2 * reach_ + k_stamp_lanes) / k_stamp_lanes * k_stamp_lanes;
  for (std::size_t i = 0; i < stamps_.size(); ++i) {
    Stamp& stamp = stamps_[i] = k_kinds[i];
    stamp.rows.assign(static_cast<std::size_t>((2 * reach_ + 1) * width_), 0);
    for (int row = -reach_; row <= reach_; ++row)
      for (int col = -reach_; col <= reach_; ++col) {
        const double value = 1 / (1 + std::exp(steep(stamp) * (std::hypot(row, col) - radius)));
        if (value < k_negligible) continue;
        stamp.rows[static_cast<std::size_t>((row + reach_) * width_ + col + reach_)] =
            static_cast<Cell>(std::lround(value * stamp.scale));
        stamp.area += value;
      }
  }
  const auto pad = static_cast<std::size_t>(reach_ + 1);
  stride_ = shape.cols + 2 * pad + 2 * k_lanes;
  origin_ = pad * stride_ + pad;
  count_ = (shape.rows + 2 * pad) * stride_ + static_cast<std::size_t>(width_) + 2 * k_lanes;
  disk_area_ = std::numbers::pi * radius * radius;
  const double inner = radius + 1;
  const double outer = 2 * radius + k_ring_px;
  inner2_ = static_cast<float>(inner * inner);
  outer2_ = static_cast<float>(outer * outer);
  ring_reach_ = static_cast<int>(outer) + 1;
  const int step = std::max(1, static_cast<int>(outer / 6));
  const int far = static_cast<int>(outer) / step * step;
  for (int row = -far; row <= far; row += step)
    for (int col = -far; col <= far; col += step) {
      const double q2 = row * row + col * col;
      if (q2 <= inner * inner || q2 >= outer * outer) continue;
      const double fall = (outer * outer - q2) / (outer * outer - inner * inner);
      ring_.push_back({row, col, fall * fall * step * step});
      whole_ring_ += ring_.back().weight;
    }
  least_ratio_ = k_rough * threshold * threshold / 2;
  // So few counts over next to nothing reach no such ratio.
  const double nothing = k_some / (whole_ring_ + k_mean * disk_area_) * stamps_[0].area;
  least_counts_ = 0.5;
  while (least_counts_ * std::log(least_counts_ / nothing) - (least_counts_ - nothing) < least_ratio_)
    least_counts_ += 0.125;
}

bool EventSearch::suits(const ReducedFrame& frame) const noexcept {
  return kernels_ != nullptr && frame.noise.counted && frame.noise.per_count == 1 && frame.factor == 1 &&
         frame.total <= most_counts_;
}

double EventSearch::ring_area(int row, int col) const noexcept {
  const int reach = ring_reach_;
  const auto rows = static_cast<int>(shape_.rows);
  const auto cols = static_cast<int>(shape_.cols);
  if (row >= reach && col >= reach && row + reach < rows && col + reach < cols) return whole_ring_;
  double area = 0;
  for (const RingPoint& point : ring_) {
    const int r = row + point.row;
    const int c = col + point.col;
    if (r >= 0 && c >= 0 && r < rows && c < cols) area += point.weight;
  }
  return area;
}

void EventSearch::test(int row, int col, const Stamp& stamp, double total, const Scratch& s,
                       SearchScratch& out) const {
  const auto stride = static_cast<std::ptrdiff_t>(stride_);
  const Cell* at =
      s.map.data() + origin_ + static_cast<std::size_t>(row) * stride_ + static_cast<std::size_t>(col);
  const Events& events = s.events;
  const std::size_t first = events.row_begin[static_cast<std::size_t>(std::max(0, row - ring_reach_))];
  const std::size_t last = events.row_begin[static_cast<std::size_t>(
      std::min(static_cast<int>(shape_.rows), row + ring_reach_ + 1))];
  // Beyond `last` an event lies too far away to count, or is empty.
  const auto in_ring = static_cast<double>(kernels_->ring(events, first, last, static_cast<float>(row),
                                                          static_cast<float>(col), inner2_, outer2_));
  const double pixels = ring_area(row, col) + k_mean * disk_area_;
  const double per_pixel =
      (in_ring + k_mean * disk_area_ * total / static_cast<double>(shape_.pixels()) + k_some) / pixels;
  const double n = static_cast<double>(*at) / stamp.scale;
  const double b = per_pixel * stamp.area;
  if (n <= b) return;
  const double ratio = n * std::log(n / b) - (n - b);
  if (ratio < least_ratio_) return;
  DiskFit fit;
  fit.row = static_cast<float>(row + parabola(at[-stride], *at, at[stride]));
  fit.col = static_cast<float>(col + parabola(at[-1], *at, at[1]));
  fit.background = static_cast<float>(per_pixel);
  fit.height = static_cast<float>((n - b) / stamp.area);
  fit.sharp = static_cast<float>(n - b);
  fit.off_counts = static_cast<float>(per_pixel * pixels);
  fit.off_pixels = static_cast<float>(pixels);
  fit.placed = n - b < k_to_fit;
  const double less = n - 0.0;
  fit.significance = less > b ? std::sqrt(2 * (less * std::log(less / b) - (less - b))) : 0;
  out.ranks.push_back(
      {static_cast<float>(ratio), fit.row, fit.col, static_cast<std::uint32_t>(out.candidates.size())});
  out.candidates.push_back(fit);
}

template <class Pixel>
void EventSearch::find(const RawImage<Pixel>& image, double total, Scratch& s,
                       SearchScratch& out) const noexcept {
  out.candidates.clear();
  out.ranks.clear();
  out.candidates.reserve(k_usual_candidates);
  out.ranks.reserve(k_usual_candidates);
  collect(*kernels_, image, static_cast<std::size_t>(most_counts_), s.events);
  s.map.assign(count_, 0);
  s.found.resize(shape_.cols);
  const Stamp& stamp = stamps_[total * stamps_[0].scale <= 32000   ? 0
                               : total * stamps_[1].scale <= 32000 ? 1
                                                                   : 2];
  kernels_->spread(s.events, stamp.rows.data(), 2 * reach_ + 1, width_, stride_,
                   s.map.data() + origin_ - static_cast<std::size_t>(reach_) * (stride_ + 1));
  const auto least = static_cast<Cell>(std::clamp(least_counts_ * stamp.scale, 1.0, 32000.0));
  const auto edge = static_cast<std::size_t>(edge_);
  for (std::size_t row = edge; row + edge < shape_.rows && 2 * edge < shape_.cols; ++row) {
    const std::size_t count =
        kernels_->maxima(s.map.data() + origin_ + row * stride_, static_cast<std::ptrdiff_t>(stride_), edge,
                         shape_.cols - edge, least, s.found.data());
    for (std::size_t i = 0; i < count; ++i) test(static_cast<int>(row), s.found[i], stamp, total, s, out);
  }
  sort_ranks(out);
}

#define BL_INSTANTIATE(Pixel) \
  template void EventSearch::find(const RawImage<Pixel>&, double, Scratch&, SearchScratch&) const noexcept;
BL_FOR_EACH_PIXEL(BL_INSTANTIATE)
#undef BL_INSTANTIATE

}  // namespace bragglive::detail
