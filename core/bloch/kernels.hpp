// The inner loops of the simulator, compiled for several instruction sets and chosen when the program starts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bragglive {

constexpr std::size_t k_block = 16;  // vectors and rows are padded with zeros to whole blocks

// Rows of a packed symmetric or Hermitian matrix: row i holds columns 0 .. 16 (i/16 + 1) - 1, rows follow
// each other.
constexpr std::size_t packed_row(std::size_t i) {
  const std::size_t block = i / k_block;
  return k_block * k_block * (block * (block + 1) / 2) + (i % k_block) * k_block * (block + 1);
}
constexpr std::size_t padded(std::size_t n) {
  return (n + k_block - 1) / k_block * k_block;
}

// Function table; n is always padded. All pointers of one call are distinct arrays.
template <class Real>
struct Kernels {
  // f = scale Σ a (2 + b g²)/(1 + b g²)², in double: the terms cancel to a thousandth
  void (*lobato_row)(const double* coefficients, double scale, const double* g2, int count, Real* out);
  // out *= exp(factor g²), factor <= 0
  void (*damp)(double factor, const double* g2, int count, Real* out);
  void (*accumulate_phases)(Real pr, Real pi, const Real* zr, const Real* zi, int count, Real* re, Real* im);
  // out[j] = scale * table[offset[j] - offset_row] for j < count
  void (*gather)(const Real* table, const std::int32_t* offset, std::int32_t offset_row, Real scale,
                 std::size_t count, Real* out);
  // y = A x, A packed symmetric
  void (*symmetric)(std::size_t n, const Real* a, const Real* x, Real* y);
  // y = A x, A packed Hermitian, real and imaginary parts apart
  void (*hermitian)(std::size_t n, const Real* a_re, const Real* a_im, const Real* x_re, const Real* x_im,
                    Real* y_re, Real* y_im);
  // y = A x, A full, row-major, n columns
  void (*general)(std::size_t n, const Real* a_re, const Real* a_im, const Real* x_re, const Real* x_im,
                  Real* y_re, Real* y_im);
  // next = factor (y - centre x + low x) - previous, into `previous`
  void (*recur)(std::size_t n, Real factor, Real centre, const Real* low, const Real* y, const Real* x,
                Real* previous);
  // y += low x; returns x·y
  double (*shifted_dot)(std::size_t n, const Real* low, const Real* x, Real* y);
  // y -= a x + b previous; returns y·y
  double (*orthogonalise)(std::size_t n, Real a, Real b, const Real* x, const Real* previous, Real* y);
  // out += weight x
  void (*add)(std::size_t n, Real weight, const Real* x, Real* out);
};

// The best set for this processor.
template <class Real>
const Kernels<Real>& kernels();
template <>
const Kernels<float>& kernels<float>();
template <>
const Kernels<double>& kernels<double>();

// "avx512", "avx2" or "baseline"; for provenance and benchmarks.
std::string_view instruction_set();

}  // namespace bragglive
