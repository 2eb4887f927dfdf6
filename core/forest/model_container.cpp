#include "core/forest/model_container.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace bragglive {
namespace {

constexpr std::array<char, 8> k_magic = {'B', 'L', 'M', 'O', 'D', 'E', 'L', '\n'};
constexpr std::uint32_t k_max_sections = 256;
constexpr std::uint64_t k_alignment = 64;

struct FileHeader {
  std::array<char, 8> magic;
  std::uint32_t version, sections;
  std::uint64_t file_bytes;
  std::uint32_t crc, zero;
};
static_assert(sizeof(FileHeader) == 32);

struct TableEntry {
  std::array<char, 40> name;
  std::uint64_t offset, size;
  std::uint32_t crc, zero;
};
static_assert(sizeof(TableEntry) == 64);

std::uint64_t aligned(std::uint64_t offset) {
  return (offset + k_alignment - 1) / k_alignment * k_alignment;
}

std::uint32_t header_crc(const FileHeader& header, std::span<const TableEntry> table) {
  return crc32(std::as_bytes(std::span(&header, 1)).first(24), crc32(std::as_bytes(table)));
}

// Eight bytes a step; multiplication by an odd number loses nothing, so any single change shows.
std::string file_checksum(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ bytes.size();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t n = std::min<std::size_t>(8, bytes.size());
    std::memcpy(&word, bytes.data(), n);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 32;
    bytes = bytes.subspan(n);
  }
  return fmt::format("{:016x}", hash);
}

Expected<ModelSection> read_section(std::span<const std::byte> bytes, const TableEntry& entry,
                                    const std::string& called) {
  if (entry.name.back() != '\0')
    return fail(ErrorArea::format, "{}: a section's name does not end; the file is damaged", called);
  ModelSection section{entry.name.data(), {}};
  if (entry.offset % k_alignment != 0 || entry.offset > bytes.size() ||
      entry.size > bytes.size() - entry.offset)
    return fail(ErrorArea::format, "{}: section '{}' lies outside the file; it is truncated or damaged",
                called, section.name);
  const auto content = bytes.subspan(entry.offset, entry.size);
  if (crc32(content) != entry.crc)
    return fail(ErrorArea::format,
                "{}: section '{}' does not match its checksum; fetch or train the model again", called,
                section.name);
  section.bytes.assign(content.begin(), content.end());
  return section;
}

Expected<void> write_all(int file, std::span<const std::byte> bytes, const std::string& called) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      return fail(ErrorArea::file, "cannot write {}: {}; is the disk full?", called, std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

// The sections behind room for header and table, then these two. Fills the table but for its names.
Expected<void> write_sections(int file, std::span<const SectionSource> sections, std::span<TableEntry> table,
                              const std::string& called) {
  FileHeader header{k_magic, k_model_format_version, static_cast<std::uint32_t>(sections.size()), 0, 0, 0};
  const std::vector<std::byte> room(sizeof header + table.size_bytes());
  if (auto done = write_all(file, room, called); !done) return done;
  header.file_bytes = room.size();
  constexpr std::array<std::byte, k_alignment> k_zeros{};
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::uint64_t offset = aligned(header.file_bytes);
    auto done = write_all(file, std::span(k_zeros).first(offset - header.file_bytes), called);
    if (!done) return done;
    const std::vector<std::byte> bytes = sections[i].bytes();
    if (done = write_all(file, bytes, called); !done) return done;
    table[i].offset = offset, table[i].size = bytes.size(), table[i].crc = crc32(bytes);
    header.file_bytes = offset + bytes.size();
  }
  header.crc = header_crc(header, table);
  if (::lseek(file, 0, SEEK_SET) != 0)
    return fail(ErrorArea::file, "cannot write {}: {}", called, std::strerror(errno));
  if (auto done = write_all(file, std::as_bytes(std::span(&header, 1)), called); !done) return done;
  return write_all(file, std::as_bytes(table), called);
}

}  // namespace

