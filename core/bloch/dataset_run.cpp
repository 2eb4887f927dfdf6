#include "core/bloch/dataset_run.hpp"

#include <fcntl.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "core/bloch/material_patterns.hpp"
#include "core/bloch/zone_axes.hpp"

namespace bragglive {
namespace {

namespace fs = std::filesystem;

std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = mix64(hash ^ static_cast<unsigned char>(c)) + k_golden_gamma;
  return hash;
}

using Grids = std::array<std::vector<Eigen::Vector3d>, k_laue_classes>;

fs::path parts_folder(fs::path out) {
  return out += ".parts";
}

// The work of one run: which crystals, in which parts.
struct Plan {
  std::vector<std::size_t> chosen;  // rows of the crystal list, rising
  std::size_t part_size = 1;
  std::uint64_t patterns_each = 1;
  std::uint64_t digest = 0;
  fs::path folder;
  Grids grids;

  std::size_t parts() const { return (chosen.size() + part_size - 1) / part_size; }
  fs::path part(std::size_t i) const { return folder / fmt::format("part-{:06}", i); }
};

// Crystals of the wanted side and systems. A crystal that cannot be read stays in: its part says why it is
// missing.
std::vector<std::size_t> matching(const CrystalList& crystals, const DatasetSettings& s) {
  std::vector<std::uint8_t> wanted(crystals.size(), 1);
  if (s.split != Split::none || !s.systems.empty() || s.max_volume > 0)
    tbb::parallel_for(std::size_t{0}, crystals.size(), [&](std::size_t i) {
      const auto crystal = crystals.load(i);
      if (!crystal) return;
      const bool side = s.split == Split::none || crystal->split == s.split;
      const bool system = s.systems.empty() ||
                          std::find(s.systems.begin(), s.systems.end(), crystal->system) != s.systems.end();
      const bool volume = s.max_volume <= 0 || cell_volume(crystal->standard_cell) <= s.max_volume;
      wanted[i] = side && system && volume;
    });
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < crystals.size(); ++i)
    if (wanted[i]) rows.push_back(i);
  if (s.limit > 0 && rows.size() > s.limit) {
    // A random draw that does not depend on the machine: the smallest keys, then back in file order.
    std::nth_element(rows.begin(), rows.begin() + std::ptrdiff_t(s.limit), rows.end(),
                     [&](std::size_t a, std::size_t b) {
                       return random_key(s.seed, 0x11317, a) < random_key(s.seed, 0x11317, b);
                     });
    rows.resize(s.limit);
    std::sort(rows.begin(), rows.end());
  }
  std::vector<std::size_t> mine;
  for (std::size_t i = std::size_t(s.shard - 1); i < rows.size(); i += std::size_t(s.shards))
    mine.push_back(rows[i]);
  return mine;
}

Expected<Plan> make_plan(const CrystalList& crystals, const DatasetRun& run) {
  constexpr std::uint64_t k_patterns_per_part = 10000;  // half a minute of work at most is lost with a kill
  constexpr std::size_t k_parts_at_least = 64;
  Plan plan;
  plan.chosen = matching(crystals, run.settings);
  if (plan.chosen.empty())
    return fail(ErrorArea::usage, "{}: no crystal is left for this split, these systems and this shard",
                crystals.source());
  plan.patterns_each = std::uint64_t(run.settings.zone_axes) * thicknesses_per_zone(run.settings);
  plan.part_size = std::clamp<std::size_t>(k_patterns_per_part / plan.patterns_each, 1,
                                           std::max<std::size_t>(1, plan.chosen.size() / k_parts_at_least));
  plan.digest = mixed(mixed(crystals.checksum(), to_json(run.settings)), run.program_version);
  plan.folder = parts_folder(run.out);
  if (run.settings.zones == ZoneChoice::grid)
    tbb::parallel_for(0, k_laue_classes, [&](int i) {
      plan.grids[std::size_t(i)] = even_zones(static_cast<LaueClass>(i), run.settings.zone_axes).value();
    });
  return plan;
}

