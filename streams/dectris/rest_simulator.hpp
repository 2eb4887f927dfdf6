// The REST interface of a simulated DECTRIS detector: answers what DetectorWatch and its like ask.
#pragma once
#include <memory>

#include "streams/frame_sink.hpp"

namespace bragglive::dectris {

// `sink`, and beside it an HTTP server on this port of all interfaces that tells of the scan that is sent:
// size, depth, number of images, states, and as dropped what has been left out between the frames that were
// sent.
Expected<std::unique_ptr<FrameSink>> with_rest(std::unique_ptr<FrameSink> sink, std::uint16_t port,
                                               bool version2);

}  // namespace bragglive::dectris
