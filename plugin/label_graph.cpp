#include "plugin/label_graph.hpp"

#include <tbb/enumerable_thread_specific.h>
#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace bragglive {
namespace {

constexpr std::size_t k_batch = 32;  // patterns that walk the trees together

using Batch = std::vector<FrameSlot*>;

// Collects slots until a batch is full or old. Owns all batches; a few are enough and they are reused.
class Batcher {
 public:
  // The full batch, or nullptr.
  Batch* add(FrameSlot* slot) {
    const std::lock_guard lock(mutex_);
    if (!waiting_) waiting_ = spare();
    if (waiting_->empty()) oldest_ns_ = steady_now_ns();
    waiting_->push_back(slot);
    return waiting_->size() >= k_batch ? std::exchange(waiting_, nullptr) : nullptr;
  }
  Batch* take_older_than(std::chrono::nanoseconds age) {
    const std::lock_guard lock(mutex_);
    const bool old = waiting_ && steady_now_ns() - oldest_ns_ >= static_cast<std::uint64_t>(age.count());
    return old ? std::exchange(waiting_, nullptr) : nullptr;
  }
  void recycle(Batch* batch) {
    batch->clear();
    const std::lock_guard lock(mutex_);
    spare_.push_back(batch);
  }

 private:
  Batch* spare() {
    if (spare_.empty()) {
      all_.push_back(std::make_unique<Batch>());
      all_.back()->reserve(k_batch);
      return all_.back().get();
    }
    Batch* batch = spare_.back();
    spare_.pop_back();
    return batch;
  }
  std::mutex mutex_;
  std::vector<std::unique_ptr<Batch>> all_;
  std::vector<Batch*> spare_;
  Batch* waiting_ = nullptr;
  std::uint64_t oldest_ns_ = 0;
};

// Working memory of one thread.
struct ThreadScratch {
  DiskDetector::Scratch detect;
  std::unique_ptr<FeatureSet::Scratch> features;
  std::unique_ptr<CrystalModel::Scratch> model;
  std::vector<std::byte> decoded;    // the pixels of an encoded frame
  std::vector<float> rows;           // features of a batch
  std::vector<PatternLabel> labels;  // of a batch
  std::vector<PositionResult> results;
};

}  // namespace

struct LabelGraph::Nodes {
  LabelGraphSettings settings;
  Calibration calibration;
  PixelsToQ to_q;
  DiskDetector detector;
  std::shared_ptr<const CrystalModel> model;
  LabelMap& map;
  FramePool& pool;
  RecentFrames& recent;
  CounterBoard& counters;
  Batcher batcher;
  tbb::enumerable_thread_specific<ThreadScratch> scratch;
  std::atomic<std::size_t> in_flight{0};

  // The submitting thread is not a worker: without one more than `threads` a single worker would do all the
  // work on two cores.
  tbb::global_control workers;
  tbb::task_arena arena;
  std::unique_ptr<tbb::flow::graph> graph;
  std::unique_ptr<tbb::flow::function_node<FrameSlot*, FrameSlot*>> detect_node;
  std::unique_ptr<tbb::flow::function_node<FrameSlot*>> features_node;
  std::unique_ptr<tbb::flow::function_node<Batch*, Batch*>> forest_node;
  std::unique_ptr<tbb::flow::function_node<Batch*>> store_node;

  Nodes(LabelGraphSettings s, const Calibration& c, DiskDetector d, std::shared_ptr<const CrystalModel> m,
        LabelMap& map_, FramePool& pool_, RecentFrames& recent_, CounterBoard& counters_)
      : settings(std::move(s)),
        calibration(c),
        to_q(c),
        detector(std::move(d)),
        model(std::move(m)),
        map(map_),
        pool(pool_),
        recent(recent_),
        counters(counters_),
        scratch([this] {
          ThreadScratch made;
          made.features = model->features().make_scratch();
          made.model = model->make_scratch();
          return made;
        }),
        workers(tbb::global_control::max_allowed_parallelism, settings.threads + 1),
        arena(static_cast<int>(settings.threads), 0) {
    arena.execute([this] { build(); });
  }

  void build() {
    using namespace tbb::flow;
    graph = std::make_unique<tbb::flow::graph>();
    // One step, so that the decoded pixels are this thread's own and still in its cache.
    detect_node = std::make_unique<function_node<FrameSlot*, FrameSlot*>>(*graph, unlimited,
                                                                          [this](FrameSlot* slot) noexcept {
                                                                            detect(*slot, decode(*slot));
                                                                            return slot;
                                                                          });
    features_node =
        std::make_unique<function_node<FrameSlot*>>(*graph, unlimited, [this](FrameSlot* slot) noexcept {
          compute_features(*slot);
          send(batcher.add(slot));
          return continue_msg{};
        });
    forest_node =
        std::make_unique<function_node<Batch*, Batch*>>(*graph, unlimited, [this](Batch* batch) noexcept {
          predict(*batch);
          return batch;
        });
    store_node = std::make_unique<function_node<Batch*>>(*graph, unlimited, [this](Batch* batch) noexcept {
      store(*batch);
      batcher.recycle(batch);
      return continue_msg{};
    });
    make_edge(*detect_node, *features_node);
    make_edge(*forest_node, *store_node);
  }

  void send(Batch* batch) {
    if (batch) forest_node->try_put(batch);
  }

  FrameView decode(FrameSlot& slot) noexcept;
  void detect(FrameSlot& slot, const FrameView& frame) noexcept;
  void compute_features(FrameSlot& slot) noexcept;
  void predict(Batch& batch) noexcept;
  void store(Batch& batch) noexcept;
};

