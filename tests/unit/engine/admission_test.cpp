#include "plugin/admission.hpp"

#include <algorithm>

#include "tests/catch.hpp"

using namespace bragglive;

namespace {
struct Outcome {
  int taken = 0, longest_gap = 0;
};

// `arrivals` frames come for each one that the graph finishes.
Outcome simulate(double arrivals, int frames, double slots) {
  Admission admission;
  Outcome outcome;
  double in_use = 0, finished = 0;
  int gap = 0;
  for (int i = 0; i < frames; ++i) {
    finished += 1 / arrivals;
    for (; finished >= 1 && in_use > 0; finished -= 1) in_use -= 1;
    finished = std::min(finished, 1.0);
    if (admission.take(in_use / slots) && in_use < slots) {
      in_use += 1;
      ++outcome.taken;
      gap = 0;
    } else if (i > frames / 10) {  // once it has settled
      outcome.longest_gap = std::max(outcome.longest_gap, ++gap);
    }
  }
  return outcome;
}
}  // namespace

TEST_CASE("a stream that the graph can follow is taken whole") {
  CHECK(simulate(0.9, 10000, 256).taken == 10000);
}

TEST_CASE("an overloaded graph works at its full rate, and what it skips is spread") {
  for (const double overload : {1.2, 2.0, 3.5}) {
    const Outcome outcome = simulate(overload, 40000, 256);
    CHECK(outcome.taken == Approx(40000 / overload).epsilon(0.02));
    CHECK(outcome.longest_gap <= static_cast<int>(overload) + 1);
  }
}
