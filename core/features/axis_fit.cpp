// To be compiled without contraction to fused multiply-add, which would make results depend on the processor.
#include "core/features/axis_fit.hpp"

#include <cstdint>

#ifdef BL_SIMD_X86
#define BL_AXIS_AVX2 [[gnu::target("avx2,prefer-vector-width=256")]]
#define BL_AXIS_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")]]
#endif

namespace bragglive::indexing {

using Doubles [[gnu::vector_size(64), gnu::may_alias]] = double;
using Masks [[gnu::vector_size(64), gnu::may_alias]] = std::int64_t;

// Gauss-Newton with two multipliers, as MetricFit::solve.
struct AxisKernel {
  BL_INLINE static const Doubles& load(const AxisBatch::Lanes& lanes) {
    return reinterpret_cast<const Doubles&>(lanes);
  }
  BL_INLINE static Doubles& store(AxisBatch::Lanes& lanes) { return reinterpret_cast<Doubles&>(lanes); }

  BL_INLINE static void run(AxisBatch& batch, const MeasuredBasis& measured,
                            const std::array<double, 9>& start) {
    constexpr std::size_t k_of[3][3]{{0, 5, 4}, {5, 1, 3}, {4, 3, 2}};  // place in a Relation
    const Doubles zero{};
    Doubles b[9], chi2 = zero;
    for (std::size_t i = 0; i < 9; ++i) b[i] = zero + start[i];
    Masks good = zero == zero;
    for (int round = 0; round < 3; ++round) {
      Doubles gradient[2][9], moved[2][9], rest[2];
      for (std::size_t k = 0; k < 2; ++k) {
        const auto& relation = batch.relation_[k];
        rest[k] = zero;
        for (std::size_t row = 0; row < 3; ++row) {
          for (std::size_t col = 0; col < 3; ++col) {
            Doubles sum = zero;
            for (std::size_t m = 0; m < 3; ++m)
              sum += b[3 * row + m] * load(relation[k_of[m][col]]) * (m == col ? 2.0 : 1.0);
            gradient[k][3 * row + col] = sum;
            // The relation, linearised at b, as the measured basis breaks it.
            rest[k] += sum * (measured.basis[3 * row + col] - 0.5 * b[3 * row + col]);
          }
          for (std::size_t col = 0; col < 3; ++col) {
            Doubles sum = zero;
            for (std::size_t m = 0; m < 3; ++m)
              sum += gradient[k][3 * row + m] * measured.inverse_normal[k_of[m][col]];
            moved[k][3 * row + col] = sum * measured.variance[row];
          }
        }
      }
      Doubles s00 = zero, s01 = zero, s11 = zero;
      for (std::size_t i = 0; i < 9; ++i) {
        s00 += gradient[0][i] * moved[0][i];
        s01 += gradient[0][i] * moved[1][i];
        s11 += gradient[1][i] * moved[1][i];
      }
      const Doubles determinant = s00 * s11 - s01 * s01, per = 1 / determinant;
      const Doubles m0 = (s11 * rest[0] - s01 * rest[1]) * per, m1 = (s00 * rest[1] - s01 * rest[0]) * per;
      chi2 = m0 * rest[0] + m1 * rest[1];
      good &= (s00 > zero) & (determinant > zero) & (chi2 >= zero) & (chi2 < zero + k_hopeless);
      for (std::size_t i = 0; i < 9; ++i) b[i] = measured.basis[i] - m0 * moved[0][i] - m1 * moved[1][i];
    }
    for (std::size_t i = 0; i < 9; ++i) store(batch.basis_[i]) = b[i];
    const Doubles none = zero + k_no_solution;
    const Masks merged =
        (good & reinterpret_cast<const Masks&>(chi2)) | (~good & reinterpret_cast<const Masks&>(none));
    store(batch.chi2_) = reinterpret_cast<const Doubles&>(merged);
  }

#ifdef BL_SIMD_X86
  BL_AXIS_AVX2 static void avx2(AxisBatch& batch, const MeasuredBasis& m,
                                const std::array<double, 9>& start) {
    run(batch, m, start);
  }
  BL_AXIS_AVX512 static void avx512(AxisBatch& batch, const MeasuredBasis& m,
                                    const std::array<double, 9>& start) {
    run(batch, m, start);
  }
#endif
  static void plain(AxisBatch& batch, const MeasuredBasis& m, const std::array<double, 9>& start) {
    run(batch, m, start);
  }
};

// (G h) × u has three components, one of which follows from the others: u · ((G h) × u) = 0.
void AxisBatch::add(const Eigen::Vector3i& h, const Eigen::Vector3i& u) {
  constexpr std::array<std::array<std::size_t, 3>, 3> k_place{{{0, 5, 4}, {5, 1, 3}, {4, 3, 2}}};
  Eigen::Index follows = 0;
  u.cwiseAbs().maxCoeff(&follows);
  for (std::size_t which = 0; which < 2; ++which) {
    const Eigen::Index k = (follows + 1 + static_cast<Eigen::Index>(which)) % 3, i = (k + 1) % 3,
                       j = (k + 2) % 3;
    std::array<double, 6> r{};  // (G h)_i u_j - (G h)_j u_i
    for (Eigen::Index m = 0; m < 3; ++m) {
      r[k_place[static_cast<std::size_t>(i)][static_cast<std::size_t>(m)]] += h[m] * u[j];
      r[k_place[static_cast<std::size_t>(j)][static_cast<std::size_t>(m)]] -= h[m] * u[i];
    }
    for (std::size_t n = 0; n < r.size(); ++n) relation_[which][n][count_] = r[n];
  }
  ++count_;
}

void AxisBatch::solve(const MeasuredBasis& measured, const Eigen::Matrix3d& start, InstructionSet set) {
  std::array<double, 9> from;
  Eigen::Map<Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(from.data()) = start;
#ifdef BL_SIMD_X86
  return detail::choose(set, &AxisKernel::plain, &AxisKernel::avx2, &AxisKernel::avx512)(*this, measured,
                                                                                         from);
#else
  static_cast<void>(set);
  return AxisKernel::plain(*this, measured, from);
#endif
}

Eigen::Matrix3d AxisBatch::basis(std::size_t i) const {
  Eigen::Matrix3d out;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t col = 0; col < 3; ++col)
      out(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(col)) = basis_[3 * row + col][i];
  return out;
}

}  // namespace bragglive::indexing
