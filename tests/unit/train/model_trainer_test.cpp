#include "core/train/model_trainer.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/forest/model_container.hpp"
#include "core/label/aggregate.hpp"
#include "core/label/group_model.hpp"
#include "core/train/report.hpp"
#include "tests/catch.hpp"
#include "tests/unit/train/small_dataset.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

Expected<Dataset> load(const std::filesystem::path& path) {
  return load_datasets(std::span(&path, 1));
}

ModelTrainConfig quick_config() {
  ModelTrainConfig config = compact_config();
  config.noise = "field";
  config.threads = 2;
  config.copies = 2;
  config.quality_rows = 300;
  for (ForestConfig* forest : {&config.system, &config.space_group, &config.lattice})
    forest->trees = 12, forest->min_leaf = 2;
  return config;
}

}  // namespace

TEST_CASE("a data set is read back as it was written, and two files become one") {
  TableFile file;
  const SmallDataset written = make_small_dataset(8, 2);
  write(written, file.path);
  const auto read = load(file.path);
  REQUIRE(read);
  CHECK(read->patterns() == 16);
  CHECK(read->materials.size() == 8);
  CHECK(read->materials[1].system == CrystalSystem::tetragonal);
  CHECK(read->materials[1].lattice[2] == written.lattice[8]);
  CHECK(read->qx == written.qx);
  BraggList peaks;
  read->copy_pattern(3, peaks);
  CHECK(peaks.size() == written.offset[4] - written.offset[3]);
  CHECK(peaks[0].intensity == static_cast<double>(written.intensity[written.offset[3]]));
  const std::vector<std::filesystem::path> twice = {file.path, file.path};
  const auto both = load_datasets(twice);
  REQUIRE(both);
  CHECK(both->patterns() == 32);
  CHECK(both->materials.size() == 8);
  CHECK(both->offset.back() == both->qx.size());
}

TEST_CASE("damaged and foreign data sets are refused with the table that is wrong") {
  TableFile file;
  const auto message = [&](auto&& spoil) {
    SmallDataset set = make_small_dataset(4, 1);
    spoil(set);
    write(set, file.path);
    const auto read = load(file.path);
    return read ? std::string() : read.error().message;
  };
  CHECK(message([](auto&) {}).empty());
  CHECK(message([](auto& s) { s.offset.back() += 1; }).find("offset") != std::string::npos);
  CHECK(message([](auto& s) { s.offset[1] = s.offset[3]; }).find("offset") != std::string::npos);
  CHECK(message([](auto& s) { s.material[2] = 99; }).find("material 99") != std::string::npos);
  CHECK(message([](auto& s) { s.qy.pop_back(); }).find("/spots") != std::string::npos);
  CHECK(message([](auto& s) { s.system[0] = 77; }).find("crystal system") != std::string::npos);
  CHECK(message([](auto& s) { s.space_group[0] = 62; }).find("space group 62") != std::string::npos);
  CHECK(message([](auto& s) { s.intensity[5] = NAN; }).find("not finite") != std::string::npos);
  CHECK(message([](auto& s) { s.thickness.pop_back(); }).find("/patterns") != std::string::npos);
  CHECK(message([](auto& s) { s.format = "something"; }).find("not a bragglive data set") !=
        std::string::npos);
  std::ofstream(file.path) << "no HDF5 at all";
  CHECK(load(file.path).error().message.find("not an HDF5 file") != std::string::npos);
  std::filesystem::remove(file.path);
  CHECK(load(file.path).error().message.find("no such file") != std::string::npos);
}

