// A closed scan, whole: what is saved, recorded and looked back at.
#pragma once
#include <memory>
#include <string>

#include "core/calibrate/calibration.hpp"
#include "core/label/label_map.hpp"
#include "plugin/counters.hpp"
#include "plugin/session.hpp"

namespace bragglive {

namespace hdf5 {
class Writer;
}

struct ScanResult {
  unsigned number = 0;    // of the scans of a session, from 1
  unsigned revision = 0;  // 0; then how often frames have come late and the result was made again
  std::shared_ptr<const MapSnapshot> map;
  std::shared_ptr<const LabelMap> labels;  // for the disks
  ScanStart header;
  Calibration calibration;
  RunTimes times;
  EngineCounters counters;
  SessionConfig config;
  std::string source;
};

// As save_result(session, file), of a scan that is no longer the session's newest.
Expected<void> save_result(const ScanResult& result, const std::filesystem::path& file);

// The groups and attributes of the result file, into a file that is being written.
Expected<void> write_result(hdf5::Writer& writer, const ScanResult& result);

// The name of one of several scans: FILE_0001.h5, FILE_0002.h5 …
std::filesystem::path numbered(std::filesystem::path file, unsigned number);

}  // namespace bragglive
