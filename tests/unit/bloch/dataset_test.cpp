// Data sets: the same contents whatever the threads, ranks and interruptions; nothing lost or doubled; damage
// noticed.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "core/bloch/dataset_columns.hpp"
#include "core/bloch/dataset_run.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// A scratch folder with a small crystal list of several systems.
struct Workplace {
  fs::path folder = fs::temp_directory_path() / fmt::format("bragglive-set-{}", ::getpid());
  fs::path list = folder / "list.jsonl";
  Workplace() {
    fs::create_directories(folder);
    std::ofstream out(list);
    for (int i = 0; i < 40; ++i)
      out << fmt::format(
                 R"({{"id":"c{}","formula":"NaCl","sg":{},"a":{},"b":{},"c":{},"alpha":90,"beta":90,"gamma":90,"split":"{}","species":["Na","Cl"],"xyz":[[0,0,0],[0.5,0.5,0.5]]}})",
                 i, i % 2 ? 221 : 123, 3.5 + 0.01 * i, 3.5 + 0.01 * i, i % 2 ? 3.5 + 0.01 * i : 4.2,
                 i % 4 ? "train" : "test")
          << '\n';
  }
  ~Workplace() { fs::remove_all(folder); }
};

DatasetRun small_run(const fs::path& out, int threads = 1) {
  DatasetRun run;
  run.settings = dataset_preset("field").value();
  run.settings.bloch.k_max = 1.2;
  run.settings.zone_axes = 5;
  run.out = out;
  run.program_version = "test";
  run.threads = threads;
  return run;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

DatasetSummary make(const Workplace& place, const DatasetRun& run) {
  const auto crystals = CrystalList::open(place.list);
  REQUIRE(crystals.has_value());
  const auto result = run_dataset(*crystals, run);
  if (!result) FAIL(result.error().message);
  REQUIRE(result->finished);
  const auto verified = verify_dataset(run.out);
  if (!verified) FAIL(verified.error().message);
  return *verified;
}

// Runs the data set in a child process that is killed after some milliseconds. False: it was finished before.
bool run_and_kill(const Workplace& place, const DatasetRun& run, int milliseconds) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto crystals = CrystalList::open(place.list);
    (void)run_dataset(*crystals, run);
    ::_exit(0);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

}  // namespace

// First, while this process has no other threads: it forks.
TEST_CASE("a run killed at any moment continues with nothing lost or doubled") {
  const Workplace place;
  DatasetRun run = small_run(place.folder / "killed.h5");
  run.settings.zone_axes = 60;
  int killed = 0;
  for (int wait = 3; wait < 120; wait += 9) killed += run_and_kill(place, run, wait);
  CHECK(killed > 0);
  const DatasetSummary summary = make(place, run);
  DatasetRun whole = run;
  whole.out = place.folder / "whole.h5";
  make(place, whole);
  CHECK(summary.materials == 40);
  CHECK(summary.patterns == 40 * 60);
  CHECK(bytes_of(run.out) == bytes_of(whole.out));
  CHECK_FALSE(fs::exists(run.out.string() + ".parts"));
}

TEST_CASE("a full disk is an error that names the file, and the run continues later") {
  const Workplace place;
  const DatasetRun run = small_run(place.folder / "full.h5");
  const auto crystals = CrystalList::open(place.list);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t bytes : {rlim_t{500}, rlim_t{20000}}) {  // not even a part; parts, but not the set
    const rlimit small{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto result = run_dataset(*crystals, run);
    ::setrlimit(RLIMIT_FSIZE, &before);
    REQUIRE_FALSE(result.has_value());
    CHECK_THAT(result.error().message, Contains("disk full"));
    CHECK_FALSE(fs::exists(run.out));
  }
  CHECK(make(place, run).patterns == 200);
}

