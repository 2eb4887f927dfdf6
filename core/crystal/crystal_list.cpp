#include "core/crystal/crystal_list.hpp"

#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/crystal/cif.hpp"
#include "core/crystal/symmetry.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_max_text = std::size_t{1} << 30;
constexpr std::size_t k_max_lines = 1'000'000;

struct CloseGzip {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

std::uint32_t add_to_checksum(std::uint32_t checksum, std::string_view text) {
  return static_cast<std::uint32_t>(
      crc32_z(checksum, reinterpret_cast<const unsigned char*>(text.data()), text.size()));
}

// zlib reads plain files too.
Expected<std::string> read_text(const std::filesystem::path& path) {
  const std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (!file) return fail(ErrorArea::file, "{}: cannot be opened; is it there and readable?", path.string());
  std::string text;
  std::vector<char> block(1u << 20);
  for (;;) {
    const int got = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    if (got < 0)
      return fail(ErrorArea::format, "{}: damaged gzip data after {} bytes", path.string(), text.size());
    if (got == 0) break;
    if (text.size() + std::size_t(got) > k_max_text)
      return fail(ErrorArea::format, "{}: more than {} bytes of text", path.string(), k_max_text);
    text.append(block.data(), std::size_t(got));
  }
  int status = Z_OK;
  gzerror(file.get(), &status);
  if (status == Z_BUF_ERROR)
    return fail(ErrorArea::format, "{}: the gzip data ends too early; copy the file again", path.string());
  return text;
}

template <class T>
T required(const nlohmann::json& object, const char* key) {
  return object.at(key).get<T>();
}

}  // namespace

Expected<CrystalList> CrystalList::open(const std::filesystem::path& path) {
  CrystalList list;
  list.source_ = path.string();
  std::error_code status;
  if (std::filesystem::is_directory(path, status)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, status))
      if (entry.path().extension() == ".cif") list.entries_.push_back({0, 0, entry.path().string()});
    if (status) return fail(ErrorArea::file, "{}: cannot be listed ({})", path.string(), status.message());
    std::sort(list.entries_.begin(), list.entries_.end(),
              [](const Entry& a, const Entry& b) { return a.file < b.file; });
  } else if (path.extension() == ".cif") {
    list.entries_.push_back({0, 0, path.string()});
  } else {
    auto text = read_text(path);
    if (!text) return tl::unexpected(text.error());
    list.text_ = std::move(*text);
    list.checksum_ = add_to_checksum(0, list.text_);
    for (std::size_t at = 0; at < list.text_.size();) {
      const std::size_t end = std::min(list.text_.find('\n', at), list.text_.size());
      if (list.text_.find_first_not_of(" \t\r", at) < end) list.entries_.push_back({at, end - at, {}});
      if (list.entries_.size() > k_max_lines)
        return fail(ErrorArea::format, "{}: more than {} lines", path.string(), k_max_lines);
      at = end + 1;
    }
  }
  for (const Entry& entry : list.entries_) {
    if (entry.file.empty()) continue;
    auto text = read_text(entry.file);
    if (!text) return tl::unexpected(text.error());
    list.checksum_ =
        add_to_checksum(list.checksum_, std::filesystem::path(entry.file).filename().string() + *text);
  }
  if (list.entries_.empty())
    return fail(ErrorArea::format, "{}: no crystals (CIF files in a folder, or one JSON object a line)",
                path.string());
  return list;
}

Expected<Crystal> CrystalList::load(std::size_t index) const {
  const Entry& entry = entries_[index];
  if (entry.file.empty())
    return parse_crystal_json(std::string_view(text_).substr(entry.begin, entry.length),
                              fmt::format("{} line {}", source_, index + 1));
  auto crystal = load_cif(entry.file);
  if (!crystal) return crystal;
  return to_standard_cell(*crystal);
}

Expected<Crystal> parse_crystal_json(std::string_view line, const std::string& where) {
  // nlohmann-json reports by exceptions; they end here.
  try {
    const nlohmann::json object = nlohmann::json::parse(line);
    Crystal crystal;
    crystal.id = required<std::string>(object, "id");
    crystal.formula = required<std::string>(object, "formula");
    crystal.space_group = required<int>(object, "sg");
    crystal.cell = {required<double>(object, "a"),    required<double>(object, "b"),
                    required<double>(object, "c"),    required<double>(object, "alpha"),
                    required<double>(object, "beta"), required<double>(object, "gamma")};
    crystal.standard_cell = crystal.cell;
    crystal.system = crystal_system_of_space_group(crystal.space_group);
    if (crystal.system == CrystalSystem::none)
      return fail(ErrorArea::format, "{}: {} is not a space-group number", where, crystal.space_group);
    crystal.group = object.value("group", fmt::format("{}|{}", crystal.formula, crystal.space_group));
    const std::string split = object.value("split", std::string());
    crystal.split = split == "train" ? Split::train : split == "test" ? Split::test : Split::none;
    const auto& species = object.at("species");
    const auto& xyz = object.at("xyz");
    if (!species.is_array() || !xyz.is_array() || species.size() != xyz.size() ||
        species.size() > k_max_atoms)
      return fail(ErrorArea::format, "{}: species and xyz must be lists of one length, at most {}", where,
                  k_max_atoms);
    for (std::size_t i = 0; i < species.size(); ++i) {
      Atom atom;
      const auto symbol = species[i].get<std::string>();
      const auto z = atomic_number(symbol);
      if (!z) return fail(ErrorArea::format, "{}: \"{}\" is not an element", where, symbol);
      atom.z = *z;
      if (xyz[i].size() != 3)
        return fail(ErrorArea::format, "{}: atom {} has no three coordinates", where, i + 1);
      for (int k = 0; k < 3; ++k) atom.position[k] = xyz[i][std::size_t(k)].get<double>();
      crystal.atoms.push_back(atom);
    }
    if (auto ok = validate(crystal); !ok) return fail(ok.error().area, "{}: {}", where, ok.error().message);
    return crystal;
  } catch (const std::exception& error) {
    return fail(ErrorArea::format, "{}: not a crystal ({})", where, error.what());
  }
}

}  // namespace bragglive
