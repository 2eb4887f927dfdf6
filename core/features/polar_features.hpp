// The polar Fourier vector of the paper: tent-weighted rings times circular harmonics of the spot
// intensities.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/features/feature_set.hpp"

namespace bragglive {

// Which spot counts as the direct beam and is left out.
enum class DirectBeam : std::uint8_t {
  origin,     // the spot nearest to q = 0 within origin_radius; nothing when there is none (a masked centre)
  brightest,  // the first of the brightest, as the authors' scripts do
  keep        // none
};

struct PolarConfig {
  double ring_step = 0.05;    // Δq, 1/Å; (0, 1]
  std::uint32_t rings = 41;   // m = 0..rings-1; 1..200
  std::uint32_t orders = 13;  // p = 0..orders-1; 1..32
  DirectBeam direct = DirectBeam::origin;
  double origin_radius = 0.03;  // 1/Å; below the shortest reflection of a 30 Å cell, above any centring error
  double scale_total =
      0;  // > 0: the whole list is scaled to this sum before the direct beam is left out (the authors: 0.3)
  bool magnitudes_only = false;  // |τ| alone: arg τ turns with the in-plane rotation
  double phase_noise = 1e-6;  // arg τ = 0 where |τ| <= phase_noise Σ w I: below that it is rounding noise
};

// τ(m,p) = Σ_j I_j w_m(q_j) exp(i p φ_j), w_m(q) = max(0, 1 - |q - mΔq|/Δq), φ = atan2(qy, qx). Order: m
// outer, p inner, |τ| and arg τ interleaved: index 2(orders m + p) and + 1 (magnitudes_only: orders m + p).
// In the units of the intensity.
class PolarFeatures final : public FeatureSet {
 public:
  static Expected<std::shared_ptr<const PolarFeatures>> create(const PolarConfig& config);

  std::size_t size() const override;
  std::string definition() const override;
  std::vector<std::string> names() const override;
  std::unique_ptr<Scratch> make_scratch() const override;
  void compute(std::span<const BraggPeak> peaks, Scratch* scratch,
               std::span<float> out) const noexcept override;

 private:
  explicit PolarFeatures(const PolarConfig& config) : config_(config) {}
  PolarConfig config_;
};

// Index into `peaks` of the spot that `direct` names; -1 when there is none.
std::ptrdiff_t find_direct_beam(std::span<const BraggPeak> peaks, DirectBeam direct,
                                double origin_radius) noexcept;

}  // namespace bragglive
