// Many crystals: a folder of CIF files, one CIF file, or a JSON-lines set (plain or gzip).
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/crystal/crystal.hpp"

namespace bragglive {

// Knows where each crystal is and reads it when asked, so that a set of tens of thousands costs its text
// only. load() may be called from several threads.
class CrystalList {
 public:
  // .jsonl, .jsonl.gz: one JSON object per line, keys as in the Materials Project set: id, formula, sg, a b c
  // alpha beta gamma, species, xyz, optional split and group; the cell must be the standard conventional one.
  // A folder: its *.cif in order of name. At most 1 GiB of text, a million lines.
  static Expected<CrystalList> open(const std::filesystem::path& path);

  std::size_t size() const { return entries_.size(); }
  // In the standard conventional cell; validated.
  Expected<Crystal> load(std::size_t index) const;
  std::uint32_t checksum() const {
    return checksum_;
  }  // CRC-32 of the text, or of the files' names and texts
  const std::string& source() const { return source_; }

 private:
  struct Entry {
    std::size_t begin = 0, length = 0;  // in text_
    std::string file;                   // or a CIF file
  };
  std::string source_, text_;
  std::vector<Entry> entries_;
  std::uint32_t checksum_ = 0;
};

// One line of the set. `where` (file and line number) is for messages.
Expected<Crystal> parse_crystal_json(std::string_view line, const std::string& where);

}  // namespace bragglive