// The folder of parts, with those of another run refused or discarded, and unfinished files gone.
Expected<void> prepare_folder(const Plan& plan, const DatasetRun& run) {
  std::error_code status;
  fs::create_directories(plan.folder, status);
  if (status) return fail(ErrorArea::file, "{}: cannot be made ({})", plan.folder.string(), status.message());
  for (const auto& entry : fs::directory_iterator(plan.folder, status)) {
    if (entry.path().extension() == ".tmp") {
      // Another rank may be writing it.
      if (run.ranks == 1) fs::remove(entry.path(), status);
      continue;
    }
    if (!entry.path().filename().string().starts_with("part-")) continue;
    const auto part = read_part(entry.path(), plan.digest);
    if (part) continue;
    const bool foreign = part.error().message.find("other settings") != std::string::npos;
    if (foreign && !run.restart)
      return fail(ErrorArea::usage,
                  "{} holds the parts of a run with other settings, crystals or program version: finish that "
                  "run, choose another --out, "
                  "or give --restart to discard them",
                  plan.folder.string());
    fs::remove(entry.path(), status);
  }
  return {};
}

class PartMaker {
 public:
  PartMaker(const CrystalList& crystals, const DatasetRun& run, const Plan& plan)
      : crystals_(crystals), run_(run), plan_(plan) {}

  Expected<void> make_missing(tbb::task_arena& arena) {
    std::vector<std::size_t> missing;
    for (std::size_t i = std::size_t(run_.rank); i < plan_.parts(); i += std::size_t(run_.ranks))
      if (!fs::exists(plan_.part(i))) missing.push_back(i);
    for (const std::size_t part : missing)
      total_ += (last_of(part) - part * plan_.part_size) * plan_.patterns_each;
    arena.execute([&] {
      // A grain of one part keeps the threads evenly loaded.
      tbb::parallel_for(
          tbb::blocked_range<std::size_t>(0, missing.size(), 1),
          [&](const tbb::blocked_range<std::size_t>& range) {
            for (std::size_t i = range.begin(); i < range.end(); ++i) make(missing[i], scratch_.local());
          },
          tbb::simple_partitioner());
    });
    if (failure_) return tl::unexpected(*failure_);
    return {};
  }

 private:
  std::size_t last_of(std::size_t part) const {
    return std::min(plan_.chosen.size(), (part + 1) * plan_.part_size);
  }

  // False: leave at once; an unfinished part is made again.
  bool go_on() {
    const std::lock_guard lock(mutex_);
    return !failure_ && !(run_.stop && *run_.stop);
  }
  void count_material() {
    const std::lock_guard lock(mutex_);
    done_ += plan_.patterns_each;
    if (run_.progress) run_.progress(done_, total_);
  }

  void make(std::size_t part, MaterialScratch& scratch) {
    DatasetBlock block;
    for (std::size_t i = part * plan_.part_size; i < last_of(part); ++i) {
      if (!go_on()) return;
      if (auto done = add(plan_.chosen[i], scratch, block); !done)
        block.skipped.push_back(done.error().message);
      count_material();
    }
    const auto written = write_part(plan_.part(part), block, plan_.digest);
    const std::lock_guard lock(mutex_);
    if (!written && !failure_) failure_ = written.error();
  }

  Expected<void> add(std::size_t row, MaterialScratch& scratch, DatasetBlock& block) {
    const auto crystal = crystals_.load(row);
    if (!crystal) return tl::unexpected(crystal.error());
    const auto laue = static_cast<std::size_t>(laue_class_of_space_group(crystal->space_group));
    return add_material(*crystal, run_.settings, plan_.grids[laue], scratch, block);
  }

  const CrystalList& crystals_;
  const DatasetRun& run_;
  const Plan& plan_;
  tbb::enumerable_thread_specific<MaterialScratch> scratch_;
  std::mutex mutex_;
  std::uint64_t done_ = 0, total_ = 0;
  std::optional<Error> failure_;
};

bool all_parts_there(const Plan& plan) {
  for (std::size_t i = 0; i < plan.parts(); ++i)
    if (!fs::exists(plan.part(i))) return false;
  return true;
}

