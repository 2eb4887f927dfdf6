// Crystals from CIF files.
#pragma once
#include <filesystem>

#include "core/crystal/crystal.hpp"

namespace bragglive {

// Reads the first data block that has a cell and atoms. Symmetry: the listed operations; without them the
// Hall symbol, the Hermann-Mauguin symbol or the number; without any, the listed atoms are taken as the whole
// cell and the symmetry is searched. Operations that do not fit the cell are refused. Positions that are
// rounded thirds or sixths (0.333, 0.6667) are made exact. The cell stays as it is in the file; space group,
// system and standard cell are spglib's (tolerance 0.01 Å).
Expected<Crystal> load_cif(const std::filesystem::path& path);

// The same from text; `name` stands in for the file's name in messages.
Expected<Crystal> parse_cif(const std::string& text, const std::string& name);

}  // namespace bragglive
