// Calibrated confidence, forests beside the hierarchy, training that goes on after it was stopped.
#include <atomic>
#include <cmath>
#include <fstream>
#include <random>

#include "core/label/group_features.hpp"
#include "core/train/evaluation.hpp"
#include "core/train/model_trainer.hpp"
#include "core/train/quality_patterns.hpp"
#include "tests/catch.hpp"
#include "tests/unit/train/small_dataset.hpp"

using namespace bragglive;
using namespace bragglive::test;
using Catch::Matchers::Contains;

namespace {

ModelTrainConfig quick_config() {
  ModelTrainConfig config = compact_config();
  config.noise = "field";
  config.threads = 2;
  config.quality_rows = 600;
  for (ForestConfig* forest :
       {&config.system, &config.space_group, &config.lattice, &config.quality, &config.merged_system})
    forest->trees = 20, forest->min_leaf = 3;
  return config;
}

Dataset small_data(const TableFile& file, std::size_t materials, std::size_t patterns) {
  write(make_small_dataset(materials, patterns), file.path);
  auto data = load_datasets(std::span(&file.path, 1));
  REQUIRE(data);
  return std::move(*data);
}

}  // namespace

TEST_CASE("the table of confidences is what the answers were worth") {
  std::vector<float> probability;
  std::vector<std::uint8_t> right;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0, 1);
  // Over-confident answers: of those with probability p the share p² is right.
  for (int i = 0; i < 40000; ++i) {
    probability.push_back(uniform(random));
    right.push_back(uniform(random) < probability.back() * probability.back() ? 1 : 0);
  }
  const ConfidenceTable table = fit_confidence(probability, right);
  REQUIRE(table.check());
  for (const float p : {0.1F, 0.3F, 0.5F, 0.7F, 0.9F}) CHECK(std::abs(table.at(p) - p * p) < 0.03F);
  CHECK(table.at(-1) == table.right.front());
  CHECK(table.at(2) == table.right.back());
  CHECK(fit_confidence(std::span(probability).first(100), std::span(right).first(100)).empty());
  ConfidenceTable falling{{0.1F, 0.5F}, {0.6F, 0.2F}};
  CHECK_THAT(falling.check().error().message, Contains("rising"));
  ConfidenceTable odd{{0.1F}, {}};
  CHECK_FALSE(odd.check().has_value());
}

TEST_CASE("area under the curve: order decides, ties count half") {
  const std::vector<float> high = {0.8F, 0.9F}, low = {0.1F, 0.2F};
  CHECK(area_under_curve(high, low) == 1);
  CHECK(area_under_curve(low, high) == 0);
  CHECK(area_under_curve(low, low) == 0.5);
  CHECK(std::isnan(area_under_curve({}, low)));
}

TEST_CASE("a model finds overlapping crystals and senseless spots, and labels groups of patterns") {
  TableFile file;
  const Dataset data = small_data(file, 80, 4);
  ModelTrainConfig config = quick_config();
  config.merged = "pooled indexing";
  const auto trained = train_crystal_model(data, config);
  if (!trained) FAIL(trained.error().message);
  CHECK(trained->scores.out_of_bag > 0.5);
  CHECK(trained->scores.merged_out_of_bag > 0.5);
  const auto path = std::filesystem::path(file.path.string() + ".blm");
  REQUIRE(save_crystal_model(path, trained->parts));
  const auto loaded = load_crystal_model_parts(path);
  std::filesystem::remove(path);
  REQUIRE(loaded);
  CHECK(loaded->parts.merged_features == trained->parts.merged_features);
  CHECK(loaded->parts.confidence.right.size() == trained->parts.confidence.right.size());
  EvaluationConfig evaluation;
  evaluation.noise = "field";
  evaluation.threads = 2;
  const auto scores = evaluate_model(loaded->parts, data, evaluation);
  REQUIRE(scores);
  CHECK(scores->merged_by_forest);
  CHECK(scores->mixed_auc > 0.85);
  CHECK(scores->outlier_auc > 0.85);
  CHECK(scores->stress.size() == 3);
}

TEST_CASE("forests that were on the disk meanwhile are the same, and one that is lost there is missed") {
  TableFile file;
  const Dataset data = small_data(file, 24, 2);
  ModelTrainConfig config = quick_config();
  config.merged = "pooled indexing";
  const std::filesystem::path model = file.path.string() + ".blm";
  const auto saved = [&] {
    auto trained = train_crystal_model(data, config);
    if (!trained) FAIL(trained.error().message);
    trained->parts.provenance = "{}";
    REQUIRE(save_crystal_model(model, trained->parts));
    return load_crystal_model_parts(model)->checksum;
  };
  const std::string in_memory = saved();
  config.checkpoint = file.path.string() + ".parts";
  CHECK(saved() == in_memory);
  std::filesystem::remove(model);
  config.progress = [&](std::string_view stage, std::uint64_t, std::uint64_t) {
    if (stage == "groups of patterns") std::filesystem::remove(config.checkpoint / "system.forest");
  };
  std::filesystem::remove(config.checkpoint / "merged.system.forest");
  CHECK_THAT(train_crystal_model(data, config).error().message,
             Contains("system.forest cannot be read back"));
  std::filesystem::remove_all(config.checkpoint);
}

TEST_CASE("a training that failed goes on behind its finished forests, and uses none of another training") {
  TableFile file;
  const Dataset data = small_data(file, 24, 2);
  ModelTrainConfig config = quick_config();
  config.checkpoint = file.path.string() + ".parts";
  std::atomic<int> grown{0};
  config.progress = [&](std::string_view stage, std::uint64_t, std::uint64_t) {
    grown += stage == "crystal system" ? 1 : 0;
  };
  config.merged = "nonsense";  // fails behind the hierarchy
  CHECK_THAT(train_crystal_model(data, config).error().message, Contains("nonsense"));
  CHECK(std::filesystem::exists(config.checkpoint / "system.forest"));
  const int first = grown.exchange(0);
  CHECK(first == 20);
  CHECK_FALSE(train_crystal_model(data, config).has_value());
  CHECK(grown.exchange(0) == 0);  // read back
  {
    std::fstream spoilt(config.checkpoint / "system.forest", std::ios::in | std::ios::out | std::ios::binary);
    spoilt.seekp(300);
    spoilt.put('\x55');
  }
  CHECK_FALSE(train_crystal_model(data, config).has_value());
  CHECK(grown.exchange(0) == 20);  // damaged: grown again
  config.seed = 5;
  CHECK_FALSE(train_crystal_model(data, config).has_value());
  CHECK(grown.exchange(0) == 20);  // another training
  std::filesystem::remove_all(config.checkpoint);
}
