#include "plugin/admission.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/catch.hpp"

using namespace bragglive;

namespace {

// A detector, the stream's buffers, the receiver, the pool and the graph on a clock of our own.
struct Stream {
  double frames_per_s = 12000;
  double labels_per_s = 6000;
  double seconds = 4;
  double receive_us = 5;     // what the receiver needs for a frame, taken or not
  std::size_t slots = 8192;  // of the pool
  std::size_t batch = 32;    // slots come back together
  std::size_t backlog = 0;   // frames that wait in the buffers when it begins
  double stall_at_s = -1;    // the receiver does something else …
  double stall_s = 0;        // … for so long
};

struct Outcome {
  std::size_t frames = 0, taken = 0;
  std::size_t longest_skip = 0;  // run of skipped frames, anywhere
  std::size_t most_in_use = 0;
};

Outcome run(const Stream& stream) {
  Admission admission(stream.slots / 4, stream.slots);
  Outcome outcome;
  const auto total = stream.backlog + static_cast<std::size_t>(stream.frames_per_s * stream.seconds);
  double now_s = 0, graph_free_s = 0;  // when the graph will have done all that it has
  std::vector<double> done_s;          // of each taken frame, rising
  std::size_t released = 0, skipped = 0;
  // Whole batches only, and the last one when it is old.
  const auto release_until = [&](double at_s) {
    while (released < done_s.size()) {
      const std::size_t end = std::min(released + stream.batch, done_s.size());
      if (done_s[end - 1] + (end - released < stream.batch ? 0.005 : 0) > at_s) return;
      released = end;
    }
  };
  for (std::size_t frame = 0; frame < total; ++frame) {
    if (frame >= stream.backlog)
      now_s = std::max(now_s, static_cast<double>(frame - stream.backlog + 1) / stream.frames_per_s);
    if (stream.stall_s > 0 && stream.stall_at_s >= 0 && now_s > stream.stall_at_s &&
        now_s < stream.stall_at_s + stream.stall_s)
      now_s = stream.stall_at_s + stream.stall_s;
    now_s += stream.receive_us * 1e-6;
    release_until(now_s);
    if (!admission.take(done_s.size() - released) || done_s.size() - released == stream.slots) {
      outcome.longest_skip = std::max(outcome.longest_skip, ++skipped);
    } else {
      skipped = 0;
      graph_free_s = std::max(graph_free_s, now_s) + 1 / stream.labels_per_s;
      done_s.push_back(graph_free_s);
      ++outcome.taken;
      outcome.most_in_use = std::max(outcome.most_in_use, done_s.size() - released);
    }
  }
  outcome.frames = total;
  return outcome;
}

}  // namespace

TEST_CASE("a stream that the graph can follow is taken whole") {
  Stream stream;
  stream.frames_per_s = 5400;
  CHECK(run(stream).taken == run(stream).frames);
}

TEST_CASE("a short stall of a stream that the graph can follow skips nothing") {
  Stream stream;
  stream.frames_per_s = 5400;
  stream.stall_at_s = 1;
  stream.stall_s = 0.15;
  CHECK(run(stream).taken == run(stream).frames);
}

TEST_CASE("what an overloaded graph skips is spread, from the first frame on") {
  for (const double overload : {1.2, 2.0, 3.5, 8.0, 20.0}) {
    for (const std::size_t slots : {std::size_t{512}, std::size_t{8192}}) {
      Stream stream;
      stream.slots = slots;
      stream.frames_per_s = overload * stream.labels_per_s;
      const Outcome outcome = run(stream);
      CAPTURE(overload, slots, outcome.taken, outcome.longest_skip);
      CHECK(static_cast<double>(outcome.longest_skip) <= 2 * std::ceil(overload));
      CHECK(outcome.most_in_use < 3 * slots / 4);
      // The graph is never idle.
      CHECK(static_cast<double>(outcome.taken) >= 0.97 * stream.labels_per_s * stream.seconds);
    }
  }
}

TEST_CASE("a backlog that comes at once leaves no hole, whether the graph can follow or not") {
  for (const double frames_per_s : {5000.0, 12000.0}) {
    for (const std::size_t backlog : {std::size_t{6000}, std::size_t{30000}}) {
      Stream stream;
      stream.frames_per_s = frames_per_s;
      stream.backlog = backlog;
      const Outcome outcome = run(stream);
      CAPTURE(frames_per_s, backlog, outcome.longest_skip, outcome.most_in_use);
      CHECK(outcome.longest_skip <= (backlog < stream.slots ? 6 : 32));
      CHECK(outcome.most_in_use < 3 * stream.slots / 4);
    }
  }
}

TEST_CASE("few slots still keep every thread busy") {
  Admission admission(17, 34);
  for (std::size_t in_use = 0; in_use <= 17; ++in_use) CHECK(admission.take(in_use));
  int taken = 0;
  for (int i = 0; i < 1000; ++i) taken += admission.take(30) ? 1 : 0;
  CHECK(taken < 10);
}
