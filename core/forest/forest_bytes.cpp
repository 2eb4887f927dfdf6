#include <cstring>

#include "core/forest/model_container.hpp"

namespace bragglive {
namespace {

constexpr std::uint32_t k_version = 2;

struct BlobHeader {
  std::uint32_t version, kind, features, outputs, trees, value_bytes;
  std::uint64_t nodes, leaf_data;
};
static_assert(sizeof(BlobHeader) == 40);

class Writer {
 public:
  template <class T>
  void put(const T* values, std::size_t count) {
    const auto* begin = reinterpret_cast<const std::byte*>(values);
    bytes_.insert(bytes_.end(), begin, begin + count * sizeof(T));
  }
  void pad() {
    while (bytes_.size() % 8 != 0) bytes_.push_back(std::byte{0});
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes), size_(bytes.size()) {}
  // Compares counts, not products, so that a hostile count cannot wrap round.
  template <class T>
  bool take(std::vector<T>& values, std::uint64_t count) {
    if (count > bytes_.size() / sizeof(T)) return false;
    values.resize(count);
    if (count > 0) std::memcpy(values.data(), bytes_.data(), count * sizeof(T));
    bytes_ = bytes_.subspan(count * sizeof(T));
    return true;
  }
  bool take(BlobHeader& header) {
    if (bytes_.size() < sizeof header) return false;
    std::memcpy(&header, bytes_.data(), sizeof header);
    bytes_ = bytes_.subspan(sizeof header);
    return true;
  }
  bool skip_padding() {
    const std::size_t extra = (8 - (size_ - bytes_.size()) % 8) % 8;
    if (extra > bytes_.size()) return false;
    bytes_ = bytes_.subspan(extra);
    return true;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  std::size_t size_;
};

bool take_leaf_data(Reader& in, const BlobHeader& header, ForestParts& parts) {
  if (parts.kind == ForestKind::classification) return in.take(parts.leaf_words, header.leaf_data);
  if (header.value_bytes == 8) return in.take(parts.leaf_values, header.leaf_data);
  std::vector<float> narrow;
  if (header.value_bytes != 4 || !in.take(narrow, header.leaf_data)) return false;
  parts.leaf_values.assign(narrow.begin(), narrow.end());
  return true;
}

}  // namespace

std::vector<std::byte> forest_bytes(const Forest& forest, bool double_values) {
  const ForestParts& parts = forest.parts();
  const bool classifies = parts.kind == ForestKind::classification;
  const BlobHeader header{
      k_version,          static_cast<std::uint32_t>(parts.kind),
      parts.features,     parts.outputs,
      forest.trees(),     double_values ? 8U : 4U,
      parts.nodes.size(), classifies ? parts.leaf_words.size() : parts.leaf_values.size()};
  Writer out;
  out.put(&header, 1);
  out.put(parts.tree_start.data(), parts.tree_start.size());
  const std::vector<std::uint16_t> unscaled(parts.outputs, k_unscaled);
  out.put((classifies                    ? parts.labels
           : parts.scale_feature.empty() ? unscaled
                                         : parts.scale_feature)
              .data(),
          parts.outputs);
  out.pad();
  out.put(parts.nodes.data(), parts.nodes.size());
  if (classifies) {
    out.put(parts.leaf_words.data(), parts.leaf_words.size());
  } else if (double_values) {
    out.put(parts.leaf_values.data(), parts.leaf_values.size());
  } else {
    std::vector<float> narrow(parts.leaf_values.size());
    for (std::size_t i = 0; i < narrow.size(); ++i) narrow[i] = static_cast<float>(parts.leaf_values[i]);
    out.put(narrow.data(), narrow.size());
  }
  return out.take();
}

Expected<Forest> forest_from_bytes(std::span<const std::byte> bytes) {
  Reader in(bytes);
  BlobHeader header{};
  if (!in.take(header)) return fail(ErrorArea::format, "forest: the section is shorter than its header");
  if (header.version < 1 || header.version > k_version)
    return fail(ErrorArea::format, "forest: format {} is not known to this version", header.version);
  if (header.trees < 1 || header.trees > k_max_trees)
    return fail(ErrorArea::shape, "forest: {} trees, 1 to {} are possible", header.trees, k_max_trees);
  if (header.outputs > k_max_classes) return fail(ErrorArea::shape, "forest: {} outputs", header.outputs);
  ForestParts parts;
  parts.kind = static_cast<ForestKind>(header.kind);
  parts.features = header.features;
  parts.outputs = header.outputs;
  // Version 1 had no scale features.
  const bool has_none = header.version == 1 && parts.kind == ForestKind::regression;
  const std::uint64_t count_per_output = has_none ? 0 : header.outputs;
  auto& per_output = parts.kind == ForestKind::classification ? parts.labels : parts.scale_feature;
  if (!in.take(parts.tree_start, std::uint64_t{header.trees} + 1) || !in.take(per_output, count_per_output) ||
      !in.skip_padding() || !in.take(parts.nodes, header.nodes) || !take_leaf_data(in, header, parts) ||
      !in.at_end())
    return fail(ErrorArea::format, "forest: the section's size does not fit its counts");
  return Forest::create(std::move(parts));
}

}  // namespace bragglive
