// Is there a disk, or only noise? Counting statistics.
#pragma once

namespace bragglive::detail {

// z with P(normal > z) = probability, for 0 < probability <= 0.5. (Acklam's rational approximation, relative
// error 1.2e-9.)
double normal_quantile_above(double probability);

// Significance, in standard deviations, of `on` counts in a disk against `off` counts in a ring of 1 / alpha
// times its area: Li & Ma, Astrophys. J. 272 (1983) 317, eq. (17), with half a count taken off for
// continuity. 0 where on/alpha <= off.
double li_ma(double on, double off, double alpha);

}  // namespace bragglive::detail
