#include "core/train/checkpoint.hpp"

#include <cstring>
#include <optional>

#include "core/forest/model_container.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_most_knots = 256;

// digest, out-of-bag share, knots, then the table's two columns.
std::vector<std::byte> note_bytes(const FinishedForest& done, std::uint64_t digest) {
  const auto& [probability, right] = done.confidence;
  std::vector<std::byte> bytes(3 * sizeof(std::uint64_t) +
                               (probability.size() + right.size()) * sizeof(float));
  std::byte* at = bytes.data();
  const auto put = [&](auto value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  };
  put(digest);
  put(done.out_of_bag);
  put(std::uint64_t{probability.size()});
  for (const float value : probability) put(value);
  for (const float value : right) put(value);
  return bytes;
}

bool read_note(std::span<const std::byte> bytes, std::uint64_t digest, FinishedForest& done) {
  std::uint64_t head[3];
  if (bytes.size() < sizeof head) return false;
  std::memcpy(head, bytes.data(), sizeof head);
  if (head[0] != digest || head[2] > k_most_knots || bytes.size() != sizeof head + 8 * head[2]) return false;
  std::memcpy(&done.out_of_bag, &head[1], sizeof done.out_of_bag);
  for (std::vector<float>* column : {&done.confidence.probability, &done.confidence.right})
    column->resize(head[2]);
  const std::byte* at = bytes.data() + sizeof head;
  for (std::vector<float>* column : {&done.confidence.probability, &done.confidence.right}) {
    if (head[2] > 0) std::memcpy(column->data(), at, 4 * head[2]);
    at += 4 * head[2];
  }
  return done.confidence.check().has_value();
}

std::optional<FinishedForest> read_finished(const std::filesystem::path& file, std::uint64_t digest) {
  const auto container = read_model_container(file);
  if (!container) return std::nullopt;
  const ModelSection *note = container->find("note"), *section = container->find("forest");
  if (!note || !section) return std::nullopt;
  auto forest = forest_from_bytes(section->bytes);
  if (!forest) return std::nullopt;
  FinishedForest done{std::move(*forest), -1, {}};
  if (!read_note(note->bytes, digest, done)) return std::nullopt;
  return done;
}

}  // namespace

Expected<FinishedForest> Checkpoint::get(const std::string& name,
                                         const std::function<Expected<FinishedForest>()>& make) const {
  if (folder_.empty()) return make();
  const std::filesystem::path file = folder_ / (name + ".forest");
  if (auto kept = read_finished(file, digest_)) return std::move(*kept);
  auto made = make();
  if (!made) return made;
  std::error_code problem;
  std::filesystem::create_directories(folder_, problem);
  if (problem)
    return fail(ErrorArea::file, "cannot make the folder {}: {}", folder_.string(), problem.message());
  const ModelSection sections[] = {{"metadata", {std::byte{'{'}, std::byte{'}'}}},
                                   {"note", note_bytes(*made, digest_)},
                                   {"forest", forest_bytes(made->forest, true)}};
  if (auto written = write_model_container(file, sections); !written) return tl::unexpected(written.error());
  return made;
}

void Checkpoint::remove() const {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace bragglive
