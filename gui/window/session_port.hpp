// What the window needs from whatever labels: the live engine in the program, a stand-in in tests.
#pragma once
#include <QObject>
#include <QString>
#include <memory>
#include <optional>
#include <vector>

#include "core/label/map_snapshot.hpp"
#include "plugin/calibrating_source.hpp"
#include "plugin/counters.hpp"
#include "plugin/session.hpp"

namespace bragglive::gui {

struct OpenRequest {
  QString source;       // endpoint, recording, or demo:gold; empty = nothing to open
  QString model;        // file or "default"
  QString calibration;  // file; empty = the scan brings its own
  FirstRows first;      // calibrate on these; off where a calibration file is named
  QString protocol = QStringLiteral("native");
  QString dataset;      // inside an HDF5 file; empty = found by layout
  QString channel;      // of a detector with several thresholds; empty = its first
  QString rest;         // of a DECTRIS detector: http://host; empty = listen only
  bool follow = false;  // the recording is still being written
  std::optional<ScanShape> scan;
  ScanPath path;       // frames that are no positions, and the order of the others
  double rate_hz = 0;  // replay: frames per second; 0 = as fast as possible
  unsigned threads = 0;
  QString out;  // every finished scan is saved: R.h5, then R_0002.h5 and so on; empty = not saved
};

// All calls and signals on the window's thread.
class SessionPort : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;

  // Stops what runs, loads model and calibration, opens the source and starts. Returns at once; opened() or
  // failed() follows.
  virtual void open(const OpenRequest& request) = 0;
  virtual void stop() = 0;
  virtual bool opening() const = 0;
  virtual SessionState state() const = 0;
  virtual bool receiving() const = 0;   // stop() would end something, be it the wait for the next scan
  virtual QString source() const = 0;   // as it describes itself
  virtual QString made_by() const = 0;  // model and calibration with checksums, for captions
  virtual EngineCounters counters() const = 0;
  virtual void reset_counters() = 0;
  virtual std::shared_ptr<const MapSnapshot> snapshot() const = 0;
  // Reads the frame again where it must: may take as long as a disk does.
  virtual bool detail(ScanPosition at, PositionDetail& detail) const = 0;
  // The same without waiting: detail_ready() follows. Of several questions only the last is answered for
  // sure.
  virtual void ask_detail(ScanPosition at) {
    PositionDetail answer;
    const bool found = detail(at, answer);
    Q_EMIT detail_ready(at, found ? std::optional(std::move(answer)) : std::nullopt);
  }
  // Kept for sessions that are opened later.
  virtual void set_threshold(double threshold) = 0;
  virtual void set_filter(bool on) = 0;
  virtual void set_systems(std::vector<CrystalSystem> systems) = 0;
  // The complete result as HDF5. Returns at once; saved() or failed() follows.
  virtual void save(const QString& path) = 0;

 Q_SIGNALS:
  void snapshot_ready();  // at most every 33 ms
  void detail_ready(ScanPosition at, std::optional<PositionDetail> detail);
  void opened();
  void saved(QString path);
  void failed(QString message);
  void noticed(QString message);  // a warning of the engine; it goes on
};

}  // namespace bragglive::gui