const ModelSection* ModelContainer::find(std::string_view name) const {
  const auto found =
      std::find_if(sections.begin(), sections.end(), [&](const ModelSection& s) { return s.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

Expected<ModelContainer> parse_model_container(std::span<const std::byte> bytes, const std::string& called) {
  FileHeader header{};
  if (bytes.size() < sizeof header || std::memcmp(bytes.data(), k_magic.data(), k_magic.size()) != 0)
    return fail(ErrorArea::format,
                "{} is not a bragglive model; train one with 'bragglive train' or use 'default'", called);
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != k_model_format_version)
    return fail(ErrorArea::format,
                "{} has model format {}, this version reads {}; use the bragglive that wrote it", called,
                header.version, k_model_format_version);
  if (header.file_bytes != bytes.size())
    return fail(ErrorArea::format, "{} has {} bytes and should have {}: it is truncated; fetch it again",
                called, bytes.size(), header.file_bytes);
  if (header.sections < 1 || header.sections > k_max_sections ||
      header.sections > (bytes.size() - sizeof header) / sizeof(TableEntry))
    return fail(ErrorArea::format, "{}: {} sections cannot be; the file is damaged", called, header.sections);
  std::vector<TableEntry> table(header.sections);
  std::memcpy(table.data(), bytes.data() + sizeof header, table.size() * sizeof(TableEntry));
  if (header_crc(header, table) != header.crc || header.zero != 0)
    return fail(ErrorArea::format,
                "{}: the section table does not match its checksum; fetch or train the model again", called);
  ModelContainer out;
  std::uint64_t end = sizeof header + table.size() * sizeof(TableEntry);
  for (const TableEntry& entry : table) {
    if (entry.offset < end)
      return fail(ErrorArea::format, "{}: sections overlap; the file is damaged", called);
    auto section = read_section(bytes, entry, called);
    if (!section) return tl::unexpected(section.error());
    const auto gap = bytes.subspan(end, entry.offset - end);
    if (std::any_of(gap.begin(), gap.end(), [](std::byte b) { return b != std::byte{0}; }))
      return fail(ErrorArea::format, "{}: bytes between the sections are not zero; the file is damaged",
                  called);
    if (out.find(section->name))
      return fail(ErrorArea::format, "{}: section '{}' is there twice", called, section->name);
    end = entry.offset + entry.size;
    out.sections.push_back(std::move(*section));
  }
  if (end != bytes.size())
    return fail(ErrorArea::format, "{}: bytes behind the last section; the file is damaged", called);
  out.checksum = file_checksum(bytes);
  return out;
}

Expected<ModelContainer> read_model_container(const std::filesystem::path& file) {
  std::error_code problem;
  if (std::filesystem::is_directory(file, problem))
    return fail(ErrorArea::file, "{} is a folder, not a model file", file.string());
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in)
    return fail(ErrorArea::file, "cannot open the model {}: does it exist and may it be read?",
                file.string());
  const std::streamoff size = in.tellg();
  if (size < 0 || static_cast<std::uint64_t>(size) > k_max_model_bytes)
    return fail(ErrorArea::file, "{} has no size that a model can have", file.string());
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), size))
    return fail(ErrorArea::file, "reading the model {} broke off", file.string());
  return parse_model_container(bytes, file.string());
}

Expected<void> write_model_container(const std::filesystem::path& file,
                                     std::span<const SectionSource> sections) {
  if (sections.empty() || sections.size() > k_max_sections)
    return fail(ErrorArea::usage, "a model has 1 to {} sections, not {}", k_max_sections, sections.size());
  std::vector<TableEntry> table(sections.size());
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].name.empty() || sections[i].name.size() >= table[i].name.size())
      return fail(ErrorArea::usage, "model section name '{}' must have 1 to {} characters", sections[i].name,
                  table[i].name.size() - 1);
    std::copy(sections[i].name.begin(), sections[i].name.end(), table[i].name.begin());
  }
  const std::string target = file.string(), beside = target + ".part";
  const int out = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (out < 0) return fail(ErrorArea::file, "cannot write {}: {}", target, std::strerror(errno));
  auto done = write_sections(out, sections, table, target);
  if (done && ::fsync(out) != 0 &&
      errno != EINVAL)  // EINVAL: the target cannot be flushed, a pipe for instance
    done = fail(ErrorArea::file, "cannot write {}: {}", target, std::strerror(errno));
  ::close(out);
  if (done && std::rename(beside.c_str(), target.c_str()) != 0)
    done = fail(ErrorArea::file, "cannot put {} in its place: {}", target, std::strerror(errno));
  if (!done) ::unlink(beside.c_str());
  return done;
}

}  // namespace bragglive
