#include "core/bloch/bethe.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {

template <class Real>
BetheReduction eliminate_weak_beams(Hamiltonian<Real>& h, double ratio) {
  BetheReduction reduction;
  reduction.all = h.beams;
  for (std::size_t i = 0; i < h.beams; ++i) {
    const bool weak =
        i != h.direct && std::abs(h.element(i, i).real()) > ratio * std::abs(h.element(i, h.direct));
    (weak ? reduction.weak : reduction.strong).push_back(static_cast<std::uint32_t>(i));
  }
  const std::size_t n = reduction.strong.size();
  for (const std::uint32_t w : reduction.weak)
    for (const std::uint32_t s : reduction.strong)
      reduction.response.push_back(-h.element(w, s) / h.element(w, w).real());

  const auto direct =
      std::find(reduction.strong.begin(), reduction.strong.end(), h.direct) - reduction.strong.begin();
  Hamiltonian<Real> reduced;
  reduced.reset(h.kind, n, static_cast<std::size_t>(direct));
  std::vector<std::complex<double>> row(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t count = h.kind == MatrixKind::general ? n : std::min(n, (i / k_block + 1) * k_block);
    for (std::size_t j = 0; j < count; ++j) row[j] = h.element(reduction.strong[i], reduction.strong[j]);
    for (std::size_t w = 0; w < reduction.weak.size(); ++w) {
      const std::complex<double> left = h.element(reduction.strong[i], reduction.weak[w]);
      for (std::size_t j = 0; j < count; ++j) row[j] += left * reduction.response[w * n + j];
    }
    const double diagonal = row[i].real() + double(h.low[reduction.strong[i]]);
    for (std::size_t j = 0; j < count; ++j) {
      reduced.re[reduced.at(i, 0) + j] = static_cast<Real>(row[j].real());
      if (!reduced.im.empty()) reduced.im[reduced.at(i, 0) + j] = static_cast<Real>(row[j].imag());
    }
    reduced.set_diagonal(i, diagonal);
  }
  h = std::move(reduced);
  return reduction;
}

void restore_weak_beams(const BetheReduction& reduction, std::size_t thicknesses,
                        std::vector<std::complex<double>>& amplitudes) {
  const std::size_t n = reduction.strong.size();
  std::vector<std::complex<double>> all(thicknesses * reduction.all);
  for (std::size_t t = 0; t < thicknesses; ++t) {
    const std::complex<double>* from = amplitudes.data() + t * n;
    std::complex<double>* to = all.data() + t * reduction.all;
    for (std::size_t i = 0; i < n; ++i) to[reduction.strong[i]] = from[i];
    for (std::size_t w = 0; w < reduction.weak.size(); ++w) {
      std::complex<double> sum = 0;
      for (std::size_t i = 0; i < n; ++i) sum += reduction.response[w * n + i] * from[i];
      to[reduction.weak[w]] = sum;
    }
  }
  amplitudes = std::move(all);
}

template BetheReduction eliminate_weak_beams<float>(Hamiltonian<float>&, double);
template BetheReduction eliminate_weak_beams<double>(Hamiltonian<double>&, double);

}  // namespace bragglive
