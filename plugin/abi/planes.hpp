// The planes that the C ABI offers: name, type and unit of each, and how a row of it is copied.
#pragma once
#include <bragglive/bragglive.h>

#include <cstddef>

#include "core/label/map_snapshot.hpp"

namespace bragglive::abi {

struct Plane {
  const char* name;
  const char* unit;
  std::uint32_t type;  // BRAGGLIVE_U8 …
  std::uint32_t bytes;
  const void* (*row)(const MapRow& row);  // scan.cols elements
};

// nullptr: no such plane.
const Plane* plane(std::uint32_t number);

}  // namespace bragglive::abi
