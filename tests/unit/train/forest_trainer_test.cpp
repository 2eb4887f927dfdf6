#include "core/train/forest_trainer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "core/forest/model_container.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {

struct Problem {
  std::size_t features;
  std::vector<float> x;
  std::vector<std::uint8_t> y;
  std::vector<float> values;  // two outputs
  std::vector<std::uint32_t> rows;
};

// Three classes in two of the features, noise in the others, one constant.
Problem make_problem(std::size_t rows, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> gauss;
  Problem p{8, {}, {}, {}, {}};
  for (std::size_t i = 0; i < rows; ++i) {
    const auto k = static_cast<std::uint8_t>(random() % 3);
    std::vector<float> row(p.features);
    for (float& value : row) value = gauss(random);
    row[2] += static_cast<float>(k) * 2.0F;
    row[5] += k == 1 ? 3.0F : 0.0F;
    row[7] = 1.5F;
    p.values.insert(p.values.end(), {3 * row[2], 100 + row[5]});
    p.x.insert(p.x.end(), row.begin(), row.end());
    p.y.push_back(k);
    p.rows.push_back(static_cast<std::uint32_t>(i));
  }
  return p;
}

BinnedTable table_of(const Problem& p) {
  BinnedTable table(*BinEdges::from_sample(p.x, p.features), p.y.size());
  table.set_rows(0, p.x);
  return table;
}

const std::vector<std::uint16_t> k_labels = {2, 5, 7};

double accuracy(const Forest& forest, const Problem& p) {
  std::vector<const float*> rows;
  for (std::size_t i = 0; i < p.y.size(); ++i) rows.push_back(p.x.data() + i * p.features);
  std::vector<double> probability(rows.size() * 3);
  std::vector<std::uint16_t> votes(rows.size() * 3);
  Forest::Scratch scratch;
  forest.classify(rows, scratch, probability, votes);
  double right = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    right += arg_max(std::span(probability).subspan(i * 3, 3)) == p.y[i] ? 1 : 0;
  return right / static_cast<double>(rows.size());
}

ForestConfig quick() {
  ForestConfig config;
  config.trees = 30;
  config.threads = 2;
  return config;
}

}  // namespace

TEST_CASE("bins: a value on an edge belongs below it, equal values share a bin, a constant has none") {
  std::vector<float> sample;
  for (int i = 0; i < 1000; ++i)
    sample.insert(sample.end(), {static_cast<float>(i), static_cast<float>(i % 3), 4.0F});
  const auto edges = BinEdges::from_sample(sample, 3, 16);
  REQUIRE(edges);
  CHECK(edges->of(0).size() == 15);
  CHECK(std::is_sorted(edges->of(0).begin(), edges->of(0).end()));
  CHECK(edges->of(1).size() == 2);
  CHECK(edges->of(2).empty());
  for (std::size_t b = 0; b < 15; ++b) {
    const float edge = edges->of(0)[b];
    CHECK(edges->bin(0, edge) == b);
    CHECK(edges->bin(0, std::nextafter(edge, INFINITY)) == b + 1);
  }
  const float low = 1.0F, high = std::nextafter(1.0F, 2.0F);
  const std::vector<float> neighbours = {low, high};
  const auto tight = BinEdges::from_sample(neighbours, 1);
  CHECK(tight->bin(0, low) != tight->bin(0, high));
  const std::vector<float> bad = {NAN};
  CHECK_FALSE(BinEdges::from_sample(bad, 1));
}

TEST_CASE("a table holds every value's bin by row and by column, whatever the numbers of rows and features") {
  const auto features = GENERATE(std::size_t{5}, std::size_t{16}, std::size_t{39});
  const auto rows = GENERATE(std::size_t{1}, std::size_t{67}, std::size_t{300});
  std::mt19937 random(7);
  std::vector<float> x(rows * features);
  for (float& value : x) value = static_cast<float>(random() % 700) / 16.0F - 20.0F;
  BinnedTable table(*BinEdges::from_sample(x, features), rows);
  // Values on edges, beyond them, and in two calls.
  for (std::size_t f = 0; f < features && rows > 1; ++f)
    if (!table.edges().of(f).empty()) x[f] = table.edges().of(f).back();
  x.back() = 1e30F;
  table.set_rows(0, std::span(x).first(rows / 3 * features));
  table.set_rows(rows / 3, std::span(x).subspan(rows / 3 * features));
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t f = 0; f < features; ++f) {
      REQUIRE(table.row(i)[f] == table.edges().bin(f, x[i * features + f]));
      REQUIRE(table.column(f)[i] == table.row(i)[f]);
    }
}