// Asks for the room that the set can take at most, because HDF5 cannot recover from a full disk: a file of
// that size, gone again.
Expected<void> check_room(const Plan& plan, const fs::path& out) {
  std::error_code status;
  std::uintmax_t bytes = 1 << 20;
  for (std::size_t i = 0; i < plan.parts(); ++i) bytes += fs::file_size(plan.part(i), status);
  const fs::path ballast = plan.folder / "room.tmp";
  const int file = ::open(ballast.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  const int refused = file < 0 ? 0 : ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
  if (file >= 0) ::close(file);
  fs::remove(ballast, status);
  if (refused == ENOSPC || refused == EFBIG || refused == EDQUOT)
    return fail(ErrorArea::file,
                "{}: no room for {:.2f} GB: is the disk full? Free some space and run the same command again",
                out.string(), double(bytes) / 1e9);
  return {};
}

Expected<void> put_together(const DatasetRun& run, const Plan& plan, const DatasetProvenance& provenance,
                            std::vector<std::string>& skipped) {
  auto writer = DatasetWriter::create(run.out, provenance);
  if (!writer) return tl::unexpected(writer.error());
  for (std::size_t i = 0; i < plan.parts(); ++i) {
    const auto block = read_part(plan.part(i), plan.digest);
    if (!block) return tl::unexpected(block.error());
    if (auto ok = writer->append(*block); !ok) return ok;
    skipped.insert(skipped.end(), block->skipped.begin(), block->skipped.end());
  }
  return writer->commit();
}

// Unfinished targets of killed runs: <out>.part<number>.
void remove_leftovers(const fs::path& out) {
  std::error_code status;
  const fs::path folder = out.has_parent_path() ? out.parent_path() : fs::path(".");
  const std::string prefix = out.filename().string() + ".part";
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, status)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.size() > prefix.size() &&
        name.find_first_not_of("0123456789", prefix.size()) == std::string::npos)
      found.push_back(entry.path());
  }
  for (const fs::path& path : found) fs::remove(path, status);
}

}  // namespace

Expected<DatasetResult> run_dataset(const CrystalList& crystals, const DatasetRun& run) {
  if (auto ok = validate(run.settings); !ok) return tl::unexpected(ok.error());
  const DatasetProvenance provenance{to_json(run.settings), run.settings.seed, run.program_version,
                                     crystals.source(), crystals.checksum()};
  DatasetResult result;
  if (fs::exists(run.out)) {
    const auto there = summarise_dataset(run.out);
    if (!there || there->provenance.settings != provenance.settings ||
        there->provenance.source_crc32 != provenance.source_crc32)
      return fail(ErrorArea::usage, "{} exists and is not this data set: remove it or choose another --out",
                  run.out.string());
    result.summary = *there;
    std::error_code ignored;  // a run killed between the last two steps left its parts
    if (run.rank == 0) fs::remove_all(parts_folder(run.out), ignored);
    result.finished = result.was_complete = true;
    return result;
  }
  tbb::task_arena arena(std::max(1, run.threads));
  const auto plan = arena.execute([&] { return make_plan(crystals, run); });
  if (!plan) return tl::unexpected(plan.error());
  if (auto ok = prepare_folder(*plan, run); !ok) return tl::unexpected(ok.error());
  PartMaker maker(crystals, run, *plan);
  if (auto ok = maker.make_missing(arena); !ok) return tl::unexpected(ok.error());
  const auto stopped = [&] { return run.stop && *run.stop; };
  if (stopped() || run.rank != 0) return result;
  while (!all_parts_there(*plan) && !stopped()) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  if (stopped()) return result;

  remove_leftovers(run.out);
  if (auto ok = check_room(*plan, run.out); !ok) return tl::unexpected(ok.error());
  if (auto ok = put_together(run, *plan, provenance, result.skipped); !ok) return tl::unexpected(ok.error());
  auto summary = summarise_dataset(run.out);
  if (!summary) return tl::unexpected(summary.error());
  result.summary = *summary;
  result.finished = true;
  std::error_code ignored;
  fs::remove_all(plan->folder, ignored);
  return result;
}

}  // namespace bragglive
