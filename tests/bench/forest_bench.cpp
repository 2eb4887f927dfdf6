// Training and inference of the paper's crystal-system forest (80 trees, depth 40, square root of 1,066
// features, six classes) on 20,000 learnable Gaussian rows, against scikit-learn in the same run. CPU time of
// one thread, for batches the best of a few, so that other work on the machine counts little:
//   forest_bench [ROWS] [--peer PYTHON]     PYTHON: an interpreter with numpy and scikit-learn; without it
//   ours alone
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "core/train/forest_trainer.hpp"

using namespace bragglive;

namespace {

constexpr std::size_t k_features = 1066, k_classes = 6, k_predict = 20000;

double cpu() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Data {
  std::vector<float> x;
  std::vector<std::uint8_t> y;
};

// A tenth of the features carry a class-dependent shift of 0.35 standard deviations.
Data make_data(std::size_t rows, unsigned seed) {
  std::mt19937 shape(1), random(seed);
  std::normal_distribution<float> gauss;
  std::vector<float> shift(k_classes * k_features, 0.0F);
  for (std::size_t f = 0; f < k_features; f += 10)
    for (std::size_t k = 0; k < k_classes; ++k) shift[k * k_features + f] = 0.35F * gauss(shape);
  Data data;
  data.x.resize(rows * k_features);
  data.y.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    data.y[i] = static_cast<std::uint8_t>(random() % k_classes);
    for (std::size_t f = 0; f < k_features; ++f)
      data.x[i * k_features + f] = gauss(random) + shift[data.y[i] * k_features + f];
  }
  return data;
}

constexpr const char* k_peer = R"(
import sys, time, numpy as np
from sklearn.ensemble import RandomForestClassifier
x, y, x2, y2 = (np.fromfile(f"{sys.argv[1]}/{n}", t) for n, t in (("x", "f4"), ("y", "u1"), ("x2", "f4"), ("y2", "u1")))
x, x2 = x.reshape(-1, 1066), x2.reshape(-1, 1066)
f = RandomForestClassifier(80, max_depth=40, max_features="sqrt", n_jobs=1, random_state=32)
c = time.process_time(); f.fit(x, y); fit = time.process_time() - c
batch = 1e9
for repeat in range(3):
    c = time.process_time(); p = f.predict(x2); batch = min(batch, time.process_time() - c)
c = time.process_time()
for i in range(20): f.predict(x2[i:i+1])
one = (time.process_time() - c) / 20
n = sum(e.tree_.node_count for e in f.estimators_)
print(fit, len(x2) / batch, one * 1e6, (p == y2).mean() * 100, n)
)";

void write(const std::filesystem::path& file, const void* data, std::size_t bytes) {
  std::ofstream(file, std::ios::binary)
      .write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t rows = 20000;
  std::string peer;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--peer") == 0 && i + 1 < argc)
      peer = argv[++i];
    else
      rows = std::strtoul(argv[i], nullptr, 10);
  }
  const Data data = make_data(rows, 2), test = make_data(k_predict, 3);

  const double start = cpu();
  BinnedTable table(*BinEdges::from_sample(data.x, k_features), rows);
  table.set_rows(0, data.x);
  const double binning = cpu() - start;
  std::vector<std::uint32_t> index(rows);
  for (std::size_t i = 0; i < rows; ++i) index[i] = static_cast<std::uint32_t>(i);
  const std::vector<std::uint16_t> labels = {2, 3, 4, 5, 6, 7};
  ForestConfig config;
  config.threads = 1;
  const auto trained = train_classifier(table, {index, data.y, labels}, config);
  const double fit = cpu() - start;
  const Forest& forest = trained->forest;

  std::vector<const float*> pointers;
  for (std::size_t i = 0; i < k_predict; ++i) pointers.push_back(test.x.data() + i * k_features);
  std::vector<double> probability(k_predict * k_classes);
  std::vector<std::uint16_t> votes(probability.size());
  Forest::Scratch scratch;
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const double t = cpu();
    forest.classify(pointers, scratch, probability, votes);
    best = std::min(best, cpu() - t);
  }
  std::size_t right = 0;
  for (std::size_t i = 0; i < k_predict; ++i)
    right += arg_max(std::span(probability).subspan(i * k_classes, k_classes)) == test.y[i] ? 1 : 0;
  const double t = cpu();
  constexpr std::size_t k_single = 5000;
  for (std::size_t i = 0; i < k_single; ++i)
    forest.classify(std::span(pointers).subspan(i, 1), scratch, std::span(probability).first(k_classes),
                    std::span(votes).first(k_classes));
  const double one = (cpu() - t) / k_single;
  const double batch_rate = k_predict / best, accuracy = 100.0 * static_cast<double>(right) / k_predict;
  std::printf(
      "ours:         fit %.2f CPU s (binning %.2f), %.0f rows/s in a batch, %.1f us alone, accuracy %.1f %%, "
      "%zu nodes\n",
      fit, binning, batch_rate, one * 1e6, accuracy, forest.parts().nodes.size());
  if (peer.empty()) return 0;

  const auto folder = std::filesystem::temp_directory_path() / "bragglive_forest_bench";
  std::filesystem::create_directories(folder);
  write(folder / "x", data.x.data(), data.x.size() * 4);
  write(folder / "y", data.y.data(), data.y.size());
  write(folder / "x2", test.x.data(), test.x.size() * 4);
  write(folder / "y2", test.y.data(), test.y.size());
  write(folder / "peer.py", k_peer, std::strlen(k_peer));
  const std::string command =
      peer + " " + (folder / "peer.py").string() + " " + folder.string() + " > " + (folder / "out").string();
  double peer_fit = 0, peer_rate = 0, peer_one = 0, peer_accuracy = 0, peer_nodes = 0;
  if (std::system(command.c_str()) == 0)
    std::ifstream(folder / "out") >> peer_fit >> peer_rate >> peer_one >> peer_accuracy >> peer_nodes;
  std::filesystem::remove_all(folder);
  std::printf(
      "scikit-learn: fit %.2f CPU s, %.0f rows/s in a batch, %.1f us alone, accuracy %.1f %%, %.0f nodes\n",
      peer_fit, peer_rate, peer_one, peer_accuracy, peer_nodes);
  std::printf("ratios: training %.1f, batch %.1f, alone %.0f\n", peer_fit / fit, batch_rate / peer_rate,
              peer_one / (one * 1e6));
  return 0;
}
