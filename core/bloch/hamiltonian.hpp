// The matrix of one pattern in the form its symmetry allows; internal to the solvers.
#pragma once
#include <complex>
#include <cstdint>
#include <vector>

#include "core/bloch/kernels.hpp"

namespace bragglive {

enum class MatrixKind {
  symmetric,  // real: inversion centre, no absorption
  hermitian,  // no absorption
  general     // absorption
};

// H in radians per Å: ψ(t) = exp(i t H) e_direct, t in Å along the foil normal's path.
template <class Real>
struct Hamiltonian {
  MatrixKind kind = MatrixKind::symmetric;
  std::size_t beams = 0;     // before padding
  std::size_t size = 0;      // padded; the padding is zero
  std::size_t direct = 0;    // row of the direct beam
  std::vector<Real> re, im;  // packed (symmetric, hermitian) or full rows (general)
  // What the stored diagonal lost by rounding: 2π s t reaches hundreds of radians, where a float is only good
  // to 1e-5.
  std::vector<Real> low;

  std::size_t at(std::size_t row, std::size_t column) const {  // column <= row where packed
    return kind == MatrixKind::general ? row * size + column : packed_row(row) + column;
  }
  std::complex<double> element(std::size_t row, std::size_t column) const {
    const bool mirror = kind != MatrixKind::general && column > row;
    const std::size_t i = mirror ? at(column, row) : at(row, column);
    const double imaginary = im.empty() ? 0.0 : double(im[i]);
    return {double(re[i]), mirror ? -imaginary : imaginary};
  }
  void set_diagonal(std::size_t row, double value) {
    re[at(row, row)] = static_cast<Real>(value);
    low[row] = static_cast<Real>(value - double(re[at(row, row)]));
  }
  void reset(MatrixKind new_kind, std::size_t new_beams, std::size_t new_direct) {
    kind = new_kind;
    beams = new_beams;
    direct = new_direct;
    size = padded(new_beams);
    const std::size_t entries = kind == MatrixKind::general ? size * size : packed_row(size);
    re.assign(entries, 0);
    im.assign(kind == MatrixKind::symmetric ? 0 : entries, 0);
    low.assign(size, 0);
  }
};

}  // namespace bragglive
