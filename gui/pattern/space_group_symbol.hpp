// Space-group numbers as people know them.
#pragma once
#include <QString>

namespace bragglive::gui {

// Hermann-Mauguin symbol of the standard setting (International Tables A), e.g. 225 -> "Fm-3m"; empty
// outside 1..230.
QString space_group_symbol(int number);

}  // namespace bragglive::gui
