#include "core/label/crystal_model.hpp"

#include <cmath>

#include "core/label/crystal_model_file.hpp"
#include "tests/catch.hpp"
#include "tests/unit/forest/make_forest.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

constexpr std::uint32_t k_features = 20;
const std::string k_definition = (*make_feature_set("polar m=5 p=2"))->definition();

// One-leaf trees: leaf words {entries | hard, class << 24 | count ...}.
Forest constant_forest(std::vector<std::uint16_t> labels, std::vector<std::vector<std::uint32_t>> trees) {
  ForestParts parts;
  parts.features = k_features;
  parts.outputs = static_cast<std::uint32_t>(labels.size());
  parts.labels = std::move(labels);
  parts.tree_start = {0};
  for (const auto& counts : trees) {
    const auto at = static_cast<std::uint32_t>(parts.leaf_words.size());
    std::uint32_t entries = 0, hard = 0, most = 0;
    parts.leaf_words.push_back(0);
    for (std::uint32_t k = 0; k < counts.size(); ++k) {
      if (counts[k] == 0) continue;
      if (counts[k] > most) most = counts[k], hard = k;
      parts.leaf_words.push_back(k << 24 | counts[k]);
      ++entries;
    }
    parts.leaf_words[at] = entries | hard << 16;
    parts.nodes.push_back(ForestNode::leaf(at));
    parts.tree_start.push_back(parts.nodes.size());
  }
  auto made = Forest::create(std::move(parts));
  REQUIRE(made);
  return *made;
}

Forest constant_lattice(const std::vector<std::array<double, 6>>& trees) {
  ForestParts parts;
  parts.kind = ForestKind::regression;
  parts.features = k_features;
  parts.outputs = 6;
  parts.tree_start = {0};
  for (std::uint32_t t = 0; t < trees.size(); ++t) {
    parts.leaf_values.insert(parts.leaf_values.end(), trees[t].begin(), trees[t].end());
    parts.nodes.push_back(ForestNode::leaf(t));
    parts.tree_start.push_back(parts.nodes.size());
  }
  return *Forest::create(std::move(parts));
}

PatternLabel predict_one(const CrystalModelParts& parts) {
  const auto model = make_crystal_model(parts, "00");
  REQUIRE(model);
  const std::vector<float> features(k_features, 0.0F);
  PatternLabel label;
  const auto scratch = (*model)->make_scratch();
  (*model)->predict(features, *scratch, std::span(&label, 1));
  return label;
}

}  // namespace

TEST_CASE("label by mean probability, confidence by hard votes: a forest where the two disagree") {
  CrystalModelParts parts;
  parts.features = k_definition;
  // Three trees lean to hexagonal (0.6 : 0.4), two are sure of cubic: votes 3:2, probability 1.8 : 3.2.
  parts.system = constant_forest({6, 7}, {{3, 2}, {3, 2}, {3, 2}, {0, 5}, {0, 5}});
  const PatternLabel label = predict_one(parts);
  CHECK(label.system == CrystalSystem::cubic);
  CHECK(label.trees == 5);
  CHECK(label.votes[6] == 3);
  CHECK(label.votes[7] == 2);
  CHECK(label.confidence == Approx(0.6));
  CHECK(label.difference_confidence == Approx(0.2));
  CHECK(label.space_group == 0);
  CHECK(std::isnan(label.lattice_angstrom[0]));
}

TEST_CASE(
    "one label with every vote has difference confidence 1; a tie of probabilities goes to the first class") {
  CrystalModelParts parts;
  parts.features = k_definition;
  parts.system = constant_forest({2, 7}, {{0, 1}, {0, 1}});
  CHECK(predict_one(parts).difference_confidence == 1.0F);
  parts.system = constant_forest({2, 7}, {{0, 1}, {1, 0}});
  CHECK(predict_one(parts).system == CrystalSystem::monoclinic);
  CHECK(predict_one(parts).difference_confidence == 0.0F);
}

TEST_CASE("space group and lattice come from the forests of the labelled system") {
  CrystalModelParts parts;
  parts.features = k_definition;
  parts.system = constant_forest({6, 7}, {{0, 5}});
  parts.space_group[6] = constant_forest({186, 194}, {{1, 0}});
  parts.space_group[7] = constant_forest({221, 225}, {{1, 9}, {1, 9}, {1, 0}, {1, 0}, {1, 0}});
  parts.lattice[6] = constant_lattice({{9, 9, 9, 90, 90, 120}});
  parts.lattice[7] = constant_lattice(
      {{4, 4, 4, 90, 90, 90}, {5, 1, 3, 90, 90, 90}, {7, 2, 2, 90, 90, 90}, {100, 3, 1, 90, 90, 90}});
  const PatternLabel label = predict_one(parts);
  CHECK(label.space_group == 221);  // 0.2 + 3 against 1.8: soft; hard votes 3 of 5
  CHECK(label.space_group_confidence == Approx(0.6));
  CHECK(label.lattice_angstrom[0] == 6.0F);  // mean of the middle two
  CHECK(label.lattice_angstrom[1] == 2.5F);
  CHECK(label.lattice_angstrom[2] == 2.5F);
}

TEST_CASE("a batch gives each row the label that it gets alone") {
  CrystalModelParts parts;
  parts.features = k_definition;
  ForestParts system = random_parts({ForestKind::classification, k_features, 3, 21, 6}, 1);
  system.labels = {3, 6, 7};
  parts.system = *Forest::create(system);
  ForestParts groups = random_parts({ForestKind::classification, k_features, 2, 9, 6}, 2);
  groups.labels = {221, 225};
  parts.space_group[7] = *Forest::create(groups);
  for (const int s : {3, 6, 7})
    parts.lattice[static_cast<std::size_t>(s)] = *Forest::create(
        random_parts({ForestKind::regression, k_features, 6, 10, 6}, static_cast<unsigned>(s)));
  const auto model = make_crystal_model(parts, "00");
  REQUIRE(model);
  const auto values = random_rows(200, k_features, 7);
  std::vector<PatternLabel> together(200);
  const auto scratch = (*model)->make_scratch();
  (*model)->predict(values, *scratch, together);
  std::array<int, 8> seen{};
  for (std::size_t i = 0; i < together.size(); ++i) {
    PatternLabel alone;
    (*model)->predict(std::span(values).subspan(i * k_features, k_features), *scratch, std::span(&alone, 1));
    CHECK(alone.system == together[i].system);
    CHECK(alone.votes == together[i].votes);
    CHECK(alone.space_group == together[i].space_group);
    CHECK(alone.lattice_angstrom == together[i].lattice_angstrom);
    ++seen[static_cast<std::size_t>(alone.system)];
  }
  CHECK(seen[3] * seen[6] * seen[7] > 0);  // all three branches were taken
}