TEST_CASE("detection noise: nothing with none, repeatable, and each part does what it says") {
  BraggList peaks = {{0, 0, 0.6}};
  for (int i = 1; i <= 40; ++i) peaks.push_back({0.04 * i, 0.01 * i, 0.1 * std::exp(-0.25 * i)});
  const auto apply = [&](const DetectionModel& model, std::uint64_t key) {
    BraggList out = peaks;
    CounterRandom random(key);
    apply_detection(model, random, out);
    return out;
  };
  const auto same = [](const BraggList& a, const BraggList& b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](const BraggPeak& p, const BraggPeak& q) {
             return std::abs(p.qx - q.qx) < 1e-12 && std::abs(p.qy - q.qy) < 1e-12 &&
                    std::abs(p.intensity - q.intensity) < 1e-12;
           });
  };
  CHECK(same(apply(*detection_preset("none"), 1), peaks));
  const DetectionModel field = *detection_preset("field");
  CHECK(same(apply(field, 1), apply(field, 1)));
  CHECK_FALSE(same(apply(field, 1), apply(field, 2)));
  DetectionModel model;
  model.threshold = {1e-3, 1e-3};
  for (const BraggPeak& peak : apply(model, 1)) CHECK(peak.intensity >= 1e-3);
  model = {};
  model.q_max = {0.5, 0.5};
  for (const BraggPeak& peak : apply(model, 1)) CHECK(std::hypot(peak.qx, peak.qy) <= 0.5);
  model = {};
  model.spot_limit = {7, 7};
  CHECK(apply(model, 1).size() == 7);
  model = {};
  model.masked_centre = 1;
  CHECK(apply(model, 1).size() == peaks.size() - 1);
  model = {};
  model.spacing = {0.1, 0.1};
  CHECK(apply(model, 1).size() < peaks.size() / 2);
  model = {};
  model.spurious = {5, 5};
  CHECK(apply(model, 3).size() > peaks.size());
  model = {};
  model.rotate = true;
  const BraggList turned = apply(model, 5);
  CHECK(std::hypot(turned[7].qx, turned[7].qy) == Approx(std::hypot(peaks[7].qx, peaks[7].qy)));
  CHECK(std::abs(turned[7].qx - peaks[7].qx) > 1e-3);
  CHECK_FALSE(detection_preset("loud"));
}

TEST_CASE("a model is trained, saved, loaded and right about materials that it has not seen") {
  TableFile file, model_file;
  model_file.path.replace_extension(".blm");
  write(make_small_dataset(64, 3), file.path);
  const auto data = load(file.path);
  REQUIRE(data);
  const auto trained = train_crystal_model(*data, quick_config());
  REQUIRE(trained);
  CHECK(trained->scores.materials == 48);  // the test side is left alone
  REQUIRE(save_crystal_model(model_file.path, trained->parts));
  const auto loaded = load_crystal_model_parts(model_file.path);
  REQUIRE(loaded);
  EvaluationConfig config;
  config.noise = "field";
  config.threads = 2;
  const auto evaluation = evaluate_model(loaded->parts, *data, config);
  REQUIRE(evaluation);
  CHECK(evaluation->materials == 16);
  CHECK(evaluation->individual.accuracy() > 0.9);
  CHECK(evaluation->aggregate10.accuracy() >= evaluation->individual.accuracy() - 0.1);
  CHECK(evaluation->group_individual[7].value() == 1);  // there is only one cubic group
  CHECK(median_error(evaluation->lattice_individual[7][0]) <
        0.05);  // the feature measures it, the forest says which multiple

  const auto json = nlohmann::json::parse(report_json(*evaluation, {R"({"model":"m"})", "t"}));
  double total = 0;
  for (const auto& row : json["crystal_system"]["individual"]["confusion"])
    for (const double share : row) total += share;
  CHECK(total == Approx(1).margin(1e-4));
  CHECK(json["crystal_system"]["merged10"].contains("mean_confidence"));
  CHECK(json["counts"]["materials"] == 16);
  const std::string page = report_html(*evaluation, {"{\"a\":\"<b>\"}", "title"});
  CHECK(page.find("<svg") != std::string::npos);
  CHECK(page.find("<b>") == std::string::npos);
}

TEST_CASE("the same seed trains the same model on one thread and on two; what cannot be trained says why") {
  TableFile file;
  write(make_small_dataset(24, 2), file.path);
  const auto data = load(file.path);
  const auto bytes = [&](unsigned threads) {
    ModelTrainConfig config = quick_config();
    config.threads = threads;
    const auto trained = train_crystal_model(*data, config);
    REQUIRE(trained);
    return std::pair{forest_bytes(*trained->parts.system), forest_bytes(*trained->parts.lattice[7])};
  };
  CHECK(bytes(1) == bytes(2));
  const auto refused = [&](auto&& change) {
    ModelTrainConfig config = quick_config();
    change(config);
    return !train_crystal_model(*data, config);
  };
  CHECK(refused([](auto& c) { c.features = "wavelet"; }));
  CHECK(refused([](auto& c) { c.noise = "loud"; }));
  CHECK(refused([](auto& c) { c.copies = 0; }));
  CHECK(refused([](auto& c) { c.min_disks = 100000; }));
  CHECK(refused([](auto& c) { c.validation_share = 2; }));
}

