#include "plugin/known_crystal/known_crystal.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <map>
#include <numbers>

#include "core/bloch/scattering.hpp"
#include "core/crystal/cif.hpp"

namespace bragglive {

Expected<void> set_known_crystal(const std::string& cif, CalibratorConfig& config) {
  constexpr double k_longest_q = 2.5;
  constexpr double k_weakest = 2e-3;
  const auto crystal = load_cif(cif);
  if (!crystal) return tl::unexpected(crystal.error());
  const Eigen::Matrix3d reciprocal = reciprocal_rows(crystal->cell);
  const int h_most = static_cast<int>(crystal->cell.a * k_longest_q) + 1;
  const int k_most = static_cast<int>(crystal->cell.b * k_longest_q) + 1;
  const int l_most = static_cast<int>(crystal->cell.c * k_longest_q) + 1;
  std::map<long, KnownRing> rings;  // by q in steps of 1e-4 1/Å
  std::vector<KnownReflection> reflections;
  double strongest_ring = 0;
  double strongest = 0;
  for (int h = -h_most; h <= h_most; ++h)
    for (int k = -k_most; k <= k_most; ++k)
      for (int l = -l_most; l <= l_most; ++l) {
        const Eigen::Vector3d hkl(h, k, l);
        const Eigen::Vector3d g = reciprocal.transpose() * hkl;
        const double q = g.norm();
        if (q < 1e-6 || q > k_longest_q) continue;
        std::complex<double> sum;
        for (const Atom& atom : crystal->atoms)
          sum += atom.occupancy * lobato_factor(atom.z, q) *
                 std::exp(-2 * std::numbers::pi * std::numbers::pi * atom.u_squared * q * q) *
                 std::polar(1.0, 2 * std::numbers::pi * hkl.dot(atom.position));
        const auto key = std::lround(q * 1e4);
        auto [at, fresh] = rings.try_emplace(key, KnownRing{q, 0});
        at->second.q = q;
        at->second.strength += std::norm(sum);
        strongest_ring = std::max(strongest_ring, at->second.strength);
        strongest = std::max(strongest, std::norm(sum));
        reflections.push_back({{g[0], g[1], g[2]}, std::norm(sum)});
      }
  std::erase_if(reflections, [&](const KnownReflection& r) { return r.strength < k_weakest * strongest; });
  config.reflections = std::move(reflections);
  config.known.clear();
  for (const auto& [key, ring] : rings)
    if (ring.strength > k_weakest * strongest_ring) config.known.push_back(ring);
  return {};
}

}  // namespace bragglive
