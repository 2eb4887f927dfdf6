// Specimen models: which of a few known phases, or none of them.
#include <cmath>
#include <random>

#include "core/bloch/material_patterns.hpp"
#include "core/crystal/crystal_list.hpp"
#include "core/label/crystal_model_file.hpp"
#include "core/phases/phase_features.hpp"
#include "core/train/detection_model.hpp"
#include "core/train/other_materials.hpp"
#include "core/train/specimen_trainer.hpp"
#include "tests/shared_data.hpp"

using namespace bragglive;
using namespace bragglive::test;
using Catch::Matchers::Contains;

namespace {

std::vector<std::filesystem::path> cifs(const std::vector<std::string>& names) {
  std::vector<std::filesystem::path> files;
  for (const std::string& name : names) files.push_back(shared_path("data/cif/" + name + ".cif"));
  return files;
}

SpecimenConfig quick_config() {
  SpecimenConfig config;
  config.zones_per_phase = 150;
  config.other_crystals = 150;
  config.zones_per_other = 6;
  config.forest.trees = 60;
  config.threads = 2;
  return config;
}

// Patterns at 20 nm, random zones, field noise.
std::vector<BraggList> patterns_of(const std::string& name, int zones) {
  const auto crystal = CrystalList::open(shared_path("data/cif/" + name + ".cif"))->load(0);
  REQUIRE(crystal);
  DatasetSettings settings = *dataset_preset("field");
  settings.zone_axes = zones;
  settings.seed = 991;
  MaterialScratch scratch;
  DatasetBlock block;
  REQUIRE(add_material(*crystal, settings, {}, scratch, block));
  std::vector<BraggList> all;
  for (std::size_t p = 0; p < block.patterns(); ++p) {
    BraggList list;
    for (std::size_t i = block.offset[p]; i < block.offset[p + 1]; ++i)
      list.push_back({double{block.qx[i]}, double{block.qy[i]}, double{block.intensity[i]}});
    all.push_back(std::move(list));
  }
  return all;
}

}  // namespace

TEST_CASE("a specimen model names its phases and refuses other materials") {
  if (!have_shared("data/cif/Au.cif")) return;
  const auto trained = train_specimen_model(cifs({"Au", "MgO", "TiO2_rutile"}), quick_config());
  REQUIRE(trained);
  const auto file =
      std::filesystem::temp_directory_path() / ("bragglive_specimen_" + std::to_string(::getpid()));
  REQUIRE(save_crystal_model(file, trained->parts));
  const auto model = load_crystal_model(file);
  std::filesystem::remove(file);
  REQUIRE(model);
  const auto names = (*model)->phase_names();
  REQUIRE(names.size() == 4);
  CHECK(names[0] == "none of these");
  CHECK(names[2] == "MgO");
  const auto scratch = (*model)->make_scratch();
  std::vector<float> values((*model)->features().size());
  const auto share_called = [&](const std::string& name, int phase) {
    int called = 0, all = 0;
    for (const BraggList& list : patterns_of(name, 60)) {
      if (list.size() < 9) continue;
      (*model)->features().compute(list, nullptr, values);
      PatternLabel label;
      (*model)->predict(values, *scratch, std::span(&label, 1));
      ++all;
      called += label.phase == phase ? 1 : 0;
      if (label.phase == 2) CHECK(label.system == CrystalSystem::cubic);
      if (label.phase == 3) CHECK(label.space_group == 136);
      if (label.phase == 0) CHECK(label.system == CrystalSystem::none);
    }
    return double(called) / all;
  };
  CHECK(share_called("Au", 1) > 0.9);
  CHECK(share_called("MgO", 2) > 0.9);
  CHECK(share_called("TiO2_rutile", 3) > 0.9);
  CHECK(share_called("CaTiO3", 0) > 0.85);
  CHECK(share_called("W", 0) > 0.85);
}

