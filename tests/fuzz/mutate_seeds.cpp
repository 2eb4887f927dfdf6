// Stands in for libFuzzer: a fixed number of mutated seeds, the same in every run; or writes the seeds into a
// folder (--write FOLDER).
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <string>

#include "tests/fuzz/fuzz.hpp"

namespace {

constexpr int k_mutations = 5000;

void mutate(Bytes& bytes, std::mt19937& random) {
  for (unsigned step = 0, steps = 1 + random() % 4; step < steps && !bytes.empty(); ++step) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<std::byte>(random());
        break;
      case 1:
        bytes[at] ^= static_cast<std::byte>(1U << (random() % 8));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::byte>(random()));
        break;
      default:
        for (std::size_t i = at; i < std::min(at + 4, bytes.size()); ++i) bytes[i] = std::byte{0xff};
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto seeds = fuzz_seeds();
  const auto run = [](const Bytes& bytes) {
    return LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  };
  if (argc == 3 && std::strcmp(argv[1], "--write") == 0) {
    for (std::size_t i = 0; i < seeds.size(); ++i)
      std::ofstream(std::string(argv[2]) + "/seed" + std::to_string(i), std::ios::binary)
          .write(reinterpret_cast<const char*>(seeds[i].data()),
                 static_cast<std::streamsize>(seeds[i].size()));
    return 0;
  }
  std::mt19937 random(1);
  for (const Bytes& seed : seeds) run(seed);
  for (int i = 0; i < k_mutations; ++i) {
    Bytes bytes = seeds[static_cast<std::size_t>(i) % seeds.size()];
    mutate(bytes, random);
    run(bytes);
  }
  std::printf("%zu seeds, %d mutations\n", seeds.size(), k_mutations);
  return 0;
}
