#include "core/detect/reduced_frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/detect/disk_plan.hpp"

namespace bragglive::detail {
namespace {

using Plan = DiskDetector::Plan;
constexpr double k_most_counts = 1e6;  // of a pixel of scaled floats: far above what rounding could spoil

template <class Pixel>
void patch(const Plan& p, const std::byte* from, std::vector<std::byte>& to) {
  to.resize(p.shape.pixels() * sizeof(Pixel));
  std::memcpy(to.data(), from, to.size());
  for (const Plan::Patch& patch : p.patches) {
    double sum = 0;
    for (std::uint32_t i = 0; i < patch.count; ++i) {
      Pixel value;
      std::memcpy(&value, to.data() + patch.from[i] * sizeof value, sizeof value);
      sum += static_cast<double>(value);
    }
    const double mean = sum / patch.count;
    const auto value = static_cast<Pixel>(std::is_floating_point_v<Pixel> ? mean : mean + 0.5);
    std::memcpy(to.data() + patch.pixel * sizeof value, &value, sizeof value);
  }
}

// Counts per unit of the pixels: counts stay counts, anything else is scaled.
template <class Pixel>
double factor_of(const Plan& p, const std::byte* bytes) {
  if constexpr (!std::is_floating_point_v<Pixel>) return 1;
  Pixel most = 0;
  bool whole = true;
  for (std::size_t i = 0; i < p.shape.pixels(); ++i) {
    Pixel value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    most = value > most ? value : most;
    whole =
        whole && (value < Pixel(1e9) ? value == static_cast<Pixel>(static_cast<std::int32_t>(value)) : true);
  }
  if (whole || !(most > 0) || !std::isfinite(static_cast<double>(most))) return 1;
  return k_most_counts / static_cast<double>(most);
}

// Fewer bits, until nine tenths of the sampled places stay well below the
// largest cell.
template <class Pixel>
int shift_for(const Plan& p, const RawImage<Pixel>& image) {
  constexpr std::size_t k_places = 64;
  constexpr int k_tenth = 6;
  std::array<float, k_places> level{};
  const std::size_t pixels = static_cast<std::size_t>(image.rows) * static_cast<std::size_t>(image.cols);
  for (std::size_t i = 0; i < k_places; ++i) {
    const std::size_t at = (i * 40503 % 65536 * pixels) >> 16;
    level[i] = image.counts(at) + image.counts(at + 1 < pixels ? at + 1 : 0);
  }
  int shift = 0;
  for (double most = 2 * p.cell_most / 3.0 / (p.block * p.block); shift < 30; most *= 2, ++shift) {
    int above = 0;
    for (const float one : level) above += static_cast<double>(one) > most;
    if (above < k_tenth) break;
  }
  return shift;
}

template <class Pixel>
Reduce reducer(InstructionSet set) {
  const ReduceKernels& kernels = reduce_kernels(set);
  if constexpr (std::is_same_v<Pixel, std::uint8_t>) return kernels.u8;
  if constexpr (std::is_same_v<Pixel, std::uint16_t>) return kernels.u16;
  if constexpr (std::is_same_v<Pixel, std::uint32_t>) return kernels.u32;
  if constexpr (std::is_same_v<Pixel, float>) return kernels.f32;
}

// The columns' sums in pairs, see RowStats; false: they are not known.
bool find_mass(const RowStats& stats, MassCentre& mass) {
  if (!stats.moments || !(stats.sum > 0)) return false;
  double by_col = 0;
  for (std::size_t i = 0; i < stats.column_pairs; ++i) {
    const double even = stats.columns[i];
    const double odd = stats.columns[stats.column_pairs + i];
    by_col += static_cast<double>(2 * i) * (even + odd) + odd;
  }
  mass = {stats.by_row / stats.sum, by_col / stats.sum};
  return true;
}

template <class Pixel>
RowStats fill_cells(const Plan& p, int shift, int first_row, int last_row, ReducedFrame& out) {
  const auto block = static_cast<std::size_t>(p.block);
  Reduction how;
  how.block = block;
  // Sums of large integers lose their lowest bits before they are taken, else 16 bits would not hold them.
  const int early = sizeof(Pixel) > 2 ? shift : 0;
  how.factor = static_cast<float>(std::ldexp(out.factor, -early));
  how.shift = shift - early;
  how.pixel_most = static_cast<std::uint16_t>(65535 / block);
  how.column_most = static_cast<std::uint16_t>(static_cast<std::size_t>(p.cell_most) / block);
  RowStats stats;
  stats.columns = out.columns.data();
  stats.column_pairs = out.columns.size() / 2;
  const CellRows what{out.pixels,
                      p.shape.rows,
                      p.shape.cols,
                      static_cast<std::size_t>(first_row),
                      static_cast<std::size_t>(last_row),
                      out.work.data(),
                      out.cells.data() + p.origin,
                      p.stride};
  reducer<Pixel>(p.config.instruction_set)(what, how, stats);
  out.bright_last = stats.bright_first == SIZE_MAX ? -1 : static_cast<int>(stats.bright_last);
  out.bright_first = out.bright_last < 0 ? p.cell_rows : static_cast<int>(stats.bright_first);
  mirror_margin(p, out.cells.data());
  stats.sum = std::ldexp(stats.sum, early);
  out.shift = shift;
  out.unit = std::ldexp(1.0, shift);
  out.clamped = stats.clamped;
  return stats;
}

template <class Pixel>
DetectStatus reduce(const Plan& p, const std::byte* bytes, ReducedFrame& out) {
  out.pixels = bytes;
  if (!p.patches.empty()) {
    patch<Pixel>(p, bytes, out.patched);
    out.pixels = out.patched.data();
  }
  out.factor = factor_of<Pixel>(p, out.pixels);
  const RawImage<Pixel> image{out.pixels, static_cast<int>(p.shape.rows), static_cast<int>(p.shape.cols),
                              static_cast<float>(out.factor), nullptr};
  std::fill(out.columns.begin(), out.columns.end(), 0);
  const RowStats stats = fill_cells<Pixel>(p, shift_for(p, image), 0, p.cell_rows - 1, out);
  if (!stats.finite) return DetectStatus::not_finite;
  out.total = stats.sum;
  if (!(out.total > 0)) return DetectStatus::blank;
  const bool saturated = sizeof(Pixel) > 2
                             ? stats.all_most
                             : out.total >= static_cast<double>(p.shape.pixels()) *
                                                static_cast<double>(std::numeric_limits<Pixel>::max());
  if (saturated) return DetectStatus::saturated;
  out.mass_known = find_mass(stats, out.mass);
  out.noise = p.config.variance_per_count > 0
                  ? Noise{std::max(p.config.variance_per_count * out.factor, 1e-6), 1, true}
                  : noise_of(image, out.total, p.config.instruction_set, out.samples);
  return DetectStatus::ok;
}

}  // namespace

void mirror_margin(const Plan& p, Cell* map) noexcept {
  const auto mirrored = [](int i, int side) {
    const int period = 2 * side;
    const int at = ((i % period) + period) % period;
    return at < side ? at : period - 1 - at;
  };
  Cell* const origin = map + p.origin;
  for (int row = 0; row < p.cell_rows; ++row) {
    Cell* line = origin + static_cast<std::size_t>(row) * p.stride;
    if (p.pad <= p.cell_cols) {
      for (int i = 0; i < p.pad; ++i) {
        line[-1 - i] = line[i];
        line[p.cell_cols + i] = line[p.cell_cols - 1 - i];
      }
      continue;
    }
    for (int i = 1; i <= p.pad; ++i) {
      line[-i] = line[mirrored(-i, p.cell_cols)];
      line[p.cell_cols - 1 + i] = line[mirrored(p.cell_cols - 1 + i, p.cell_cols)];
    }
  }
  const std::size_t width = static_cast<std::size_t>(p.cell_cols + 2 * p.pad) * sizeof(Cell);
  const auto stride = static_cast<std::ptrdiff_t>(p.stride);
  for (int i = 1; i <= p.pad; ++i) {
    std::memcpy(origin - i * stride - p.pad, origin + mirrored(-i, p.cell_rows) * stride - p.pad, width);
    const int below = p.cell_rows - 1 + i;
    std::memcpy(origin + below * stride - p.pad, origin + mirrored(below, p.cell_rows) * stride - p.pad,
                width);
  }
}

DetectStatus reduce_frame(const Plan& p, const FrameView& frame, ReducedFrame& out) noexcept {
  if (out.cells.size() != p.count) out.cells.clear(p.count);
  if (out.work.size() < p.shape.cols + 3 * k_cell_lanes) out.work.assign(p.shape.cols + 3 * k_cell_lanes, 0);
  const std::size_t columns = (p.shape.cols + 2 * k_cell_lanes - 1) / k_cell_lanes * k_cell_lanes;
  if (out.columns.size() != columns) out.columns.assign(columns, 0);
  out.samples.reserve(1024);
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  switch (frame.type) {
    case PixelType::u8:
      return reduce<std::uint8_t>(p, bytes, out);
    case PixelType::u16:
      return reduce<std::uint16_t>(p, bytes, out);
    case PixelType::u32:
      return reduce<std::uint32_t>(p, bytes, out);
    case PixelType::f32:
      return reduce<float>(p, bytes, out);
  }
  return DetectStatus::blank;
}

void reduce_again(const Plan& p, PixelType type, int shift, int first_row, int last_row,
                  ReducedFrame& out) noexcept {
  switch (type) {
    case PixelType::u8:
      fill_cells<std::uint8_t>(p, shift, first_row, last_row, out);
      break;
    case PixelType::u16:
      fill_cells<std::uint16_t>(p, shift, first_row, last_row, out);
      break;
    case PixelType::u32:
      fill_cells<std::uint32_t>(p, shift, first_row, last_row, out);
      break;
    case PixelType::f32:
      fill_cells<float>(p, shift, first_row, last_row, out);
      break;
  }
}

}  // namespace bragglive::detail
