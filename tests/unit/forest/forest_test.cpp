#include "core/forest/forest.hpp"

#include <bit>
#include <cmath>

#include "core/forest/walk.hpp"
#include "tests/catch.hpp"
#include "tests/unit/forest/make_forest.hpp"

using namespace bragglive;
using namespace bragglive::test;

TEST_CASE("batches, single rows and the obvious walk agree, thresholds included") {
  const auto trees = GENERATE(1U, 7U, 16U, 35U);
  const auto count = GENERATE(1U, 5U, 16U, 300U);
  const RandomForestShape shape{ForestKind::classification, 10, 4, trees, 9};
  const ForestParts parts = random_parts(shape, 3 + trees);
  const Forest forest = *Forest::create(parts);
  const auto values = random_rows(count, shape.features, 5);
  const auto rows = row_pointers(values, shape.features);
  Forest::Scratch scratch;
  std::vector<double> probability(count * 4), one_probability(4);
  std::vector<std::uint16_t> votes(count * 4), one_votes(4);
  forest.classify(rows, scratch, probability, votes);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> expected(4, 0.0);
    std::vector<std::uint16_t> expected_votes(4, 0);
    for (std::size_t t = 0; t < trees; ++t) {
      const std::uint32_t leaf = slow_leaf(parts, t, rows[i]);
      if (leaf & k_pure_leaf) {
        expected[leaf & 0xFF] += 1;
        ++expected_votes[leaf & 0xFF];
        continue;
      }
      double total = 0;
      for (std::size_t k = 1; k <= 4; ++k) total += parts.leaf_words[leaf + k] & k_max_leaf_count;
      for (std::size_t k = 1; k <= 4; ++k)
        expected[k - 1] += (parts.leaf_words[leaf + k] & k_max_leaf_count) / total;
      ++expected_votes[parts.leaf_words[leaf] >> 16];
    }
    forest.classify(std::span(rows).subspan(i, 1), scratch, one_probability, one_votes);
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(probability[i * 4 + k] == expected[k] / trees);
      CHECK(one_probability[k] == expected[k] / trees);
      CHECK(votes[i * 4 + k] == expected_votes[k]);
      CHECK(one_votes[k] == expected_votes[k]);
    }
  }
}

TEST_CASE("both ways of walking end at the same leaves, whatever the numbers of rows and trees") {
  const auto trees = GENERATE(1U, 3U, 80U);
  const auto count = GENERATE(1U, 2U, 15U, 16U, 17U, 100U);
  const auto depth = GENERATE(0U, 1U, 12U);
  const RandomForestShape shape{ForestKind::classification, 33, 4, trees, depth};
  const ForestParts parts = random_parts(shape, trees + depth);
  auto values = random_rows(count, 48, count);
  for (std::size_t i = 0; i < values.size(); i += 7) values[i] = i % 2 == 0 ? NAN : INFINITY;
  std::vector<std::uint32_t> plain(std::size_t{trees} * count + 1, 77), gathered = plain;
  detail::Walk job{parts.nodes.data(), parts.tree_start, values.data(), 48, count, plain.data()};
  detail::walk_plain(job);
  for (std::size_t t = 0; t < trees; ++t)
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE(plain[t * count + i] == slow_leaf(parts, t, values.data() + i * 48));
  CHECK(plain.back() == 77);
  if (!detail::can_gather()) return;
  job.payload = gathered.data();
  detail::walk_gathering(job);
  CHECK(gathered == plain);
}

TEST_CASE("a value exactly on a threshold goes left, the next float goes right, NaN goes left") {
  ForestParts parts;
  parts.features = 1;
  parts.outputs = 2;
  parts.labels = {1, 2};
  parts.tree_start = {0, 3};
  parts.nodes = {ForestNode::inner(0, 0.1F, 1), ForestNode::leaf(k_pure_leaf | 0),
                 ForestNode::leaf(k_pure_leaf | 1)};
  const Forest forest = *Forest::create(parts);
  const std::vector<float> values = {0.1F, std::nextafter(0.1F, 1.0F), NAN};
  const auto rows = row_pointers(values, 1);
  Forest::Scratch scratch;
  std::vector<double> probability(6);
  std::vector<std::uint16_t> votes(6);
  forest.classify(rows, scratch, probability, votes);
  CHECK(probability == std::vector<double>{1, 0, 0, 1, 1, 0});
}

TEST_CASE("regression gives every tree's values, of which the median is taken per output") {
  const RandomForestShape shape{ForestKind::regression, 6, 5, 8, 7};
  const ForestParts parts = random_parts(shape, 9);
  const Forest forest = *Forest::create(parts);
  const auto values = random_rows(40, shape.features, 6);
  const auto rows = row_pointers(values, shape.features);
  Forest::Scratch scratch;
  std::vector<double> out(rows.size() * 3 * shape.trees);
  forest.regress(rows, 3, scratch, out);
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t t = 0; t < shape.trees; ++t)
        CHECK(out[(i * 3 + k) * shape.trees + t] == parts.leaf_values[slow_leaf(parts, t, rows[i]) * 5 + k]);
}

