#include "core/train/lattice_lengths.hpp"

#include <algorithm>

namespace bragglive {
namespace {

using Lengths = std::array<const char*, 3>;

// Trigonal crystals with a primitive lattice are fitted as hexagonal ones; the features say so themselves.
const Lengths* lengths_of(CrystalSystem system) {
  static constexpr Lengths k_monoclinic{"lattice monoclinic a", "lattice monoclinic b",
                                        "lattice monoclinic c"},
      k_orthorhombic{"lattice orthorhombic a", "lattice orthorhombic b", "lattice orthorhombic c"},
      k_tetragonal{"lattice tetragonal a", "lattice tetragonal a", "lattice tetragonal c"},
      k_trigonal{"lattice rhombohedral a", "lattice rhombohedral a", "lattice rhombohedral c"},
      k_hexagonal{"lattice hexagonal a", "lattice hexagonal a", "lattice hexagonal c"},
      k_cubic{"lattice cubic a", "lattice cubic a", "lattice cubic a"};
  switch (system) {
    case CrystalSystem::monoclinic:
      return &k_monoclinic;
    case CrystalSystem::orthorhombic:
      return &k_orthorhombic;
    case CrystalSystem::tetragonal:
      return &k_tetragonal;
    case CrystalSystem::trigonal:
      return &k_trigonal;
    case CrystalSystem::hexagonal:
      return &k_hexagonal;
    case CrystalSystem::cubic:
      return &k_cubic;
    default:
      return nullptr;
  }
}

}  // namespace

LatticeLengths::LatticeLengths(std::span<const std::string> names) {
  for (std::size_t s = 0; s < place_.size(); ++s) {
    const Lengths* const lengths = lengths_of(static_cast<CrystalSystem>(s));
    if (lengths == nullptr) continue;
    std::vector<std::size_t> place;
    for (const char* const length : *lengths) {
      const auto name = std::find(names.begin(), names.end(), length);
      if (name == names.end()) break;
      const auto column = static_cast<std::uint16_t>(name - names.begin());
      auto known = std::find(features_.begin(), features_.end(), column);
      if (known == features_.end()) known = features_.insert(known, column);
      place.push_back(static_cast<std::size_t>(known - features_.begin()));
    }
    if (place.size() == lengths->size()) place_[s] = std::move(place);
  }
}

std::vector<std::uint16_t> LatticeLengths::scale_features(CrystalSystem system) const {
  if (!measured(system)) return {};
  std::vector<std::uint16_t> out(6, k_unscaled);
  for (std::size_t k = 0; k < 3; ++k) out[k] = features_[of(system)[k]];
  return out;
}

void LatticeLengths::divide(CrystalSystem system, std::span<const float> values,
                            std::array<float, 6>& lattice) const {
  if (!measured(system)) return;
  for (std::size_t k = 0; k < 3; ++k)
    if (const float length = values[of(system)[k]]; length > 0) lattice[k] /= length;
}

}  // namespace bragglive
