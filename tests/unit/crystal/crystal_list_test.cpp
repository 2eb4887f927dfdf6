// JSON-lines sets and folders of CIF files.
#include "core/crystal/crystal_list.hpp"

#include <unistd.h>
#include <zlib.h>

#include <fstream>

#include "tests/shared_data.hpp"

using namespace bragglive;
using Catch::Matchers::Contains;

namespace {

const std::string k_gold =
    R"({"id":"mp-81","formula":"Au","sg":225,"a":4.17,"b":4.17,"c":4.17,"alpha":90,"beta":90,"gamma":90,"split":"test","group":"Au1|225","species":["Au","Au","Au","Au"],"xyz":[[0,0,0],[0,0.5,0.5],[0.5,0,0.5],[0.5,0.5,0]]})";

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("bragglive-list-{}", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

}  // namespace

TEST_CASE("plain and compressed lists hold the same crystals") {
  const Folder folder;
  write(folder.path / "a.jsonl", k_gold + "\n\n" + k_gold + "\n");
  const gzFile zipped = gzopen((folder.path / "a.jsonl.gz").c_str(), "wb");
  gzputs(zipped, (k_gold + "\n\n" + k_gold + "\n").c_str());
  gzclose(zipped);
  const auto plain = CrystalList::open(folder.path / "a.jsonl"),
             packed = CrystalList::open(folder.path / "a.jsonl.gz");
  REQUIRE(plain.has_value());
  REQUIRE(packed.has_value());
  CHECK(plain->size() == 2);
  CHECK(packed->size() == 2);
  CHECK(plain->checksum() == packed->checksum());
  const auto gold = packed->load(1);
  REQUIRE(gold.has_value());
  CHECK(gold->id == "mp-81");
  CHECK(gold->split == Split::test);
  CHECK(gold->system == CrystalSystem::cubic);
  CHECK(gold->atoms.size() == 4);
}

TEST_CASE("a truncated gzip file is refused") {
  const Folder folder;
  const auto file = folder.path / "a.jsonl.gz";
  const gzFile zipped = gzopen(file.c_str(), "wb");
  for (int i = 0; i < 2000; ++i)
    gzputs(zipped, (replaced(k_gold, "mp-81", fmt::format("x{}", i * 7919)) + "\n").c_str());
  gzclose(zipped);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  const auto list = CrystalList::open(file);
  REQUIRE_FALSE(list.has_value());
  CHECK_THAT(list.error().message, Contains("gzip"));
}

TEST_CASE("lines that are no crystals are refused one by one") {
  const auto error = [](const std::string& line) {
    const auto crystal = parse_crystal_json(line, "list line 3");
    REQUIRE_FALSE(crystal.has_value());
    CHECK_THAT(crystal.error().message, Contains("list line 3"));
    return crystal.error().message;
  };
  error("{");
  error("[1,2]");
  CHECK_THAT(error(replaced(k_gold, "\"sg\":225", "\"sg\":0")), Contains("space-group"));
  CHECK_THAT(error(replaced(k_gold, "\"Au\",\"Au\",", "\"Au\",\"Qq\",")), Contains("Qq"));
  CHECK_THAT(error(replaced(k_gold, "[[0,0,0],", "[")), Contains("one length"));
  CHECK_THAT(error(replaced(k_gold, "[0,0,0]", "[0,0]")), Contains("three coordinates"));
  CHECK_THAT(error(replaced(k_gold, "\"a\":4.17", "\"a\":-4.17")), Contains("unit cell"));
  CHECK_THAT(error(replaced(k_gold, "\"a\":4.17", "\"a\":\"x\"")), Contains("not a crystal"));
  CHECK_THAT(error(replaced(k_gold, "[0,0.5,0.5]", "[0,0.01,0]")), Contains("overlap"));
}

TEST_CASE("a folder of CIF files, in order of name, in the standard cell") {
  if (!test::have_shared("data/cif/Au.cif")) return;
  const auto list = CrystalList::open(test::shared_path("data/cif"));
  REQUIRE(list.has_value());
  CHECK(list->size() == 35);
  CHECK(list->load(0)->id == "Ag.cif");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto crystal = list->load(i);
    REQUIRE(crystal.has_value());
    CHECK(crystal->cell == crystal->standard_cell);
  }
  CHECK_FALSE(CrystalList::open("/nowhere").has_value());
}

TEST_CASE("the training set: sizes and splits") {
  const std::string file = "data/crystals/mp_observed_conventional.jsonl.gz";
  if (!test::have_shared(file)) return;
  const auto list = CrystalList::open(test::shared_path(file));
  REQUIRE(list.has_value());
  CHECK(list->size() == 37328);
  for (std::size_t i = 0; i < list->size(); i += 500) {
    const auto crystal = list->load(i);
    REQUIRE(crystal.has_value());
    CHECK(crystal->split != Split::none);
  }
}
