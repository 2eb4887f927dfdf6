// Model files from foreign hands: what is read is asked about patterns, so that a walk outside an array would
// show. Checksums and sizes are put right first, or hardly a mutant would get past them.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "core/forest/model_container.hpp"
#include "core/label/crystal_model_file.hpp"
#include "core/label/group_model.hpp"
#include "core/phases/phase_features.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/unit/forest/make_forest.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

constexpr std::size_t k_header = 32, k_entry = 64;

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void write_at(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// The size in the header and all CRCs, see model_container.hpp.
void put_checksums_right(Bytes& bytes) {
  if (bytes.size() < k_header) return;
  write_at<std::uint64_t>(bytes, 16, bytes.size());
  const std::size_t sections =
      std::min<std::size_t>(read_at<std::uint32_t>(bytes, 12), (bytes.size() - k_header) / k_entry);
  for (std::size_t i = 0; i < sections; ++i) {
    const std::size_t at = k_header + i * k_entry;
    const auto offset = read_at<std::uint64_t>(bytes, at + 40), size = read_at<std::uint64_t>(bytes, at + 48);
    if (offset > bytes.size() || size > bytes.size() - offset) continue;
    write_at(bytes, at + 56, crc32(std::span(bytes).subspan(offset, size)));
  }
  const auto table = std::span<const std::byte>(bytes).subspan(k_header, sections * k_entry);
  write_at(bytes, 24, crc32(std::span<const std::byte>(bytes).first(24), crc32(table)));
}

BraggList some_disks() {
  BraggList disks;
  for (int i = 0; i < 25; ++i)
    disks.push_back({0.245 * (i % 5 - 2), 0.245 * (i / 5 - 2), i == 12 ? 1.0 : 0.01 + 0.002 * i});
  return disks;
}

void ask(const CrystalModelParts& parts) {
  auto model = make_crystal_model(parts, "");
  if (!model) return;
  const BraggList disks = some_disks();
  const FeatureSet& features = (*model)->features();
  std::vector<float> values(features.size());
  features.compute(disks, features.make_scratch().get(), values);
  const auto scratch = (*model)->make_scratch();
  PatternLabel label;
  for (const float shift : {0.0F, 1e30F, std::nanf("")}) {
    for (float& value : values) value += shift;
    (*model)->predict(values, *scratch, std::span(&label, 1));
  }
  const auto group = GroupModel::create(parts);
  if (!group) return;
  const BraggList lists[] = {disks, disks};
  const SystemProbabilities each[] = {group->ask_one(values), group->ask_one(values)};
  group->ask(lists, each);
}

CrystalModelParts small_model(bool merged) {
  CrystalModelParts parts;
  parts.features = (*make_feature_set("polar m=3 p=2"))->definition();
  const auto features = static_cast<std::uint32_t>((*make_feature_set(parts.features))->size());
  ForestParts system = random_parts({ForestKind::classification, features, 3, 3, 3}, 1);
  system.labels = {3, 6, 7};
  parts.system = *Forest::create(system);
  ForestParts groups = random_parts({ForestKind::classification, features, 2, 2, 2}, 2);
  groups.labels = {221, 225};
  parts.space_group[7] = *Forest::create(groups);
  parts.lattice[7] = *Forest::create(random_parts({ForestKind::regression, features, 6, 2, 2}, 3));
  parts.confidence = {{0.3F, 0.9F}, {0.2F, 0.95F}};
  if (!merged) return parts;
  parts.merged_features = (*make_group_feature_set("pooled polar m=3 p=2"))->definition();
  const auto pooled = static_cast<std::uint32_t>((*make_group_feature_set(parts.merged_features))->size());
  ForestParts together = random_parts({ForestKind::classification, pooled, 2, 2, 2}, 4);
  together.labels = {6, 7};
  parts.merged_system = *Forest::create(together);
  ForestParts quality = random_parts({ForestKind::classification, features, 3, 2, 2}, 5);
  quality.labels = {0, 1, 2};
  parts.quality = *Forest::create(quality);
  return parts;
}

CrystalModelParts specimen_model() {
  CrystalModelParts parts;
  Phase phase;
  phase.name = phase.formula = "Au";
  phase.system = CrystalSystem::cubic;
  phase.space_group = 225;
  phase.lattice = {4.08F, 4.08F, 4.08F, 90, 90, 90};
  phase.reciprocal = {1 / 4.08, 0, 0, 0, 1 / 4.08, 0, 0, 0, 1 / 4.08};
  for (std::int16_t h = -2; h <= 2; h = static_cast<std::int16_t>(h + 2))
    for (std::int16_t k = -2; k <= 2; k = static_cast<std::int16_t>(k + 2))
      if (h != 0 || k != 0) phase.reflections.push_back({h, k, 0, std::uint16_t(h >= 0 && k >= 0), 0.5F});
  std::stable_sort(phase.reflections.begin(), phase.reflections.end(),
                   [](const PhaseReflection& a, const PhaseReflection& b) {
                     return a.h * a.h + a.k * a.k < b.h * b.h + b.k * b.k;
                   });
  parts.phases = {phase};
  const auto features = PhaseFeatures::create(parts.phases);
  if (!features) return {};
  parts.features = (*features)->definition();
  ForestParts system =
      random_parts({ForestKind::classification, static_cast<std::uint32_t>((*features)->size()), 2, 3, 3}, 6);
  system.labels = {0, 1};
  parts.system = *Forest::create(system);
  return parts;
}

// A specimen's features are tied to its phases by a hash: asked without it.
void ask_phases(const ModelContainer& container) {
  const ModelSection* section = container.find("phases");
  if (!section) return;
  auto phases = phases_from_bytes(section->bytes);
  if (!phases) return;
  const auto features = PhaseFeatures::create(std::move(*phases));
  if (!features) return;
  std::vector<float> values((*features)->size());
  (*features)->compute(some_disks(), (*features)->make_scratch().get(), values);
}

Bytes file_of(const CrystalModelParts& parts) {
  const auto path =
      std::filesystem::temp_directory_path() / ("bragglive_fuzz_" + std::to_string(::getpid()) + ".blm");
  Bytes bytes;
  if (save_crystal_model(path, parts)) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    bytes.assign(begin, begin + text.size());
  }
  std::filesystem::remove(path);
  return bytes;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(bytes_of(data, size).begin(), bytes_of(data, size).end());
  static_cast<void>(crystal_model_parts_from_bytes(bytes, "as it is"));
  put_checksums_right(bytes);
  const auto container = parse_model_container(bytes, "put right");
  if (!container) return 0;
  ask_phases(*container);
  if (const auto loaded = crystal_model_parts_from_bytes(bytes, "put right")) ask(loaded->parts);
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  return {file_of(small_model(false)), file_of(small_model(true)), file_of(specimen_model())};
}