TEST_CASE("a forest learns what can be learnt and generalises") {
  const Problem train = make_problem(3000, 1), test = make_problem(2000, 2);
  const auto table = table_of(train);
  ForestConfig config = quick();
  config.out_of_bag = true;
  const auto trained = train_classifier(table, {train.rows, train.y, k_labels}, config);
  REQUIRE(trained);
  CHECK(accuracy(trained->forest, train) > 0.99);  // leaves of one sample memorise
  const double held_out = accuracy(trained->forest, test);
  CHECK(held_out > 0.87);  // the ideal rule reaches about 0.91
  CHECK(std::abs(trained->out_of_bag_accuracy - held_out) < 0.03);
  CHECK(trained->forest.parts().labels == k_labels);
}

TEST_CASE("the same seed gives the same forest on one thread and on two, another seed another") {
  const Problem p = make_problem(1000, 3);
  const auto table = table_of(p);
  const auto bytes = [&](unsigned threads, std::uint64_t seed) {
    ForestConfig config = quick();
    config.threads = threads;
    config.seed = seed;
    return forest_bytes(train_classifier(table, {p.rows, p.y, k_labels}, config)->forest);
  };
  CHECK(bytes(1, 32) == bytes(2, 32));
  CHECK(bytes(1, 32) != bytes(1, 33));
}

TEST_CASE("depth, leaf size, features per split and bootstrap each change the forest as they say") {
  const Problem p = make_problem(2000, 4);
  const auto table = table_of(p);
  const auto train = [&](auto&& change) {
    ForestConfig config = quick();
    change(config);
    return train_classifier(table, {p.rows, p.y, k_labels}, config)->forest;
  };
  const Forest full = train([](auto&) {});
  CHECK(train([](auto& c) { c.max_depth = 1; }).parts().nodes.size() <= 3 * 30);
  const Forest coarse = train([](auto& c) { c.min_leaf = 50; });
  CHECK(coarse.parts().nodes.size() < full.parts().nodes.size() / 5);
  for (std::size_t at = 0; at < coarse.parts().leaf_words.size();) {
    const std::size_t entries = coarse.parts().leaf_words[at] & 0xFFFF;
    std::uint32_t total = 0;
    for (std::size_t e = 1; e <= entries; ++e) total += coarse.parts().leaf_words[at + e] & k_max_leaf_count;
    CHECK(total >= 50);
    at += entries + 1;
  }
  const Forest all = train([](auto& c) { c.features_per_split = 8; });
  CHECK(forest_bytes(all) != forest_bytes(full));
  // Without bootstrap and with every feature all trees see the same: they are the same, but
  // for equally good cuts, of which the first that is drawn is taken.
  const Forest same = train([](auto& c) { c.features_per_split = 8, c.bootstrap = false, c.trees = 2; });
  const auto& parts = same.parts();
  CHECK(std::abs(2.0 * static_cast<double>(parts.tree_start[1]) - static_cast<double>(parts.tree_start[2])) <=
        0.02 * static_cast<double>(parts.tree_start[1]));
}

namespace {

// Σ L_k²/n_L + Σ R_k²/n_R of the cut x <= edge; -1 when a side is empty.
double gain_of(const Problem& p, std::size_t classes, std::size_t feature, float edge) {
  std::vector<double> left(classes), right(classes);
  for (std::size_t i = 0; i < p.y.size(); ++i)
    (p.x[i * p.features + feature] <= edge ? left : right)[p.y[i]] += 1;
  const auto score = [](const std::vector<double>& side) {
    double n = 0, squares = 0;
    for (const double count : side) n += count, squares += count * count;
    return n == 0 ? -1 : squares / n;
  };
  return score(left) < 0 || score(right) < 0 ? -1 : score(left) + score(right);
}

}  // namespace

TEST_CASE("the first cut is the one that exhaustive search finds, in nodes of every size") {
  // 30 and 190: all cuts at once; 400: counts in 16 bits; 40,000: in 32. With 3 and with 40 classes.
  for (const std::size_t rows : {2UL, 7UL, 30UL, 190UL, 400UL, 40000UL})
    for (const std::size_t classes : {3UL, 40UL}) {
      Problem p = make_problem(rows, 5);
      if (classes > 3)
        for (std::size_t i = 0; i < rows; ++i) p.y[i] = static_cast<std::uint8_t>(3 * (i % 13) + p.y[i]);
      p.y[0] = 0, p.y[1] = 1;
      std::vector<std::uint16_t> labels;
      for (std::size_t k = 0; k < classes; ++k) labels.push_back(static_cast<std::uint16_t>(k + 1));
      const auto table = table_of(p);
      ForestConfig config = quick();
      config.trees = 1;
      config.bootstrap = false;
      config.features_per_split = 8;
      config.max_depth = 1;
      const auto trained = train_classifier(table, {p.rows, p.y, labels}, config);
      REQUIRE(trained);
      double best = -1;
      for (std::size_t f = 0; f < 8; ++f)
        for (const float edge : table.edges().of(f)) best = std::max(best, gain_of(p, classes, f, edge));
      const ForestNode& root = trained->forest.parts().nodes[0];
      INFO(rows << " rows, " << classes << " classes");
      CHECK(gain_of(p, classes, root.feature(), root.threshold) == Approx(best));
    }
}

