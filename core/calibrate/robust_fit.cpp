#include "core/calibrate/robust_fit.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>

namespace bragglive {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  const double upper = *middle;
  if (values.size() % 2 == 1) return upper;
  return (*std::max_element(values.begin(), middle) + upper) / 2;
}

RobustFit robust_fit(const Eigen::MatrixXd& design, const Eigen::VectorXd& values,
                     const Eigen::VectorXd& prior) {
  constexpr int k_rounds = 30;
  constexpr double k_tukey = 4.685;  // 95 % efficiency for Gaussian noise
  RobustFit fit;
  const Eigen::Index rows = design.rows();
  const Eigen::Index cols = design.cols();
  const Eigen::VectorXd base = prior.size() == rows ? prior : Eigen::VectorXd::Ones(rows);
  fit.weights = Eigen::VectorXd::Ones(rows);
  if (rows < cols) return fit;
  for (int round = 0; round < k_rounds; ++round) {
    const Eigen::VectorXd root = (base.array() * fit.weights.array()).sqrt();
    const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> solver(root.asDiagonal() * design);
    if (solver.rank() < cols) return fit;
    const Eigen::VectorXd before = fit.parameters;
    fit.parameters = solver.solve(root.cwiseProduct(values));
    const Eigen::VectorXd residual = values - design * fit.parameters;
    std::vector<double> sizes;
    for (Eigen::Index i = 0; i < rows; ++i)
      if (base[i] > 0) sizes.push_back(std::abs(residual[i]));
    fit.scatter = 1.4826 * median(sizes);
    if (!(fit.scatter > 1e-12)) break;  // an exact fit
    for (Eigen::Index i = 0; i < rows; ++i) {
      const double u = residual[i] / (k_tukey * fit.scatter);
      fit.weights[i] = std::abs(u) < 1 ? (1 - u * u) * (1 - u * u) : 0;
    }
    if (round > 2 && (fit.parameters - before).norm() < 1e-10 * (1 + fit.parameters.norm())) break;
  }
  const Eigen::MatrixXd normal =
      design.transpose() * (base.array() * fit.weights.array()).matrix().asDiagonal() * design;
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> solver(normal);
  if (solver.rank() < cols) return fit;
  const Eigen::MatrixXd inverse = solver.inverse();
  fit.sigma = fit.scatter * inverse.diagonal().cwiseMax(0).cwiseSqrt();
  fit.good = true;
  return fit;
}

}  // namespace bragglive