FrameView LabelGraph::Nodes::decode(FrameSlot& slot) noexcept {
  StageTimer timer(counters.stage(Stage::decode));
  const ScanStart& scan = settings.scan;
  FrameView frame{nullptr, scan.frame, scan.pixel};
  const std::span<const std::byte> payload = slot.message.payload.bytes();
  if (scan.encoding == Encoding::none) {
    if (payload.size() == frame.bytes()) frame.pixels = payload.data();
  } else {
    std::vector<std::byte>& pixels = scratch.local().decoded;
    pixels.resize(frame.bytes());
    if (decode_payload(scan.encoding, scan.frame, scan.pixel, payload, pixels)) frame.pixels = pixels.data();
  }
  if (!frame.pixels) {
    slot.outcome = PositionState::corrupt;
    counters.corrupt.fetch_add(1, std::memory_order_relaxed);
  }
  return frame;
}

void LabelGraph::Nodes::detect(FrameSlot& slot, const FrameView& frame) noexcept {
  StageTimer timer(counters.stage(Stage::detect));
  slot.disks.clear();
  slot.sums = {};
  if (slot.outcome != PositionState::labelled) return;
  const ScanPosition at = position_of(settings.scan.scan, slot.message.scan_index);
  const auto origin = calibration.origin(at);
  const DetectStatus status =
      detector.detect(frame, origin[0], origin[1], scratch.local().detect, slot.disks, slot.sums);
  if (status == DetectStatus::not_finite) {
    slot.outcome = PositionState::corrupt;
    counters.corrupt.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // The centre of mass goes the disks' way to 1/Å.
  slot.disks.push_back({origin[0] + slot.sums.com_row, origin[1] + slot.sums.com_col, 0});
  to_q.apply(at, slot.disks);
  slot.sums.com_row = slot.disks.back().qx;
  slot.sums.com_col = slot.disks.back().qy;
  slot.disks.pop_back();
  // A powder has no orientation to label.
  if (status == DetectStatus::rings || slot.disks.size() < settings.min_disks)
    slot.outcome = PositionState::too_few_disks;
}

void LabelGraph::Nodes::compute_features(FrameSlot& slot) noexcept {
  StageTimer timer(counters.stage(Stage::features));
  if (slot.outcome != PositionState::labelled) return;
  slot.features.resize(model->features().size());
  model->features().compute(slot.disks, scratch.local().features.get(), slot.features);
}

void LabelGraph::Nodes::predict(Batch& batch) noexcept {
  ThreadScratch& mine = scratch.local();
  mine.rows.clear();
  std::size_t count = 0;
  for (const FrameSlot* slot : batch) {
    if (slot->outcome != PositionState::labelled) continue;
    mine.rows.insert(mine.rows.end(), slot->features.begin(), slot->features.end());
    ++count;
  }
  mine.labels.assign(count, {});
  const std::uint64_t start = steady_now_ns();
  if (count > 0) model->predict(mine.rows, *mine.model, mine.labels);
  counters.stage(Stage::forest).count(steady_now_ns() - start, batch.size());
  std::size_t next = 0;
  for (FrameSlot* slot : batch)
    if (slot->outcome == PositionState::labelled) slot->label = mine.labels[next++];
}

void LabelGraph::Nodes::store(Batch& batch) noexcept {
  ThreadScratch& mine = scratch.local();
  const std::uint64_t start = steady_now_ns();
  mine.results.clear();
  for (const FrameSlot* slot : batch) {
    PositionResult result;
    result.index = slot->message.scan_index;
    result.state = slot->outcome;
    result.label = slot->label;
    result.disks = slot->disks;
    result.bright_field = static_cast<float>(slot->sums.bright_field);
    result.dark_field = static_cast<float>(slot->sums.dark_field);
    result.annular_dark_field = static_cast<float>(slot->sums.annular_dark_field);
    result.com_x = static_cast<float>(slot->sums.com_row);
    result.com_y = static_cast<float>(slot->sums.com_col);
    mine.results.push_back(result);
  }
  map.store(mine.results);
  const std::uint64_t now = steady_now_ns();
  std::uint64_t newest = 0;
  for (FrameSlot* slot : batch) {
    newest = std::max(newest, slot->received_ns);
    counters.latency.add(now - slot->received_ns);
    if (settings.keep_recent) recent.keep(slot->message.scan_index, std::move(slot->message.payload));
    pool.release(slot);
  }
  std::uint64_t seen = counters.newest_stored_ns.load();
  while (newest > seen && !counters.newest_stored_ns.compare_exchange_weak(seen, newest)) {
  }
  counters.stage(Stage::store).count(now - start, batch.size());
  in_flight.fetch_sub(batch.size());
}

LabelGraph::LabelGraph(LabelGraphSettings settings, const Calibration& calibration, DiskDetector detector,
                       std::shared_ptr<const CrystalModel> model, LabelMap& map, FramePool& pool,
                       RecentFrames& recent, CounterBoard& counters)
    : nodes_(std::make_unique<Nodes>(std::move(settings), calibration, std::move(detector), std::move(model),
                                     map, pool, recent, counters)) {}

LabelGraph::~LabelGraph() {
  drain();
}

void LabelGraph::submit(FrameSlot* slot) {
  nodes_->in_flight.fetch_add(1);
  nodes_->detect_node->try_put(slot);
}

void LabelGraph::flush_older_than(std::chrono::nanoseconds age) {
  nodes_->send(nodes_->batcher.take_older_than(age));
}

void LabelGraph::drain() {
  // A slot may reach the batcher while the graph empties: flush until nothing is under way.
  while (nodes_->in_flight.load() > 0) {
    nodes_->graph->wait_for_all();
    flush_older_than(std::chrono::nanoseconds{0});
  }
  nodes_->graph->wait_for_all();
}

}  // namespace bragglive