TEST_CASE("scaled outputs are multiples of a feature, of 1 where it is not above 0") {
  ForestParts parts;
  parts.kind = ForestKind::regression;
  parts.features = 2;
  parts.outputs = 2;
  parts.tree_start = {0, 1};
  parts.nodes = {ForestNode::leaf(0)};
  parts.leaf_values = {1.5, 90};
  parts.scale_feature = {1, k_unscaled};
  const Forest forest = *Forest::create(parts);
  const std::vector<float> values = {7, 4, 7, 0};
  const auto rows = row_pointers(values, 2);
  Forest::Scratch scratch;
  std::vector<double> out(4);
  forest.regress(rows, 2, scratch, out);
  CHECK(out == std::vector<double>{6, 90, 1.5, 90});
  parts.scale_feature = {2, k_unscaled};
  CHECK_FALSE(Forest::create(parts));
  parts.scale_feature = {1};
  CHECK_FALSE(Forest::create(parts));
}

TEST_CASE("median: the mean of the middle two for an even count") {
  std::vector<double> even = {4, 1, 100, 2}, odd = {3, 1, 2}, none;
  CHECK(median_and_spread(even).median == 3);
  CHECK(median_and_spread(odd).median == 2);
  CHECK(std::isnan(median_and_spread(none).median));
  std::vector<double> line(101);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<double>(i);
  CHECK(median_and_spread(line).half_68 == Approx(34));
}

TEST_CASE("a forest with a wrong number anywhere is refused with its place") {
  const ForestParts good = random_parts({}, 1);
  const ForestParts regression = random_parts({ForestKind::regression, 10, 4, 7, 6}, 1);
  REQUIRE(Forest::create(good));
  REQUIRE(Forest::create(regression));
  const auto refused = [](ForestParts parts, auto&& spoil) {
    spoil(parts);
    const auto made = Forest::create(std::move(parts));
    return !made && !made.error().message.empty();
  };
  CHECK(refused(good, [](auto& p) { p.features = 0; }));
  CHECK(refused(good, [](auto& p) { p.features = ForestNode::k_max_features + 1; }));
  CHECK(refused(good, [](auto& p) { p.features = 1; }));  // nodes ask for more
  CHECK(refused(good, [](auto& p) { p.outputs = 0; }));
  CHECK(refused(good, [](auto& p) { p.labels.pop_back(); }));
  CHECK(refused(good, [](auto& p) { p.tree_start.back() += 1; }));
  CHECK(refused(good, [](auto& p) { p.tree_start[1] = p.tree_start[2]; }));
  CHECK(refused(good, [](auto& p) { std::swap(p.tree_start[1], p.tree_start[2]); }));
  CHECK(refused(good, [](auto& p) { p.tree_start = {0}; }));
  CHECK(refused(good, [](auto& p) { p.nodes[0].threshold = NAN; }));
  CHECK(refused(good, [](auto& p) { p.nodes[0] = ForestNode::inner(0, 0, ForestNode::k_max_delta); }));
  CHECK(refused(good, [](auto& p) { p.nodes[0] = ForestNode::leaf(k_pure_leaf | 4); }));
  CHECK(refused(good, [](auto& p) { p.nodes[0] = ForestNode::leaf(1); }));  // inside a record, not its start
  CHECK(refused(
      good, [](auto& p) { p.nodes[0] = ForestNode::leaf(static_cast<std::uint32_t>(p.leaf_words.size())); }));
  CHECK(refused(good, [](auto& p) { p.leaf_words[0] = 0; }));
  CHECK(refused(good, [](auto& p) { p.leaf_words[0] ^= 3U << 16; }));
  CHECK(refused(good, [](auto& p) { p.leaf_words[1] = 200U << 24 | 1; }));
  CHECK(refused(good, [](auto& p) { p.leaf_words[1] &= ~k_max_leaf_count; }));
  CHECK(refused(good, [](auto& p) { p.leaf_words.back() = 0, p.leaf_words.pop_back(); }));
  CHECK(refused(regression, [](auto& p) { p.leaf_values[3] = NAN; }));
  CHECK(refused(regression, [](auto& p) { p.leaf_values.pop_back(); }));
  CHECK(refused(regression, [](auto& p) { p.leaf_values.resize(4); }));
  CHECK(refused(regression, [](auto& p) { p.outputs = k_max_outputs + 1; }));
  CHECK(refused(good, [](auto& p) { p.kind = static_cast<ForestKind>(7); }));
}

TEST_CASE("a chain deeper than the limit is refused") {
  ForestParts parts;
  parts.features = 1;
  parts.outputs = 1;
  parts.labels = {1};
  for (std::uint32_t i = 0; i <= k_max_tree_depth; ++i) {
    parts.nodes.push_back(ForestNode::inner(0, 0, i == 0 ? 1 : 2));
    if (i > 0) parts.nodes.push_back(ForestNode::leaf(k_pure_leaf));
    if (i > 0) std::swap(parts.nodes[parts.nodes.size() - 1], parts.nodes[parts.nodes.size() - 2]);
  }
  // Root at 0, then pairs (leaf, inner); the last inner points at one more pair of leaves.
  for (std::size_t i = 2; i < parts.nodes.size(); i += 2) parts.nodes[i] = ForestNode::inner(0, 0, 1);
  parts.nodes.push_back(ForestNode::leaf(k_pure_leaf));
  parts.nodes.push_back(ForestNode::leaf(k_pure_leaf));
  parts.tree_start = {0, parts.nodes.size()};
  const auto made = Forest::create(parts);
  REQUIRE_FALSE(made);
  CHECK(made.error().message.find("deeper") != std::string::npos);
}