TEST_CASE("phase features do not change when a pattern is turned or mirrored or brightened") {
  if (!have_shared("data/cif/ZnO_wurtzite.cif")) return;
  const auto candidates = load_candidates(cifs({"Si", "ZnO_wurtzite"}));
  REQUIRE(candidates);
  const auto features = PhaseFeatures::create(candidates->phases);
  REQUIRE(features);
  CHECK((*features)->names().size() == (*features)->size());
  int alike = 0, all = 0;
  for (const BraggList& list : patterns_of("ZnO_wurtzite", 40)) {
    BraggList turned = list;
    for (BraggPeak& peak : turned) {
      const double x = peak.qx, y = -peak.qy;
      peak = {std::cos(0.7) * x - std::sin(0.7) * y, std::sin(0.7) * x + std::cos(0.7) * y,
              5 * peak.intensity};
    }
    std::vector<float> before((*features)->size()), after(before);
    (*features)->compute(list, nullptr, before);
    (*features)->compute(turned, nullptr, after);
    bool same = true;
    for (std::size_t k = 0; k < before.size(); ++k)
      same = same && std::abs(before[k] - after[k]) <= 0.02F * (1 + std::abs(before[k]));
    alike += same ? 1 : 0;
    ++all;
  }
  // Two rotations that explain a pattern equally well may change places by rounding.
  CHECK(alike > 0.8 * all);
}

TEST_CASE("candidates: equal structures, wrong files and too many are refused by name") {
  if (!have_shared("data/cif/Au.cif")) return;
  CHECK_THAT(load_candidates(cifs({"Au", "Si", "Ag"})).error().message,
             Contains("same structure") && Contains("Ag.cif"));
  CHECK_THAT(load_candidates(cifs({"Au", "Au"})).error().message, Contains("two candidates are called 'Au'"));
  CHECK_THAT(load_candidates({}).error().message, Contains("between 1 and 7"));
  CHECK_THAT(load_candidates(cifs({"Nothing"})).error().message, Contains("Nothing.cif"));
  const std::vector<std::filesystem::path> foreign = {"/dev/null"};
  CHECK_THAT(load_candidates(foreign).error().message, Contains("CIF"));
}

TEST_CASE("the other materials are sound crystals, none like a candidate, the same for a seed") {
  if (!have_shared("data/cif/Au.cif")) return;
  const auto candidates = load_candidates(cifs({"Au", "Si"}));
  REQUIRE(candidates);
  const auto others = other_materials(candidates->crystals, 60, 5);
  REQUIRE(others.size() == 60);
  for (const Crystal& crystal : others) {
    CHECK(validate(crystal).has_value());
    if (crystal.system == CrystalSystem::cubic)
      CHECK(std::abs(crystal.cell.a / candidates->crystals[0].cell.a - 1) > 0.02);
  }
  CHECK(other_materials(candidates->crystals, 60, 5).back().cell == others.back().cell);
  CHECK_FALSE(other_materials(candidates->crystals, 60, 6).back().cell == others.back().cell);
}

TEST_CASE("damaged tables of phases are refused, whatever byte is wrong") {
  if (!have_shared("data/cif/Si.cif")) return;
  const auto candidates = load_candidates(cifs({"Si", "Au"}));
  REQUIRE(candidates);
  const auto bytes = phases_to_bytes(candidates->phases);
  const auto read = phases_from_bytes(bytes);
  REQUIRE(read);
  CHECK((*read)[1].name == "Au");
  CHECK((*read)[0].reflections.size() == candidates->phases[0].reflections.size());
  for (std::size_t size = 0; size < bytes.size(); size += 97)
    CHECK_FALSE(phases_from_bytes(std::span(bytes).first(size)).has_value());
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    auto spoilt = bytes;
    for (int k = 0; k < 3; ++k)
      spoilt[random() % std::min<std::size_t>(spoilt.size(), 400)] = std::byte(random());
    const auto phases = phases_from_bytes(spoilt);
    // What passes must be usable.
    if (phases) {
      const auto features = PhaseFeatures::create(*phases);
      REQUIRE(features.has_value());
      std::vector<float> values((*features)->size());
      (*features)->compute(BraggList{{0.3, 0.1, 1}, {-0.1, 0.4, 1}, {0.2, 0.5, 1}}, nullptr, values);
      for (const float value : values) CHECK(std::isfinite(value));
    }
  }
  const auto other = PhaseFeatures::create(candidates->phases, "phases v=1 table=00000000");
  CHECK_THAT(other.error().message, Contains("other phases"));
}
