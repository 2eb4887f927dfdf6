#include "core/train/checkpoint.hpp"

#include <cstring>

#include "core/forest/model_container.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_most_knots = 256;

// digest, out-of-bag share, knots, then the table's two columns.
std::vector<std::byte> note_bytes(const OutOfBag& done, std::uint64_t digest) {
  const auto& [probability, right] = done.confidence;
  std::vector<std::byte> bytes(3 * sizeof(std::uint64_t) +
                               (probability.size() + right.size()) * sizeof(float));
  std::byte* at = bytes.data();
  const auto put = [&](auto value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  };
  put(digest);
  put(done.accuracy);
  put(std::uint64_t{probability.size()});
  for (const float value : probability) put(value);
  for (const float value : right) put(value);
  return bytes;
}

bool read_note(std::span<const std::byte> bytes, std::uint64_t digest, OutOfBag& done) {
  std::uint64_t head[3];
  if (bytes.size() < sizeof head) return false;
  std::memcpy(head, bytes.data(), sizeof head);
  if (head[0] != digest || head[2] > k_most_knots || bytes.size() != sizeof head + 8 * head[2]) return false;
  std::memcpy(&done.accuracy, &head[1], sizeof done.accuracy);
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
  FinishedForest done{std::move(*forest), {}};
  if (!read_note(note->bytes, digest, done.out_of_bag)) return std::nullopt;
  return done;
}

Expected<void> keep(const std::filesystem::path& file, const FinishedForest& done, std::uint64_t digest) {
  std::error_code problem;
  std::filesystem::create_directories(file.parent_path(), problem);
  if (problem)
    return fail(ErrorArea::file, "cannot make the folder {}: {}", file.parent_path().string(),
                problem.message());
  const SectionSource sections[] = {{"metadata",
                                     [] {
                                       return std::vector{std::byte{'{'}, std::byte{'}'}};
                                     }},
                                    {"note", [&] { return note_bytes(done.out_of_bag, digest); }},
                                    {"forest", [&] { return forest_bytes(done.forest, true); }}};
  return write_model_container(file, sections);
}

}  // namespace

Expected<OutOfBag> Checkpoint::get(const std::string& name,
                                   const std::function<Expected<FinishedForest>()>& make,
                                   std::optional<Forest>& place) {
  const bool keeps = !folder_.empty();
  auto done = keeps ? read_finished(file_of(name), digest_) : std::nullopt;
  if (!done) {
    auto made = make();
    if (!made) return tl::unexpected(made.error());
    if (keeps)
      if (auto kept = keep(file_of(name), *made, digest_); !kept) return tl::unexpected(kept.error());
    done = std::move(*made);
  }
  if (keeps)
    away_.emplace_back(name, &place);
  else
    place = std::move(done->forest);
  return std::move(done->out_of_bag);
}

Expected<void> Checkpoint::bring_back() {
  for (const auto& [name, place] : away_) {
    auto done = read_finished(file_of(name), digest_);
    if (!done)
      return fail(ErrorArea::file, "training: {} cannot be read back; the same command makes it again",
                  file_of(name).string());
    *place = std::move(done->forest);
  }
  away_.clear();
  return {};
}

}  // namespace bragglive
