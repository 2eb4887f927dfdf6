// A scan that a test writes event by event, and a model whose answers follow from the disk count alone.
#pragma once
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "plugin/session.hpp"

namespace bragglive::test {

constexpr FrameShape k_frame{64, 64};
constexpr double k_radius_px = 3;

// Bright flat disks on a square grid; the direct beam at the centre is one of them.
inline std::vector<std::byte> frame_with_disks(int disks) {
  std::vector<std::uint16_t> pixels(k_frame.pixels(), 0);
  static constexpr int k_places[][2] = {{32, 32}, {16, 32}, {48, 32}, {32, 16}, {32, 48},
                                        {16, 16}, {48, 48}, {16, 48}, {48, 16}};
  for (int i = 0; i < disks; ++i)
    for (int dr = -3; dr <= 3; ++dr)
      for (int dc = -3; dc <= 3; ++dc)
        if (dr * dr + dc * dc <= 9)
          pixels[static_cast<std::size_t>((k_places[i][0] + dr) * 64 + k_places[i][1] + dc)] = 400;
  std::vector<std::byte> bytes(pixels.size() * 2);
  std::memcpy(bytes.data(), pixels.data(), bytes.size());
  return bytes;
}

inline Payload payload(std::vector<std::byte> bytes) {
  return Payload(
      std::move(bytes), +[](const std::vector<std::byte>& held) { return std::span<const std::byte>(held); });
}

inline ScanStart scan_start(ScanShape scan, std::uint64_t series = 1) {
  ScanStart start;
  start.series_id = series;
  start.scan = scan;
  start.frame = k_frame;
  return start;
}

inline FrameMessage frame(std::uint64_t index, int disks, std::uint64_t series = 1) {
  FrameMessage message;
  message.series_id = series;
  message.frame_number = message.scan_index = index;
  message.payload = payload(frame_with_disks(disks));
  return message;
}

inline Calibration calibration() {
  Calibration made;
  made.detector = k_frame;
  made.pixel_size_inv_angstrom = 0.02;
  made.origin_row = {32, 0, 0};
  made.origin_col = {32, 0, 0};
  made.probe_radius_px = k_radius_px;
  made.scan_step_nm = 2;
  return made;
}

class ScriptedSource : public FrameSource {
 public:
  explicit ScriptedSource(bool live) : live_(live) {}
  template <class Event>
  void add(Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  SourceEvent next(std::chrono::milliseconds timeout) override {
    {
      const std::lock_guard lock(mutex_);
      if (!events_.empty()) {
        SourceEvent event = std::move(events_.front());
        events_.pop_front();
        return event;
      }
    }
    std::this_thread::sleep_for(std::min(timeout, std::chrono::milliseconds(2)));
    return Idle{};
  }
  bool live() const override { return live_; }
  std::string description() const override { return "a script"; }

 private:
  const bool live_;
  std::mutex mutex_;
  std::deque<SourceEvent> events_;
};

// One feature: the number of disks. More than six: cubic, else hexagonal, with a margin of a half.
class DiskCountModel : public CrystalModel {
  class CountFeature : public FeatureSet {
   public:
    std::size_t size() const override { return 1; }
    std::string definition() const override { return "count"; }
    std::vector<std::string> names() const override { return {"count"}; }
    void compute(std::span<const BraggPeak> peaks, FeatureSet::Scratch*,
                 std::span<float> out) const noexcept override {
      out[0] = static_cast<float>(peaks.size());
    }
  };

 public:
  const FeatureSet& features() const override { return features_; }
  std::unique_ptr<CrystalModel::Scratch> make_scratch() const override { return std::make_unique<Nothing>(); }
  void predict(std::span<const float> features, CrystalModel::Scratch&,
               std::span<PatternLabel> labels) const noexcept override {
    std::this_thread::sleep_for(delay);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      labels[i].system = features[i] > 6 ? CrystalSystem::cubic : CrystalSystem::hexagonal;
      labels[i].trees = 80;
      labels[i].votes[static_cast<std::size_t>(labels[i].system)] = 60;
      labels[i].votes[2] = 20;
      labels[i].confidence = 0.75f;
      labels[i].difference_confidence = 0.5f;
      labels[i].space_group = features[i] > 6 ? 225 : 194;
      labels[i].lattice_angstrom = {4.1f, 4.1f, 4.1f};
    }
  }
  const std::string& provenance_json() const override { return provenance_; }
  const std::string& checksum() const override { return checksum_; }

  std::chrono::milliseconds delay{0};

 private:
  class Nothing : public CrystalModel::Scratch {};
  CountFeature features_;
  std::string provenance_ = "{}", checksum_ = "0123456789abcdef";
};

inline SessionConfig session_config(
    std::shared_ptr<const CrystalModel> model = std::make_shared<DiskCountModel>()) {
  SessionConfig config;
  config.model = std::move(model);
  config.calibration = calibration();
  config.threads = 2;
  config.publish_period = std::chrono::milliseconds(5);
  return config;
}

inline std::uint64_t count(const MapSnapshot& map, PositionState state) {
  return map.states[static_cast<std::size_t>(state)];
}

// Polls until `done` or five seconds have passed.
template <class Done>
bool eventually(Done done) {
  for (int i = 0; i < 1000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace bragglive::test
