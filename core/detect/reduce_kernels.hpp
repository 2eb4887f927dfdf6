// Reading a frame: blocks of pixels become cells, and what the frame's statistics need falls off on the way.
// In versions for several instruction sets.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/detect/simd.hpp"

namespace bragglive::detail {

using Cell = std::int16_t;
constexpr std::size_t k_cell_lanes = 32;  // passes work on whole vectors of so many cells

// Begins on a cache line: vectors that lie across two take twice as long.
class CellMap {
 public:
  void clear(std::size_t count) {
    lines_.assign((count + k_cell_lanes - 1) / k_cell_lanes, {});
    count_ = count;
  }
  std::size_t size() const { return count_; }
  Cell* data() { return lines_.data()->cells; }
  const Cell* data() const { return lines_.data()->cells; }

 private:
  struct alignas(64) Line {
    Cell cells[k_cell_lanes];
  };
  std::vector<Line> lines_;
  std::size_t count_ = 0;
};

// How pixels become cells.
struct Reduction {
  std::size_t block = 1;          // pixels per cell along an axis: 1, 2, 4, 8 …
  float factor = 1;               // floats and large integers are multiplied by this first
  std::uint16_t pixel_most = 0;   // then clamped to this; block * pixel_most < 65536
  int shift = 0;                  // sums of `block` pixels lose so many bits
  std::uint16_t column_most = 0;  // and are clamped to this; block * column_most <= 32767
};

// What becomes of which rows.
struct CellRows {
  const std::byte* pixels = nullptr;  // of the frame
  std::size_t rows = 0, cols = 0;     // of pixels
  std::size_t first = 0, last = 0;    // rows of cells
  std::uint16_t* work = nullptr;      // room for cols + 64 values
  Cell* cells = nullptr;              // cell (0, 0); a row has room for ceil(cols / block) cells
  std::size_t stride = 0;
};

struct RowStats {
  double sum = 0;        // of the pixels times `factor`, exact for integers, negative
                         // ones as zero
  bool all_most = true;  // every pixel is the type's maximum; of pixels of more than two bytes
  bool finite = true;
  bool clamped = false;  // something was
  // Rows of cells with a column above three fifths of the most, or clamped pixels.
  std::size_t bright_first = SIZE_MAX, bright_last = 0;
  // First moments, for pixels of one or two bytes that were not clamped: the sum times the row, rows numbered
  // from the first on, and the sums of the columns, those of even numbers first and of odd ones
  // `column_pairs` behind. Room for whole vectors of columns.
  bool moments = true;
  double by_row = 0;
  std::uint32_t* columns = nullptr;
  std::size_t column_pairs = 0;
};

// Sums up blocks of pixels into cells.
using Reduce = void (*)(const CellRows& what, const Reduction& how, RowStats& stats);

struct ReduceKernels {
  Reduce u8, u16, u32, f32;
};
const ReduceKernels& reduce_kernels(InstructionSet set);

}  // namespace bragglive::detail
