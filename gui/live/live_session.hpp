// The engine behind the window.
#pragma once
#include <QElapsedTimer>
#include <QTimer>
#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "gui/window/session_port.hpp"

namespace bragglive::gui {

class LiveSession : public SessionPort {
  Q_OBJECT
 public:
  // `read_known`: for calibrating on a known crystal; without it such a request fails.
  explicit LiveSession(std::map<std::string, SourceFactory> extra_sources, KnownCrystalReader read_known = {},
                       QObject* parent = nullptr);
  ~LiveSession() override;

  void open(const OpenRequest& request) override;
  void stop() override;
  bool opening() const override { return opening_; }
  bool receiving() const override { return session_ && session_->is_receiving(); }
  SessionState state() const override { return session_ ? session_->state() : SessionState::idle; }
  QString source() const override;
  QString made_by() const override { return made_by_; }
  EngineCounters counters() const override { return session_ ? session_->counters() : EngineCounters{}; }
  void reset_counters() override;
  std::shared_ptr<const MapSnapshot> snapshot() const override {
    return session_ ? session_->snapshot() : nullptr;
  }
  bool detail(ScanPosition at, PositionDetail& detail) const override;
  void ask_detail(ScanPosition at) override;
  void set_threshold(double threshold) override;
  void set_filter(bool on) override;
  void set_systems(std::vector<CrystalSystem> systems) override;
  void save(const QString& path) override;

  Session* session() { return session_.get(); }
  // Of the last failed(): what kind of failure, for the exit code.
  std::optional<Error> last_failure() const { return failure_; }

 private:
  struct Prepared;
  void run(Prepared prepared);
  std::function<void(const ScanResult&)> saver(const QString& out);
  void fetch_detail();
  LogSink notices();
  void give_up(const Error& error);
  void arm();
  void close_session();
  // Runs `work` on a thread of its own, then `done` on this one.
  void in_background(std::function<void()> work, std::function<void()> done);

  std::map<std::string, SourceFactory> extra_;
  KnownCrystalReader read_known_;
  std::shared_ptr<Session> session_;
  SessionConfig settings_;  // threshold, filter and systems as chosen in the window
  std::shared_ptr<const CrystalModel> model_;
  QString model_name_, made_by_, opening_what_;
  std::optional<Error> failure_;
  bool opening_ = false;
  std::uint64_t request_number_ = 0;
  std::atomic<bool> armed_ = false;
  std::optional<ScanPosition> wanted_;  // the question that waits while another is being answered
  bool fetching_ = false;
  QTimer refresh_;
  QElapsedTimer since_refresh_;
};

}  // namespace bragglive::gui
