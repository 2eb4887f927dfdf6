#include "core/bloch/dataset_block.hpp"

#include <zlib.h>

#include <cstring>
#include <fstream>
#include <span>
#include <sstream>

namespace bragglive {
namespace {

constexpr std::uint64_t k_magic = 0x31545250'474c4742ULL;  // "BGLGPRT1"

template <class T>
void put(std::string& out, const std::vector<T>& values) {
  const std::uint64_t count = values.size();
  out.append(reinterpret_cast<const char*>(&count), sizeof count);
  out.append(reinterpret_cast<const char*>(values.data()), count * sizeof(T));
}

void put(std::string& out, const std::string& text) {
  put(out, std::vector<char>(text.begin(), text.end()));
}

// Lengths are checked against what is left before anything is read.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  std::uint64_t number() {
    std::uint64_t value = 0;
    take(&value, sizeof value);
    return value;
  }
  template <class T>
  void get(std::vector<T>& values) {
    const std::uint64_t count = number();
    if (count > bytes_.size() / sizeof(T)) ok_ = false;
    if (!ok_) return;
    values.resize(count);
    take(values.data(), count * sizeof(T));
  }
  void get(std::string& text) {
    std::vector<char> characters;
    get(characters);
    text.assign(characters.begin(), characters.end());
  }

 private:
  void take(void* to, std::size_t count) {
    if (!ok_ || count > bytes_.size()) {
      ok_ = false;
      return;
    }
    if (count > 0) std::memcpy(to, bytes_.data(), count);
    bytes_.remove_prefix(count);
  }
  std::string_view bytes_;
  bool ok_ = true;
};

struct MaterialNumbers {
  float lattice[6];
  std::uint16_t space_group;
  std::uint8_t system, split;
};

std::string packed(const DatasetBlock& block, std::uint64_t digest) {
  std::string bytes;
  bytes.reserve(block.spots() * 18 + block.patterns() * 40 + 4096);
  for (const std::uint64_t word : {k_magic, digest})
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  std::vector<MaterialNumbers> numbers;
  for (const DatasetMaterial& m : block.materials) {
    MaterialNumbers n{};
    std::memcpy(n.lattice, m.lattice, sizeof n.lattice);
    n.space_group = m.space_group;
    n.system = m.system;
    n.split = m.split;
    numbers.push_back(n);
  }
  put(bytes, numbers);
  for (const DatasetMaterial& m : block.materials)
    for (const std::string* text : {&m.id, &m.formula, &m.group}) put(bytes, *text);
  put(bytes, block.material);
  put(bytes, block.zone);
  put(bytes, block.thickness_nm);
  put(bytes, block.rotation);
  put(bytes, block.mirrored);
  put(bytes, block.offset);
  put(bytes, block.qx);
  put(bytes, block.qy);
  put(bytes, block.intensity);
  put(bytes, block.hkl);
  const std::uint64_t skipped = block.skipped.size();
  bytes.append(reinterpret_cast<const char*>(&skipped), sizeof skipped);
  for (const std::string& text : block.skipped) put(bytes, text);
  return bytes;
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

bool unpack(std::string_view bytes, DatasetBlock& block) {
  Reader reader(bytes);
  reader.number();
  reader.number();
  std::vector<MaterialNumbers> numbers;
  reader.get(numbers);
  for (const MaterialNumbers& n : numbers) {
    DatasetMaterial m;
    std::memcpy(m.lattice, n.lattice, sizeof n.lattice);
    m.space_group = n.space_group;
    m.system = n.system;
    m.split = n.split;
    for (std::string* text : {&m.id, &m.formula, &m.group}) reader.get(*text);
    if (!reader.ok()) return false;
    block.materials.push_back(std::move(m));
  }
  reader.get(block.material);
  reader.get(block.zone);
  reader.get(block.thickness_nm);
  reader.get(block.rotation);
  reader.get(block.mirrored);
  reader.get(block.offset);
  reader.get(block.qx);
  reader.get(block.qy);
  reader.get(block.intensity);
  reader.get(block.hkl);
  const std::uint64_t skipped = reader.number();
  for (std::uint64_t i = 0; i < skipped && reader.ok(); ++i) reader.get(block.skipped.emplace_back());
  const std::size_t n = block.patterns(), m = block.spots();
  return reader.ok() && block.zone.size() == 3 * n && block.thickness_nm.size() == n &&
         block.rotation.size() == n && block.mirrored.size() == n && block.offset.size() == n + 1 &&
         block.offset.back() == m && block.qy.size() == m && block.intensity.size() == m &&
         block.hkl.size() == 3 * m;
}

}  // namespace

Expected<void> write_part(const std::filesystem::path& file, const DatasetBlock& block,
                          std::uint64_t digest) {
  const std::string bytes = packed(block, digest);
  const std::uint32_t crc = checksum(bytes);
  std::filesystem::path unfinished = file;
  unfinished += ".tmp";
  std::ofstream out(unfinished, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.write(reinterpret_cast<const char*>(&crc), sizeof crc);
  out.close();
  std::error_code status;
  if (out) std::filesystem::rename(unfinished, file, status);
  if (!out || status) {
    std::error_code ignored;
    std::filesystem::remove(unfinished, ignored);
    return fail(ErrorArea::file,
                "{}: cannot be written; is the disk full? Free some space and run the same command again",
                file.string());
  }
  return {};
}

Expected<DatasetBlock> read_part(const std::filesystem::path& file, std::uint64_t digest) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ErrorArea::file, "{}: cannot be read", file.string());
  const std::string bytes = std::move(text).str();
  std::uint64_t head[2] = {};
  std::uint32_t crc = 0;
  if (bytes.size() < sizeof head + sizeof crc) return fail(ErrorArea::format, "{}: too short", file.string());
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - sizeof crc);
  std::memcpy(head, bytes.data(), sizeof head);
  std::memcpy(&crc, bytes.data() + body.size(), sizeof crc);
  if (head[0] != k_magic || crc != checksum(body))
    return fail(ErrorArea::format, "{}: damaged part", file.string());
  if (head[1] != digest)
    return fail(ErrorArea::format, "{}: belongs to a run with other settings, crystals or program version",
                file.string());
  DatasetBlock block;
  if (!unpack(body, block)) return fail(ErrorArea::format, "{}: damaged part", file.string());
  return block;
}

}  // namespace bragglive
