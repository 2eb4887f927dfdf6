// The phases that a specimen may hold, as a specimen model carries them: names, cells and kinematic
// reflections.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/label/crystal_system.hpp"

namespace bragglive {

// A map keeps one plane per phase, as many as it has for crystal systems.
constexpr std::size_t k_max_phases = k_crystal_systems - 1;
constexpr std::size_t k_max_phase_reflections = 20000;
constexpr int k_max_phase_index = 127;  // of h, k, l

struct PhaseReflection {
  std::int16_t h = 0, k = 0, l = 0;
  std::uint16_t representative = 0;  // 1: the one of its symmetry-equal reflections that stands for them all
  float strength = 0;                // |U_g|² as a share of the strongest
};

struct Phase {
  std::string name;     // shown; the name of the CIF file
  std::string formula;  // reduced
  std::uint16_t space_group = 0;
  CrystalSystem system = CrystalSystem::none;
  std::array<float, 6> lattice{};            // a b c Å, alpha beta gamma degrees
  std::array<double, 9> reciprocal{};        // rows a*, b*, c* in 1/Å, in the cell that h k l count
  std::vector<PhaseReflection> reflections;  // all with 0 < |g| <= 1.6 1/Å that are not absent, rising |g|
};

// The section "phases" of a model file, little-endian: u32 version 1, number of phases; per phase: name and
// formula (u16 length, UTF-8), u16 space group, u16 system, f32 lattice[6], f64 reciprocal[9], u32
// reflections, each 3 i16, u16, f32. Reading checks every length and number.
std::vector<std::byte> phases_to_bytes(std::span<const Phase> phases);
Expected<std::vector<Phase>> phases_from_bytes(std::span<const std::byte> bytes);

}  // namespace bragglive
