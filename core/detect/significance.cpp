#include "core/detect/significance.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::detail {

double normal_quantile_above(double probability) {
  const double p = std::clamp(probability, 1e-300, 0.5);
  if (p > 0.02425) {
    const double q = 0.5 - p;
    const double r = q * q;
    const double top =
        (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.3577518672690) *
              r -
          30.66479806614716) *
             r +
         2.506628277459239) *
        q;
    const double bottom =
        ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) *
             r -
         13.28068155288572) *
            r +
        1;
    return top / bottom;
  }
  const double q = std::sqrt(-2 * std::log(p));
  const double top =
      ((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) *
           q +
       4.374664141464968) *
          q +
      2.938163982698783;
  const double bottom =
      (((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) *
          q +
      1;
  return -top / bottom;
}

double li_ma(double on, double off, double alpha) {
  // Counts are whole: with a quarter less the normal law's tail is the Poisson one's, from two counts on.
  on -= 0.25;
  if (on <= 0 || on <= alpha * off) return 0;
  const double all = on + off;
  double sum = on * std::log((1 + alpha) / alpha * on / all);
  if (off > 0) sum += off * std::log((1 + alpha) * off / all);
  return std::sqrt(2 * std::max(sum, 0.0));
}

}  // namespace bragglive::detail