TEST_CASE("a tree of a large table finds every row again: the copies of small subtrees are whole") {
  Problem p{5, {}, {}, {}, {}};
  std::mt19937 random(12);
  for (std::uint32_t i = 0; i < 70000; ++i) {
    for (std::size_t f = 0; f < 5; ++f) p.x.push_back(static_cast<float>(random() % 256));
    // Five bytes, a class that depends on all of them: only leaves of a few rows get it right.
    const float* const row = p.x.data() + i * std::size_t{5};
    p.y.push_back(static_cast<std::uint8_t>(
        static_cast<unsigned>(row[0] * 31 + row[1] * 17 + row[2] * 7 + row[3] * 3 + row[4]) % 3));
    p.rows.push_back(i);
  }
  const auto table = table_of(p);
  ForestConfig config = quick();
  config.trees = 1;
  config.bootstrap = false;
  config.max_depth = 200;
  const auto trained = train_classifier(table, {p.rows, p.y, k_labels}, config);
  REQUIRE(trained);
  CHECK(accuracy(trained->forest, p) == 1);
}

TEST_CASE("regression follows two outputs at once and scales them") {
  const Problem train = make_problem(4000, 6), test = make_problem(500, 7);
  const auto table = table_of(train);
  const std::vector<float> scale = {3.0F, 1.0F};
  ForestConfig config = quick();
  config.features_per_split = 8;
  const auto trained = train_regressor(table, {train.rows, train.values, 2, {}, scale}, config);
  REQUIRE(trained);
  std::vector<const float*> rows;
  for (std::size_t i = 0; i < test.y.size(); ++i) rows.push_back(test.x.data() + i * test.features);
  std::vector<double> values(rows.size() * 2 * config.trees);
  Forest::Scratch scratch;
  trained->forest.regress(rows, 2, scratch, values);
  double error_0 = 0, error_1 = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto of = [&](std::size_t k) {
      return std::span(values).subspan((i * 2 + k) * config.trees, config.trees);
    };
    error_0 += std::abs(median_and_spread(of(0)).median - static_cast<double>(test.values[i * 2]));
    error_1 += std::abs(median_and_spread(of(1)).median - static_cast<double>(test.values[i * 2 + 1]));
  }
  CHECK(error_0 / 500 < 0.6);  // of a spread of 5.8
  CHECK(error_1 / 500 < 0.2);  // of 1.7
}

TEST_CASE("a leaf holds the mean, or the median where that is asked for") {
  Problem p = make_problem(9, 9);
  for (std::size_t i = 0; i < 9; ++i) p.values[2 * i] = i < 6 ? 1.0F : 2.0F;
  const auto table = table_of(p);
  ForestConfig config = quick();
  config.trees = 1;
  config.bootstrap = false;
  config.min_leaf = 9;
  const auto leaf = [&] {
    return train_regressor(table, {p.rows, p.values, 2, {}, {}}, config)->forest.parts().leaf_values[0];
  };
  CHECK(leaf() == Approx(4.0 / 3));
  config.median_leaves = true;
  CHECK(leaf() == 1);
}

TEST_CASE("unusable input is refused with a reason") {
  const Problem p = make_problem(50, 8);
  const auto table = table_of(p);
  const auto train = [&](std::span<const std::uint32_t> rows, std::span<const std::uint8_t> y,
                         auto&& change) {
    ForestConfig config = quick();
    change(config);
    return train_classifier(table, {rows, y, k_labels}, config);
  };
  CHECK(train(p.rows, p.y, [](auto&) {}));
  CHECK_FALSE(train({}, {}, [](auto&) {}));
  CHECK_FALSE(train(p.rows, std::span(p.y).first(10), [](auto&) {}));
  CHECK_FALSE(train(p.rows, p.y, [](auto& c) { c.trees = 0; }));
  CHECK_FALSE(train(p.rows, p.y, [](auto& c) { c.max_depth = 100000; }));
  CHECK_FALSE(train(p.rows, p.y, [](auto& c) { c.min_leaf = 0; }));
  CHECK_FALSE(train(p.rows, p.y, [](auto& c) { c.features_per_split = 9; }));
  const std::vector<std::uint8_t> beyond(50, 3);
  CHECK_FALSE(train(p.rows, beyond, [](auto&) {}));
  const std::vector<std::uint32_t> outside(50, 50);
  CHECK_FALSE(train(outside, p.y, [](auto&) {}));
  auto values = p.values;
  values[3] = NAN;
  CHECK_FALSE(train_regressor(table, {p.rows, values, 2, {}, {}}, quick()));
}
