// Linear least squares that a share of wild values cannot move.
#pragma once
#include <Eigen/Core>
#include <vector>

namespace bragglive {

struct RobustFit {
  Eigen::VectorXd parameters;
  Eigen::VectorXd sigma;    // standard uncertainties
  Eigen::VectorXd weights;  // 0 .. 1 per row: 0 = taken for an outlier
  double scatter = 0;       // standard deviation of the rows that count
  bool good = false;        // false: fewer usable rows than parameters, or they do not fix them
};

// Minimises the residuals of design * parameters = values by iterated weights (Tukey's biweight, scale from
// the median absolute residual). `prior`: weight per row, empty = 1.
RobustFit robust_fit(const Eigen::MatrixXd& design, const Eigen::VectorXd& values,
                     const Eigen::VectorXd& prior = {});

double median(std::vector<double> values);  // 0 for an empty list

}  // namespace bragglive
