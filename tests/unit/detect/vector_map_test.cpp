#include "core/detect/vector_map.hpp"

#include <numeric>

#include "tests/catch.hpp"

using namespace bragglive;

TEST_CASE("the vector map keeps intensity and place, and leaves out what lies outside") {
  BraggVectorMap map(101, 2.0);
  map.add({{0.0, 0.0, 10},
           {1.0, -0.5, 4},
           {2.5, 0, 100},
           {std::nan(""), 0, 1},
           {0, 0, std::nan("")},
           {0.013, 1.027, 2}});
  CHECK(std::accumulate(map.cells().begin(), map.cells().end(), 0.0) == Approx(16));
  CHECK(map.cells()[50 * 101 + 50] == Approx(10));
  double row = 0, col = 0;
  for (std::size_t i = 0; i < map.cells().size(); ++i) {
    if (i / 101 > 70 || i % 101 < 60) continue;
    row += map.cells()[i] * (static_cast<double>(i / 101) / 50 - 1) * 2;
    col += map.cells()[i] * (static_cast<double>(i % 101) / 50 - 1) * 2;
  }
  CHECK(row / 2 == Approx(0.013).margin(1e-9));
  CHECK(col / 2 == Approx(1.027).margin(1e-9));
  map.clear();
  CHECK(std::accumulate(map.cells().begin(), map.cells().end(), 0.0) == 0);
}
