// Numbers that carry their unit, so that detector pixels cannot pass for inverse Angstrom.
#pragma once

namespace bragglive {

template <class Tag>
struct Quantity {
  double value = 0;
  friend auto operator<=>(const Quantity&, const Quantity&) = default;
};

using DetectorPx = Quantity<struct DetectorPxTag>;    // length on the detector, pixels
using InvAngstrom = Quantity<struct InvAngstromTag>;  // scattering vector, 1/Å without 2π (|q| = 1/d)
using Angstrom = Quantity<struct AngstromTag>;        // length in the crystal, Å
using Mrad = Quantity<struct MradTag>;                // angle, milliradian

}  // namespace bragglive
