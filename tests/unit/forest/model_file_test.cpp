#include <cstring>
#include <fstream>

#include "core/forest/model_container.hpp"
#include "core/label/crystal_model_file.hpp"
#include "tests/catch.hpp"
#include "tests/unit/forest/make_forest.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

struct TemporaryFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("bragglive_model_" + std::to_string(::getpid()) + ".blm");
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::vector<std::byte> bytes() const {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
  }
};

CrystalModelParts small_model() {
  CrystalModelParts parts;
  parts.features = (*make_feature_set("polar m=5 p=2"))->definition();
  const std::uint32_t features = 20;
  ForestParts system = random_parts({ForestKind::classification, features, 6, 5, 3}, 1);
  system.labels = {2, 3, 4, 5, 6, 7};
  parts.system = *Forest::create(system);
  ForestParts groups = random_parts({ForestKind::classification, features, 3, 4, 3}, 2);
  groups.labels = {221, 225, 229};
  parts.space_group[7] = *Forest::create(groups);
  parts.lattice[7] = *Forest::create(random_parts({ForestKind::regression, features, 6, 4, 3}, 3));
  ForestParts longest_name = random_parts({ForestKind::classification, features, 1, 2, 2}, 4);
  longest_name.labels = {62};
  parts.space_group[3] = *Forest::create(longest_name);
  parts.provenance = R"({"note":"a test"})";
  return parts;
}

}  // namespace

TEST_CASE("CRC-32 is that of zlib") {
  const std::string text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  CHECK(crc32(bytes) == 0xCBF43926U);
  CHECK(crc32(bytes.subspan(4), crc32(bytes.first(4))) == 0xCBF43926U);
}

TEST_CASE("a model file gives back what was written, and a checksum that changes with it") {
  TemporaryFile file;
  const CrystalModelParts parts = small_model();
  REQUIRE(save_crystal_model(file.path, parts));
  const auto again = load_crystal_model_parts(file.path);
  REQUIRE(again);
  CHECK(again->parts.features == parts.features);
  CHECK(again->parts.provenance.find("a test") != std::string::npos);
  CHECK(forest_bytes(*again->parts.system) == forest_bytes(*parts.system));
  CHECK(forest_bytes(*again->parts.space_group[7]) == forest_bytes(*parts.space_group[7]));
  CHECK(forest_bytes(*again->parts.lattice[7]) == forest_bytes(*parts.lattice[7]));
  CHECK_FALSE(again->parts.lattice[3]);
  CHECK(again->checksum.size() == 16);
  CrystalModelParts other = parts;
  other.provenance = R"({"note":"another test"})";
  REQUIRE(save_crystal_model(file.path, other));
  CHECK(load_crystal_model_parts(file.path)->checksum != again->checksum);
}

TEST_CASE("leaf values are kept in double precision where that is asked for") {
  ForestParts parts = random_parts({ForestKind::regression, 4, 2, 2, 3}, 4);
  parts.leaf_values[0] = 0.1;
  const Forest forest = *Forest::create(parts);
  CHECK(forest_from_bytes(forest_bytes(forest, true))->parts().leaf_values == parts.leaf_values);
  CHECK(forest_from_bytes(forest_bytes(forest, false))->parts().leaf_values[0] == static_cast<double>(0.1F));
}

TEST_CASE("every truncation and every changed byte of a model file is noticed") {
  TemporaryFile file;
  REQUIRE(save_crystal_model(file.path, small_model()));
  const auto good = file.bytes();
  REQUIRE(crystal_model_parts_from_bytes(good, "good"));
  for (std::size_t size = 0; size < good.size(); size += size < 2000 ? 1 : 97)
    CHECK_FALSE(crystal_model_parts_from_bytes(std::span(good).first(size), "short"));
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= std::byte{0x10};
    const auto read = crystal_model_parts_from_bytes(bad, "damaged");
    CAPTURE(at);
    REQUIRE_FALSE(read);
    REQUIRE(read.error().message.find("damaged") == 0);
  }
  auto longer = good;
  longer.push_back(std::byte{0});
  CHECK_FALSE(crystal_model_parts_from_bytes(longer, "long"));
}