TEST_CASE("a disk that fills while HDF5 writes is an error too, and leaves no file") {
  const Workplace place;
  DatasetBlock block;
  block.material.assign(200000, 0);
  std::mt19937 random(1);
  for (int i = 0; i < 600000; ++i) block.zone.push_back(float(random()));
  block.thickness_nm.assign(200000, 20);
  block.rotation = block.thickness_nm;
  block.mirrored.assign(200000, 0);
  block.offset.assign(200001, 0);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  {
    auto writer = DatasetWriter::create(place.folder / "set.h5", {});
    REQUIRE(writer.has_value());
    auto done = writer->append(block);
    if (done) done = writer->commit();
    REQUIRE_FALSE(done.has_value());
    CHECK_THAT(done.error().message, Contains("disk full"));
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK_FALSE(fs::exists(place.folder / "set.h5"));
}

TEST_CASE("threads, ranks and the order of work do not change a data set; seed and settings do") {
  const Workplace place;
  const DatasetSummary one = make(place, small_run(place.folder / "one.h5", 1));
  make(place, small_run(place.folder / "two.h5", 2));
  CHECK(one.materials == 40);
  CHECK(one.per_system[std::size_t(CrystalSystem::cubic)] == 20);
  CHECK(bytes_of(place.folder / "one.h5") == bytes_of(place.folder / "two.h5"));

  DatasetRun first = small_run(place.folder / "ranks.h5"), second = first;
  first.ranks = second.ranks = 2;
  second.rank = 1;
  const auto crystals = CrystalList::open(place.list);
  auto other = std::async(std::launch::async, [&] { return run_dataset(*crystals, second).has_value(); });
  const auto result = run_dataset(*crystals, first);
  CHECK(other.get());
  REQUIRE(result.has_value());
  CHECK(bytes_of(place.folder / "one.h5") == bytes_of(place.folder / "ranks.h5"));

  DatasetRun reseeded = small_run(place.folder / "seed.h5");
  reseeded.settings.seed = 2;
  make(place, reseeded);
  CHECK(bytes_of(place.folder / "one.h5") != bytes_of(place.folder / "seed.h5"));
}

TEST_CASE("random thicknesses: drawn anew for every zone axis, inside their range") {
  const Workplace place;
  DatasetRun run = small_run(place.folder / "random.h5");
  run.settings.limit = 8;
  run.settings.random_thickness = RandomThickness{2, 200, 3, true};
  CHECK(make(place, run).patterns == 8 * 5 * 3);
  hdf5::Handle file(H5Fopen(run.out.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  const auto column = StoredColumn::open(file.get(), "/patterns/thickness_nm", H5T_IEEE_F32LE, 1);
  REQUIRE(column.has_value());
  std::vector<float> thickness(column->rows());
  REQUIRE(column->read(0, thickness.size(), thickness.data()).has_value());
  for (const float t : thickness) CHECK((t >= 2 && t <= 200));
  std::sort(thickness.begin(), thickness.end());
  CHECK(std::unique(thickness.begin(), thickness.end()) == thickness.end());
  // Uniform in the logarithm: half of them below 20 nm.
  CHECK(
      std::abs(double(std::lower_bound(thickness.begin(), thickness.end(), 20.F) - thickness.begin()) / 120 -
               0.5) < 0.15);
  DatasetSettings bad = run.settings;
  bad.random_thickness->high_nm = 1;
  CHECK_THAT(validate(bad).error().message, Contains("random thicknesses"));
}

TEST_CASE("shards share out the materials; splits, systems, volumes and limits choose them") {
  const Workplace place;
  std::uint64_t materials = 0;
  for (int shard = 1; shard <= 3; ++shard) {
    DatasetRun run = small_run(place.folder / fmt::format("shard{}.h5", shard));
    run.settings.shard = shard;
    run.settings.shards = 3;
    materials += make(place, run).materials;
  }
  CHECK(materials == 40);
  DatasetRun test_side = small_run(place.folder / "side.h5");
  test_side.settings.split = Split::test;
  CHECK(make(place, test_side).materials == 10);
  DatasetRun cubic = small_run(place.folder / "cubic.h5");
  cubic.settings.systems = {CrystalSystem::cubic};
  CHECK(make(place, cubic).materials == 20);
  DatasetRun few = small_run(place.folder / "few.h5");
  few.settings.limit = 7;
  CHECK(make(place, few).materials == 7);
  DatasetRun small = small_run(place.folder / "small.h5");
  small.settings.max_volume = 50;  // Å³: the cubic ones up to a = 3.67 Å
  CHECK(make(place, small).materials == 9);
}

TEST_CASE("a finished set is recognised, another one is not overwritten, parts of another run are refused") {
  const Workplace place;
  const auto crystals = CrystalList::open(place.list);
  const DatasetRun run = small_run(place.folder / "set.h5");
  make(place, run);
  const auto again = run_dataset(*crystals, run);
  REQUIRE(again.has_value());
  CHECK(again->was_complete);
  DatasetRun other = run;
  other.settings.seed = 9;
  CHECK_THAT(run_dataset(*crystals, other).error().message, Contains("exists"));

  std::atomic<bool> stop{false};
  DatasetRun stopped = small_run(place.folder / "stopped.h5");
  stopped.stop = &stop;
  stopped.progress = [&](std::uint64_t done, std::uint64_t) { stop = done > 0; };
  const auto half = run_dataset(*crystals, stopped);
  REQUIRE(half.has_value());
  CHECK_FALSE(half->finished);
  DatasetRun changed = small_run(place.folder / "stopped.h5");
  changed.settings.seed = 4;
  CHECK_THAT(run_dataset(*crystals, changed).error().message, Contains("--restart"));
  changed.restart = true;
  CHECK(run_dataset(*crystals, changed).has_value());
}

TEST_CASE("unusable crystals are left out and counted") {
  const Workplace place;
  std::ofstream(place.list, std::ios::app) << "{\"id\":\"broken\"}\n";
  const auto crystals = CrystalList::open(place.list);
  const auto result = run_dataset(*crystals, small_run(place.folder / "set.h5"));
  REQUIRE(result.has_value());
  REQUIRE(result->skipped.size() == 1);
  CHECK_THAT(result->skipped[0], Contains("line 41"));
  CHECK(result->summary.skipped == 1);
  CHECK(result->summary.materials == 40);
}

TEST_CASE("damage and other versions are noticed") {
  const Workplace place;
  const fs::path file = place.folder / "set.h5";
  make(place, small_run(file));
  std::string damaged = bytes_of(file);
  const auto change = [&](auto edit) {
    fs::copy_file(file, place.folder / "edited.h5", fs::copy_options::overwrite_existing);
    {
      const hdf5::Handle h5(H5Fopen((place.folder / "edited.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
      edit(h5.get());
    }
    const auto verified = verify_dataset(place.folder / "edited.h5");
    REQUIRE_FALSE(verified.has_value());
    return verified.error().message;
  };
  CHECK_THAT(change([](hid_t h5) {
               H5Adelete(h5, "version");
               REQUIRE(write_number_attribute(h5, "version", 2).has_value());
             }),
             Contains("version 2"));
  CHECK_THAT(change([](hid_t h5) {
               const hdf5::Handle qx(H5Dopen2(h5, "/spots/qx", H5P_DEFAULT));
               std::vector<float> values(100);
               const hsize_t start[1] = {0}, count[1] = {100};
               const hdf5::Handle space(H5Dget_space(qx.get())), memory(H5Screate_simple(1, count, nullptr));
               H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, count, nullptr);
               H5Dwrite(qx.get(), H5T_NATIVE_FLOAT, memory.get(), space.get(), H5P_DEFAULT, values.data());
             }),
             Contains("checksum"));
  CHECK_THAT(change([](hid_t h5) { H5Ldelete(h5, "/spots/hkl", H5P_DEFAULT); }), Contains("hkl"));
  std::ofstream(place.folder / "cut.h5", std::ios::binary) << damaged.substr(0, damaged.size() / 2);
  CHECK_FALSE(verify_dataset(place.folder / "cut.h5").has_value());
  CHECK_THAT(verify_dataset(place.list).error().message, Contains("not an HDF5 file"));
}

TEST_CASE("a damaged part is made again") {
  const Workplace place;
  DatasetBlock block;
  const fs::path file = place.folder / "part-000000";
  REQUIRE(write_part(file, block, 7).has_value());
  CHECK(read_part(file, 7).has_value());
  CHECK_THAT(read_part(file, 8).error().message, Contains("other settings"));
  std::string bytes = bytes_of(file);
  bytes[20] ^= 1;
  std::ofstream(file, std::ios::binary) << bytes;
  CHECK_THAT(read_part(file, 7).error().message, Contains("damaged"));
  std::ofstream(file, std::ios::binary) << "short";
  CHECK_FALSE(read_part(file, 7).has_value());
}
