// ask_model MODEL ROWS.f32 OUT.f64: what the forests of a model say about raw feature vectors, for comparison
// with the program they were exported from. OUT: per row the mean probabilities and the votes of "system",
// then the medians of a, b, c of "lattice.cubic".
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/label/crystal_model_file.hpp"

int main(int argc, char** argv) {
  using namespace bragglive;
  if (argc != 4) return 2;
  const auto model = load_crystal_model_parts(argv[1]);
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 3;
  }
  const Forest &system = *model->parts.system, &lattice = *model->parts.lattice[7];
  const std::size_t features = system.parts().features, classes = system.outputs(), trees = lattice.trees();
  std::ifstream in(argv[2], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto* values = reinterpret_cast<const float*>(bytes.data());
  std::vector<const float*> rows;
  for (std::size_t i = 0; i + features <= bytes.size() / sizeof(float); i += features)
    rows.push_back(values + i);
  Forest::Scratch scratch;
  std::vector<double> probability(rows.size() * classes), all(rows.size() * 3 * trees), out;
  std::vector<std::uint16_t> votes(rows.size() * classes);
  system.classify(rows, scratch, probability, votes);
  lattice.regress(rows, 3, scratch, all);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < classes; ++k) out.push_back(probability[i * classes + k]);
    for (std::size_t k = 0; k < classes; ++k) out.push_back(votes[i * classes + k]);
    for (std::size_t k = 0; k < 3; ++k)
      out.push_back(median_and_spread(std::span(all).subspan((i * 3 + k) * trees, trees)).median);
  }
  std::ofstream(argv[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(out.data()),
             static_cast<std::streamsize>(out.size() * sizeof(double)));
  return 0;
}