TEST_CASE("forests with spoilt bytes behind a good checksum are refused or stay inside their arrays") {
  const Forest forest = *Forest::create(random_parts({ForestKind::classification, 6, 4, 6, 5}, 5));
  const auto good = forest_bytes(forest);
  const auto values = random_rows(32, 2048, 1);  // as many columns as any accepted forest can ask for
  const auto rows = row_pointers(values, 2048);
  std::mt19937 random(1);
  int accepted = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    auto bad = good;
    for (unsigned k = 0; k <= random() % 3; ++k)
      bad[random() % bad.size()] = static_cast<std::byte>(random() & 0xFF);
    const auto read = forest_from_bytes(bad);
    if (!read) continue;
    ++accepted;
    Forest::Scratch scratch;
    if (read->parts().kind != ForestKind::classification) continue;
    std::vector<double> probability(rows.size() * read->outputs());
    std::vector<std::uint16_t> votes(probability.size());
    read->classify(rows, scratch, probability, votes);
    for (const double p : probability) REQUIRE((p >= 0 && p <= 1 + 1e-12));
  }
  CHECK(accepted > 100);  // changed thresholds are legal: the walk itself was exercised
}

TEST_CASE("foreign, newer, missing and folder files each get their own message") {
  TemporaryFile file;
  const auto message = [&] { return load_crystal_model_parts(file.path).error().message; };
  CHECK(message().find("cannot open") != std::string::npos);
  std::ofstream(file.path) << "this is a text file, and a long enough one to hold a header";
  CHECK(message().find("is not a bragglive model") != std::string::npos);
  REQUIRE(save_crystal_model(file.path, small_model()));
  auto newer = file.bytes();
  newer[8] = std::byte{2};
  std::ofstream(file.path, std::ios::binary)
      .write(reinterpret_cast<const char*>(newer.data()), static_cast<std::streamsize>(newer.size()));
  CHECK(message().find("model format 2") != std::string::npos);
  CHECK(load_crystal_model_parts(std::filesystem::temp_directory_path()).error().message.find("folder") !=
        std::string::npos);
}

TEST_CASE("a model that cannot be written leaves the old one in place") {
  const auto nowhere = std::filesystem::temp_directory_path() / "bragglive_no_such_folder" / "model.blm";
  const auto written = save_crystal_model(nowhere, small_model());
  REQUIRE_FALSE(written);
  CHECK(written.error().area == ErrorArea::file);
  if (std::filesystem::exists("/dev/full")) {
    TemporaryFile file;
    REQUIRE(save_crystal_model(file.path, small_model()));
    const auto before = file.bytes();
    const std::filesystem::path part = file.path.string() + ".part";
    std::filesystem::create_symlink("/dev/full", part);
    const auto full = save_crystal_model(file.path, small_model());
    REQUIRE_FALSE(full);
    CHECK(full.error().message.find("full") != std::string::npos);
    CHECK(file.bytes() == before);
  }
}

TEST_CASE("a model is not made from parts that do not fit together") {
  const CrystalModelParts good = small_model();
  REQUIRE(make_crystal_model(good, ""));
  CrystalModelParts parts = good;
  parts.features = (*make_feature_set("polar m=5 p=3"))->definition();
  CHECK_FALSE(make_crystal_model(parts, ""));
  parts = good;
  parts.system.reset();
  CHECK_FALSE(make_crystal_model(parts, ""));
  parts = good;
  parts.space_group[4] = parts.space_group[7];  // cubic groups under tetragonal
  CHECK_FALSE(make_crystal_model(parts, ""));
  parts = good;
  parts.lattice[7] = parts.space_group[7];
  CHECK_FALSE(make_crystal_model(parts, ""));
  parts = good;
  parts.features = "wavelet v=1";
  CHECK_FALSE(make_crystal_model(parts, ""));
}
