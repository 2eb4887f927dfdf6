#include "core/bloch/dataset_settings.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/bloch/zone_axes.hpp"

namespace bragglive {

Expected<DatasetSettings> dataset_preset(const std::string& name) {
  DatasetSettings s;
  s.preset = name;
  s.bloch.thermal_displacement = 0.08;
  s.bloch.precision = Precision::float32;
  if (name == "paper") {
    s.zones = ZoneChoice::grid;
    s.rotations = InPlane::fixed;
    return s;
  }
  if (name == "field") {
    s.bloch.sg_max = 0.04;
    s.noise = {0.003, 0.1, 5e-4};
    return s;
  }
  return fail(ErrorArea::usage, "unknown preset \"{}\": paper or field", name);
}

std::size_t thicknesses_per_zone(const DatasetSettings& s) {
  return s.random_thickness ? static_cast<std::size_t>(s.random_thickness->draws) : s.thicknesses_nm.size();
}

Expected<void> validate(const DatasetSettings& s) {
  if (s.zone_axes < 1 || s.zone_axes > k_max_zones)
    return fail(ErrorArea::usage, "{} zone axes: between 1 and {} are possible", s.zone_axes, k_max_zones);
  if (s.thicknesses_nm.empty() || s.thicknesses_nm.size() > 1000)
    return fail(ErrorArea::usage, "{} thicknesses: between 1 and 1000 are possible", s.thicknesses_nm.size());
  if (const auto& r = s.random_thickness; r && !(r->low_nm > 0 && r->low_nm <= r->high_nm &&
                                                 r->high_nm <= 10000 && r->draws >= 1 && r->draws <= 100))
    return fail(ErrorArea::usage,
                "random thicknesses of {} to {} nm, {} draws: 0 < low <= high <= 10000 nm and 1 to 100 draws "
                "are possible",
                r->low_nm, r->high_nm, r->draws);
  for (const double t : s.thicknesses_nm)
    if (!(t > 0 && t <= 10000))
      return fail(ErrorArea::usage, "the thickness of {} nm is not in 0..10000 nm; it must be positive", t);
  if (s.shards < 1 || s.shard < 1 || s.shard > s.shards)
    return fail(ErrorArea::usage, "shard {}/{}: shards count from 1 to their number", s.shard, s.shards);
  const MeasurementNoise& n = s.noise;
  if (!(n.position_sigma >= 0 && n.position_sigma < 0.5) ||
      !(n.intensity_sigma >= 0 && n.intensity_sigma < 5) || !(n.min_intensity >= 0 && n.min_intensity < 1))
    return fail(ErrorArea::usage, "the noise (position {} 1/Å, intensity {}, threshold {}) is out of range",
                n.position_sigma, n.intensity_sigma, n.min_intensity);
  return {};
}

std::string to_json(const DatasetSettings& s) {
  nlohmann::ordered_json json;
  json["preset"] = s.preset;
  json["voltage_kv"] = s.bloch.voltage_kv;
  json["k_max"] = s.bloch.k_max;
  json["sg_max"] = s.bloch.sg_max;
  json["factors"] = name_of(s.bloch.factors);
  json["absorption"] = s.bloch.absorption;
  if (s.bloch.thermal_displacement)
    json["thermal_displacement"] = *s.bloch.thermal_displacement;
  else
    json["thermal_displacement"] = "crystal";
  json["precision"] = s.bloch.precision == Precision::float32 ? "single" : "double";
  if (s.bloch.bethe_ratio) json["bethe_ratio"] = *s.bloch.bethe_ratio;
  if (const auto& r = s.random_thickness)
    json["thickness_nm"] = {{"random", r->logarithmic ? "logarithmic" : "uniform"},
                            {"low", r->low_nm},
                            {"high", r->high_nm},
                            {"draws", r->draws}};
  else
    json["thickness_nm"] = s.thicknesses_nm;
  json["zones"] = s.zones == ZoneChoice::grid ? "grid" : "random";
  json["zone_axes"] = s.zone_axes;
  json["rotations"] = s.rotations == InPlane::fixed ? "fixed" : "random";
  json["noise"] = {{"position_sigma", s.noise.position_sigma},
                   {"intensity_sigma", s.noise.intensity_sigma},
                   {"min_intensity", s.noise.min_intensity}};
  json["seed"] = s.seed;
  json["shard"] = fmt::format("{}/{}", s.shard, s.shards);
  json["split"] = s.split == Split::train ? "train" : s.split == Split::test ? "test" : "all";
  json["systems"] = nlohmann::ordered_json::array();
  for (const CrystalSystem system : s.systems) json["systems"].push_back(name_of(system));
  json["max_volume"] = s.max_volume;
  json["limit"] = s.limit;
  return json.dump();
}

}  // namespace bragglive
