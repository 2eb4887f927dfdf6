// An engine that shows what a test gives it and remembers what it was told.
#pragma once
#include "gui/window/session_port.hpp"
#include "tests/gui/sample_map.hpp"

namespace bragglive::gui::test {

class StandInSession : public SessionPort {
  Q_OBJECT
 public:
  void open(const OpenRequest& request) override {
    requests.push_back(request);
    now = SessionState::waiting;
    Q_EMIT opened();
  }
  void stop() override { now = SessionState::stopped; }
  bool opening() const override { return false; }
  bool receiving() const override { return now == SessionState::waiting || now == SessionState::scanning; }
  SessionState state() const override { return now; }
  QString source() const override { return requests.empty() ? QString() : requests.back().source; }
  QString made_by() const override { return QStringLiteral("model default 12345678"); }
  EngineCounters counters() const override { return engine; }
  void reset_counters() override { engine = {}; }
  std::shared_ptr<const MapSnapshot> snapshot() const override { return map; }
  bool detail(ScanPosition at, PositionDetail& detail) const override {
    asked.push_back(at);
    if (!map) return false;
    detail = sample_detail(*map, at, keeps_frames);
    return true;
  }
  void set_threshold(double t) override {
    thresholds.push_back(t);
    if (map) show(with_threshold(*map, t));
  }
  void set_filter(bool on) override { filters.push_back(on); }
  void set_systems(std::vector<CrystalSystem> s) override { systems = std::move(s); }
  void save(const QString& path) override { Q_EMIT saved(path); }

  void show(std::shared_ptr<const MapSnapshot> next) {
    map = std::move(next);
    Q_EMIT snapshot_ready();
  }

  std::shared_ptr<const MapSnapshot> map;
  SessionState now = SessionState::idle;
  EngineCounters engine;
  bool keeps_frames = true;
  std::vector<OpenRequest> requests;
  mutable std::vector<ScanPosition> asked;
  std::vector<double> thresholds;
  std::vector<bool> filters;
  std::vector<CrystalSystem> systems;
};

}  // namespace bragglive::gui::test
