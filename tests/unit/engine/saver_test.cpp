#include "plugin/saver.hpp"

#include <future>
#include <vector>

#include "tests/catch.hpp"

using namespace bragglive;

TEST_CASE("what is saved slowly holds up who has more to save, and tells; nothing is left out") {
  std::vector<int> done;
  std::promise<void> disk;
  bool told = false;
  {
    Saver saver(1);
    saver.submit([&, wait = disk.get_future().share()] {
      wait.wait();
      done.push_back(1);
    });
    saver.submit([&] { done.push_back(2); }, [&] { FAIL("there is room for one job that waits"); });
    saver.submit([&] { done.push_back(3); },
                 [&] {
                   told = true;
                   disk.set_value();
                 });
    CHECK(told);
    saver.drain();
    CHECK(done == std::vector{1, 2, 3});
    saver.submit([&] { done.push_back(4); });
  }
  CHECK(done == std::vector{1, 2, 3, 4});
}
