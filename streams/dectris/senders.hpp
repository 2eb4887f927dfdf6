// DECTRIS detectors simulated: the sending sides of SIMPLON stream v1 and v2, as the detector's control unit
// speaks them.
//
// A PUSH socket is bound (port 9999 for v1, 31001 for v2). The global header goes out at the start, with
// header_detail "all" and the scan's shape in the appendix (v1) or the user data (v2). A payload in `lz4` is
// wrapped for v2 as one HDF5-LZ4 block; `hdf5_lz4` does not exist in v1.
#pragma once
#include <memory>
#include <string>

#include "streams/frame_sink.hpp"

namespace bragglive::dectris {

Expected<std::unique_ptr<FrameSink>> open_stream1_sender(const std::string& uri, const SinkOptions& options);
Expected<std::unique_ptr<FrameSink>> open_stream2_sender(const std::string& uri, const SinkOptions& options);

}  // namespace bragglive::dectris
