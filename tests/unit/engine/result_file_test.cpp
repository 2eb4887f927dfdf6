// The result file: what is in it, and that a full disk leaves no half file.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "core/hdf5/handle.hpp"
#include "plugin/result_summary.hpp"
#include "tests/catch.hpp"
#include "tests/unit/engine/scripted_scan.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

std::unique_ptr<Session> labelled_session() {
  auto session = std::move(*Session::create(session_config()));
  auto source = std::make_unique<ScriptedSource>(false);
  source->add(scan_start({6, 7}));
  for (std::uint64_t i = 0; i < 42; ++i) source->add(frame(i, i < 7 ? 2 : 9));
  source->add(EndOfSource{});
  REQUIRE(session->start(std::move(source)));
  REQUIRE(session->wait_finished(std::chrono::seconds(20)));
  return session;
}

template <class T>
std::vector<T> read(const hdf5::Handle& file, const char* path) {
  const hdf5::Handle dataset(H5Dopen2(file.get(), path, H5P_DEFAULT));
  REQUIRE(dataset);
  const hdf5::Handle space(H5Dget_space(dataset.get()));
  std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
  REQUIRE(H5Dread(dataset.get(), hdf5::native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  return values;
}

}  // namespace

TEST_CASE("the result file holds the planes, the raw planes, the disks and the provenance") {
  const auto session = labelled_session();
  const auto path = std::filesystem::temp_directory_path() / "bragglive_result_test.h5";
  REQUIRE(save_result(*session, path));
  const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  REQUIRE(file);
  const auto state = read<std::uint8_t>(file, "/labels/state");
  const auto system = read<std::uint8_t>(file, "/labels/crystal_system");
  const auto raw = read<std::uint8_t>(file, "/labels_raw/crystal_system");
  const auto lattice = read<float>(file, "/labels/lattice");
  REQUIRE(state.size() == 42);
  CHECK(lattice.size() == 126);
  CHECK(state[0] == 3);
  CHECK(state[3 * 7 + 3] == 1);
  CHECK(system[3 * 7 + 3] == 7);
  CHECK(raw[0] == 0);
  CHECK(lattice[3 * (3 * 7 + 3)] == Approx(4.1));
  const auto offsets = read<std::uint64_t>(file, "/peaks/offsets");
  CHECK(offsets.back() == 7 * 2 + 35 * 9);
  CHECK(read<float>(file, "/peaks/qx").size() == offsets.back());
  const auto qx = read<float>(file, "/peaks/qx"), qy = read<float>(file, "/peaks/qy");
  const auto counts = read<float>(file, "/peaks/intensity");
  double inside = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (std::max(std::abs(qx[i]), std::abs(qy[i])) < 2) inside += static_cast<double>(counts[i]);
  const auto vectors = read<double>(file, "/vector_map");
  REQUIRE(vectors.size() == 401 * 401);
  CHECK(inside > 0);
  CHECK(std::accumulate(vectors.begin(), vectors.end(), 0.0) == Approx(inside).epsilon(1e-6));
  for (const char* name : {"settings", "model_checksum", "calibration_checksum", "calibration", "started_utc",
                           "finished_utc", "states", "program"})
    CHECK(H5Aexists(file.get(), name) > 0);
  std::filesystem::remove(path);
}

TEST_CASE("a result that cannot be written is an error and leaves nothing behind") {
  const auto session = labelled_session();
  const auto nowhere = save_result(*session, "/nonexistent-folder/result.h5");
  REQUIRE_FALSE(nowhere);
  CHECK_THAT(nowhere.error().message, Catch::Contains("/nonexistent-folder/result.h5"));
  // /dev/full takes the place of a full disk: opening works, writing does not.
  CHECK_FALSE(save_result(*session, "/dev/full/result.h5"));
  auto empty = Session::create(session_config());
  CHECK_FALSE(save_result(**empty, "unused.h5"));
}

TEST_CASE("the summary counts shares and medians of the labelled positions") {
  const auto session = labelled_session();
  const ResultSummary summary = summarise(*session->snapshot(), session->times(), session->counters());
  CHECK(summary.positions == 42);
  CHECK(summary.fractions[static_cast<std::size_t>(CrystalSystem::cubic)] == 1.0);
  CHECK(summary.lattice_median[static_cast<std::size_t>(CrystalSystem::cubic)][2] == Approx(4.1));
  CHECK_THAT(to_json(summary),
             Catch::Contains("\"too_few_disks\":7") && Catch::Contains("\"latency_ms\":{\"p50\""));
}
