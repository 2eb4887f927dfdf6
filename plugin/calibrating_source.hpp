// A source whose scans are calibrated on their own first rows.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/calibrate/calibrator.hpp"
#include "core/frame/log.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

struct CalibratingSettings {
  std::uint32_t rows = 0;  // that serve as calibration; at least 1
  CalibratorConfig
      config;  // the known crystal or the pixel size; without either, those of the scan's own calibration
  std::size_t held_bytes = std::size_t{1} << 30;  // most that is held; then the sender has to wait
  LogSink log;
};

// What a person says about it.
struct FirstRows {
  std::uint32_t rows = 0;  // 0 = off
  std::string known;       // CIF of a crystal in the scan; empty = none
  double pixel_size = 0;   // 1/Å per pixel; 0 = that of the scan's own calibration, or the known crystal's
};
// Puts a crystal's reflections into the settings; plugin/known_crystal has one.
using KnownCrystalReader = std::function<Expected<void>(const std::string& cif, CalibratorConfig& config)>;

// The scan's start and everything behind it are held while the first rows come in and are calibrated
// (receiving goes on meanwhile); then they are handed on in their order, with the calibration in the start's
// metadata: nothing is lost and the engine knows nothing of it. behind() is true until what was held has been
// taken. Further scans with frames of the same shape keep the calibration. When it fails, the reason is
// logged as an error and the scan goes on with what it brought itself. `source`: not null.
std::unique_ptr<FrameSource> calibrate_first_rows(std::unique_ptr<FrameSource> source,
                                                  CalibratingSettings settings);
// The same as `first` says: `source` itself where that is off. Fails where the known crystal cannot be read.
Expected<std::unique_ptr<FrameSource>> calibrate_first_rows(std::unique_ptr<FrameSource> source,
                                                            const FirstRows& first,
                                                            const KnownCrystalReader& read_known,
                                                            const LogSink& log);

}  // namespace bragglive
