#include <array>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "streams/crystfel/crystfel.hpp"
#include "streams/dectris/receiver.hpp"
#include "streams/dectris/rest_simulator.hpp"
#include "streams/dectris/senders.hpp"
#include "streams/frame_sink.hpp"
#include "streams/frame_source.hpp"
#include "streams/merlin/receiver.hpp"
#include "streams/native/receiver.hpp"
#include "streams/native/sender.hpp"
#include "streams/ncem/ncem.hpp"
#include "streams/recordings/recording.hpp"
#include "streams/replay/replay_source.hpp"
#include "streams/zmq/endpoint.hpp"

namespace bragglive {
namespace {

struct Protocol {
  std::string_view name;
  Expected<std::unique_ptr<FrameSource>> (*receive)(const std::string& uri, const SourceOptions& options);
  Expected<std::unique_ptr<FrameSink>> (*send)(const std::string& uri, const SinkOptions& options);
};
// One line per protocol.
constexpr std::array k_protocols = {
    Protocol{"native", native::open_receiver, native::open_sender},
    Protocol{"dectris1", dectris::open_stream1, dectris::open_stream1_sender},
    Protocol{"dectris2", dectris::open_stream2, dectris::open_stream2_sender},
    Protocol{"merlin", merlin::open_receiver, merlin::open_sender},
    Protocol{"ncem", ncem::open_receiver, ncem::open_sender},
    Protocol{"ncem4", ncem::open_receiver4, ncem::open_sender4},
    Protocol{"ncem-counted", ncem::open_counted_receiver, ncem::open_counted_sender},
    Protocol{"crystfel", crystfel::open_receiver, crystfel::open_sender},
};

Expected<const Protocol*> find_protocol(std::string_view name) {
  std::string names;
  for (const Protocol& protocol : k_protocols) {
    if (protocol.name == name) return &protocol;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", protocol.name);
  }
  return fail(ErrorArea::usage, "unknown protocol '{}' (there is {})", name, names);
}

tl::unexpected<Error> only_dectris_has_rest() {
  return fail(ErrorArea::usage, "--rest belongs to DECTRIS detectors (--protocol dectris1 or dectris2)");
}

// A file that is only now being made may have no name, no header and no frame yet.
Expected<std::unique_ptr<Recording>> open_file(const std::string& path, const SourceOptions& options) {
  RecordingOptions chosen;
  chosen.dataset = options.dataset;
  chosen.channel = options.channel;
  chosen.follow = options.follow;
  chosen.log = options.log;
  if (options.scan && !options.path.repeated) chosen.expected_frames = options.path.frames(*options.scan);
  const auto patience = std::chrono::steady_clock::now() + options.follow_quiet;
  for (;;) {
    auto recording = open_recording(path, chosen);
    if (recording || !options.follow || recording.error().area == ErrorArea::usage ||
        std::chrono::steady_clock::now() > patience)
      return recording;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Expected<std::unique_ptr<FrameSource>> open_unguided(const std::string& uri, const SourceOptions& options,
                                                     const std::map<std::string, SourceFactory>& extra) {
  if (uri.empty())
    return fail(ErrorArea::usage, "no source: name an endpoint (tcp://host:port), a recording or demo:gold");
  if (is_endpoint(uri)) {
    const auto protocol = find_protocol(options.protocol);
    if (!protocol) return tl::unexpected(protocol.error());
    if (!options.rest.empty() && !(*protocol)->name.starts_with("dectris")) return only_dectris_has_rest();
    return (*protocol)->receive(uri, options);
  }
  if (const std::size_t colon = uri.find(':'); colon != std::string::npos) {
    const auto factory = extra.find(uri.substr(0, colon));
    if (factory != extra.end()) return factory->second(uri, options);
    if (uri.starts_with("demo:"))
      return fail(ErrorArea::usage, "this program has no demo specimen ('{}')", uri);
  }
  auto recording = open_file(uri, options);
  if (!recording) return tl::unexpected(recording.error());
  const ScanPath path = options.path.plain() ? (*recording)->info().path : ScanPath{};
  auto replay = make_replay(std::move(*recording), uri, options);
  if (!replay) return replay;
  return follow_path(std::move(*replay), path);
}

Expected<void> check(const ScanPath& path) {
  const bool sane = path.lead_in <= k_max_path_frames && path.line_skip <= k_max_path_frames &&
                    path.fly_back <= k_max_path_frames &&
                    std::abs(path.sync_offset / 2) <= static_cast<std::int64_t>(k_max_path_frames / 2);
  if (sane) return {};
  return fail(ErrorArea::usage,
              "more than {} frames that are no positions: the scan's path is a slip of the pen",
              k_max_path_frames);
}

}  // namespace

Expected<std::unique_ptr<FrameSource>> open_source(const std::string& uri, const SourceOptions& options,
                                                   const std::map<std::string, SourceFactory>& extra) {
  if (auto checked = check(options.path); !checked) return tl::unexpected(checked.error());
  auto source = open_unguided(uri, options, extra);
  if (!source) return source;
  return follow_path(std::move(*source), options.path);
}

Expected<std::unique_ptr<FrameSink>> open_sink(const std::string& uri, const SinkOptions& options) {
  const auto protocol = find_protocol(options.protocol);
  if (!protocol) return tl::unexpected(protocol.error());
  const bool dectris = (*protocol)->name.starts_with("dectris");
  if (options.rest_port != 0 && !dectris) return only_dectris_has_rest();
  auto sink = (*protocol)->send(uri, options);
  if (!sink || options.rest_port == 0) return sink;
  return dectris::with_rest(std::move(*sink), options.rest_port, (*protocol)->name == "dectris2");
}

}  // namespace bragglive