TEST_CASE("a system without materials is never said, and one with one space group always says it") {
  TableFile file;
  write(make_small_dataset(24, 2), file.path);
  auto data = load(file.path);
  REQUIRE(data);
  // All cubic materials on the test side: nothing of them is learnt.
  for (Material& material : data->materials)
    if (material.system == CrystalSystem::cubic) material.split = k_split_test;
  const auto trained = train_crystal_model(*data, quick_config());
  REQUIRE(trained);
  const auto& labels = trained->parts.system->parts().labels;
  CHECK(std::find(labels.begin(), labels.end(), static_cast<std::uint16_t>(CrystalSystem::cubic)) ==
        labels.end());
  CHECK_FALSE(trained->parts.space_group[7]);
  CHECK_FALSE(trained->parts.lattice[7]);
  for (std::size_t s = 1; s < 7; ++s)
    if (trained->parts.space_group[s]) CHECK(trained->parts.space_group[s]->outputs() >= 1);
  // Nothing at all to learn from.
  for (Material& material : data->materials) material.split = k_split_test;
  const auto nothing = train_crystal_model(*data, quick_config());
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().message.find("no pattern is left") != std::string::npos);
}

TEST_CASE("several patterns of one crystal are asked as one") {
  TableFile file;
  write(make_small_dataset(48, 4), file.path);
  const auto data = load(file.path);
  REQUIRE(data);
  ModelTrainConfig config = quick_config();
  config.merged = "pooled " + config.features;
  config.merged_copies = 4;
  const auto trained = train_crystal_model(*data, config);
  REQUIRE(trained);
  const auto group = GroupModel::create(trained->parts);
  REQUIRE(group);
  CHECK(group->has_forest());
  const auto features = *feature_set_of(trained->parts);
  const auto scratch = features->make_scratch();
  std::vector<BraggList> lists;
  std::vector<SystemProbabilities> each;
  for (std::uint32_t i = 0; i < data->patterns() && lists.size() < 4; ++i) {
    if (data->material[i] != data->material[0]) continue;
    lists.emplace_back();
    data->copy_pattern(i, lists.back());
    std::vector<float> values(features->size());
    features->compute(lists.back(), scratch.get(), values);
    each.push_back(group->ask_one(values));
  }
  const GroupLabel label = group->ask(lists, each);
  CHECK(label.system == data->materials[data->material[0]].system);
  float sum = 0;
  for (const float p : label.probability) sum += p;
  CHECK(sum == Approx(1).margin(1e-4));
  CHECK(label.confidence == label.probability[static_cast<std::size_t>(label.system)]);
  CHECK(group->ask({}, {}).system == CrystalSystem::none);
  // Its forest reads other features than these.
  CrystalModelParts other = trained->parts;
  other.merged_features = "pooled polar m=3 p=2";
  CHECK_FALSE(GroupModel::create(other));
}

TEST_CASE("difference aggregation: weights add up per label, and without weight there is no label") {
  std::vector<PatternLabel> patterns(3);
  patterns[0].system = CrystalSystem::cubic, patterns[0].difference_confidence = 0.2F,
  patterns[0].lattice_angstrom = {4, 4, 4};
  patterns[1].system = CrystalSystem::hexagonal, patterns[1].difference_confidence = 0.3F,
  patterns[1].lattice_angstrom = {9, 9, 9};
  patterns[2].system = CrystalSystem::cubic, patterns[2].difference_confidence = 0.3F,
  patterns[2].lattice_angstrom = {5, 5, 5};
  const AggregateLabel label = aggregate(patterns);
  CHECK(label.system == CrystalSystem::cubic);
  CHECK(label.confidence == Approx(0.625));
  CHECK(label.lattice_angstrom[0] == 4.5F);
  for (PatternLabel& pattern : patterns) pattern.difference_confidence = 0;
  CHECK(aggregate(patterns).system == CrystalSystem::none);
  CHECK(aggregate({}).system == CrystalSystem::none);
}
