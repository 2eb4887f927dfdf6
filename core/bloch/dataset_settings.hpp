// What one data set holds and how it was made; recorded in the set as JSON.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bloch/bloch_wave.hpp"
#include "core/label/crystal_system.hpp"

namespace bragglive {

enum class ZoneChoice { grid, random };  // one even grid per Laue class, or uniform over the sector
enum class InPlane {
  fixed,
  random
};  // detector x along the projection of -c, or turned at random and mirrored half the time

// What a microscope adds to a spot list. Applied in this order: intensity, threshold, position.
struct MeasurementNoise {
  double position_sigma = 0;    // 1/Å, normal, each axis
  double intensity_sigma = 0;   // log-normal: standard deviation of ln I
  double min_intensity = 1e-6;  // of the incident beam: weaker spots are lost (never the direct beam)
};

// Thicknesses drawn anew for every zone axis.
struct RandomThickness {
  double low_nm = 2, high_nm = 200;
  int draws = 1;             // patterns per zone axis
  bool logarithmic = false;  // uniform in ln t, else in t
};

struct DatasetSettings {
  std::string preset = "field";
  BlochSettings bloch;
  std::vector<double> thicknesses_nm = {20};
  std::optional<RandomThickness> random_thickness;  // in place of thicknesses_nm
  ZoneChoice zones = ZoneChoice::random;
  int zone_axes = 100;
  InPlane rotations = InPlane::random;
  MeasurementNoise noise;
  std::uint64_t seed = 1;
  // Which of the crystals: a part of a job array (1-based), a side of the split, crystal systems, cells up
  // to a volume, Å³ (0: all), at most so many (0: all).
  int shard = 1, shards = 1;
  Split split = Split::none;           // none: both sides
  std::vector<CrystalSystem> systems;  // empty: all
  double max_volume = 0;               // of the conventional cell
  std::size_t limit = 0;
};

// Patterns of one zone axis.
std::size_t thicknesses_per_zone(const DatasetSettings& settings);

// paper: one grid of 100 zone axes per Laue class, one in-plane frame, no noise, |s| <= 0.06 (protocol 1 of
// design.md §3). field: random zones, rotations and mirrors, position error 0.003 1/Å, spots below 5e-4 lost,
// intensities off by 10 %, |s| <= 0.04. Both: 300 kV, 20 nm, Lobato factors with a displacement of 0.08 Å, no
// absorption, single precision.
Expected<DatasetSettings> dataset_preset(const std::string& name);

// Refuses what no run could use: counts, thicknesses, noise and shard out of range.
Expected<void> validate(const DatasetSettings& settings);

// All of it as one JSON object, keys in fixed order.
std::string to_json(const DatasetSettings& settings);

}  // namespace bragglive
