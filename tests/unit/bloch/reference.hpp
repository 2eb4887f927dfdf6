// The reference crystals and cases of ../shared/reference/bloch.
#pragma once
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/bloch/bloch_wave.hpp"
#include "core/crystal/crystal.hpp"
#include "tests/shared_data.hpp"

namespace bragglive::test {

inline nlohmann::json read_json(const std::string& relative) {
  std::ifstream file(shared_path(relative));
  return nlohmann::json::parse(file);
}

inline Crystal reference_crystal(const nlohmann::json& entry) {
  Crystal crystal;
  crystal.id = entry["name"];
  const auto& c = entry["cell_A_deg"];
  crystal.cell = {c[0], c[1], c[2], c[3], c[4], c[5]};
  for (std::size_t i = 0; i < entry["Z"].size(); ++i) {
    Atom atom;
    atom.z = entry["Z"][i];
    for (int k = 0; k < 3; ++k) atom.position[k] = entry["frac"][i][std::size_t(k)];
    crystal.atoms.push_back(atom);
  }
  return crystal;
}

inline Crystal reference_crystal(const nlohmann::json& index, const std::string& name) {
  for (const auto& entry : index["crystals"])
    if (entry["name"] == name) return reference_crystal(entry);
  throw std::runtime_error("no such reference crystal: " + name);
}

inline Orientation reference_orientation(const nlohmann::json& pattern) {
  Eigen::Matrix3d axes;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      axes(i, j) = pattern["orientation_matrix_columns_xyz"][std::size_t(i)][std::size_t(j)];
  const auto& n = pattern["foil_normal_cartesian"];
  const Eigen::Vector3d normal(n[0].get<double>(), n[1].get<double>(), n[2].get<double>());
  return make_orientation(axes, normal).value();
}

}  // namespace bragglive::test
