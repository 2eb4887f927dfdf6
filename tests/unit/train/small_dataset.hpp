// A data set file small enough for a test: cubic and tetragonal crystals as kinematic zone patterns.
#pragma once
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "core/hdf5/writer.hpp"
#include "tests/catch.hpp"

namespace bragglive::test {

struct TableFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("bragglive_train_" + std::to_string(::getpid()) + ".h5");
  ~TableFile() { std::filesystem::remove(path); }
};

struct SmallDataset {
  std::vector<std::string> id, formula, group;
  std::vector<std::uint8_t> system, split;
  std::vector<std::uint16_t> space_group;
  std::vector<float> lattice, zone, thickness, qx, qy, intensity;
  std::vector<std::uint32_t> material;
  std::vector<std::uint64_t> offset{0};
  std::string format = "bragglive-dataset";

  void add_spot(double x, double y, double i) {
    qx.push_back(static_cast<float>(x));
    qy.push_back(static_cast<float>(y));
    intensity.push_back(static_cast<float>(i));
  }
  void add_pattern(double ax, double by) {
    for (int h = -8; h <= 8; ++h)
      for (int k = -8; k <= 8; ++k)
        if (const double q = std::hypot(h * ax, k * by); q < 1.3) add_spot(h * ax, k * by, std::exp(-3 * q));
    material.push_back(static_cast<std::uint32_t>(id.size() - 1));
    zone.insert(zone.end(), {0, 0, 1});
    thickness.push_back(20);
    offset.push_back(qx.size());
  }
};

// Every fourth material is on the test side; each has `patterns` patterns of its main zones.
inline SmallDataset make_small_dataset(std::size_t materials, std::size_t patterns) {
  SmallDataset set;
  std::mt19937 random(4);
  std::uniform_real_distribution<double> length(3.5, 6);
  for (std::size_t m = 0; m < materials; ++m) {
    const bool cubic = m % 2 == 0;
    const double a = length(random), c = cubic ? a : a * 1.45;
    set.id.push_back(fmt::format("m-{}", m));
    set.formula.push_back("X");
    set.group.push_back(fmt::format("X{}", m));
    set.system.push_back(cubic ? 7 : 4);
    set.space_group.push_back(cubic ? 221 : 123);
    set.split.push_back(m % 8 < 2 ? 1 : 0);
    for (const double value : {a, a, c, 90.0, 90.0, 90.0}) set.lattice.push_back(static_cast<float>(value));
    for (std::size_t p = 0; p < patterns; ++p) set.add_pattern(1 / a, 1 / c);
  }
  return set;
}

inline void write_texts(hid_t file, const char* name, const std::vector<std::string>& texts) {
  const hdf5::Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const hsize_t count = texts.size();
  const hdf5::Handle space(H5Screate_simple(1, &count, nullptr));
  const hdf5::Handle set(
      H5Dcreate2(file, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  REQUIRE(H5Dwrite(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) >= 0);
}

inline void write(const SmallDataset& set, const std::filesystem::path& path) {
  auto made = hdf5::Writer::create(path);
  REQUIRE(made);
  hdf5::Writer& out = *made;
  const auto table = [&]<class T>(const char* name, const std::vector<T>& values, hdf5::Dims dims) {
    REQUIRE(out.dataset<T>(name, values, dims));
  };
  table("/materials/system", set.system, {set.system.size()});
  table("/materials/space_group", set.space_group, {set.space_group.size()});
  table("/materials/lattice", set.lattice, {set.lattice.size() / 6, 6});
  table("/materials/split", set.split, {set.split.size()});
  write_texts(out.file(), "/materials/id", set.id);
  write_texts(out.file(), "/materials/formula", set.formula);
  write_texts(out.file(), "/materials/group", set.group);
  table("/patterns/material", set.material, {set.material.size()});
  table("/patterns/zone", set.zone, {set.zone.size() / 3, 3});
  table("/patterns/thickness_nm", set.thickness, {set.thickness.size()});
  table("/patterns/offset", set.offset, {set.offset.size()});
  table("/spots/qx", set.qx, {set.qx.size()});
  table("/spots/qy", set.qy, {set.qy.size()});
  table("/spots/intensity", set.intensity, {set.intensity.size()});
  REQUIRE(out.attribute("/", "format", set.format));
  REQUIRE(out.attribute("/", "version", std::int64_t{1}));
  REQUIRE(out.attribute("/", "settings", std::string(R"({"preset":"test"})")));
  REQUIRE(out.commit());
}

}  // namespace bragglive::test
