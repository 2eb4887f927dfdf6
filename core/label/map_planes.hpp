// The planes of a map by number: name, unit, type and where a row of each lies. The C ABI and the publisher
// hand out these.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/label/map_snapshot.hpp"

namespace bragglive {

struct MapPlane {
  const char* name;
  const char* unit;                       // "" = none
  const char* type;                       // "uint8", "uint16", "float32"
  std::uint32_t bytes;                    // of an element
  const void* (*row)(const MapRow& row);  // scan.cols elements
};

// The order is part of the C ABI: append only.
std::span<const MapPlane> map_planes();

}  // namespace bragglive
