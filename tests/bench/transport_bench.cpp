// Frames a second from a sender to a receiver over loopback TCP, by protocol and encoding, beside the
// detector's rate (ARINA: 192x192 at about 20 kHz, of which 6,000 a second have to be labelled on two cores).
// Nothing is decoded: this is what transport alone costs.
#include <chrono>
#include <cstdio>
#include <thread>

#include "streams/codec/codec.hpp"
#include "streams/frame_sink.hpp"

using namespace bragglive;

namespace {

constexpr double k_required_hz = 6000;

Payload owned(std::vector<std::byte> bytes) {
  return Payload(
      std::move(bytes), +[](const std::vector<std::byte>& b) { return std::span<const std::byte>(b); });
}

void measure(const char* protocol, Encoding encoding, std::uint64_t frames) {
  const char* address = "tcp://127.0.0.1:47811";
  SinkOptions sink_options;
  sink_options.protocol = protocol;
  SourceOptions options;
  options.protocol = protocol;
  auto sink = open_sink(address, sink_options);
  auto source = open_source(address, options);
  if (!sink || !source) return;
  ScanStart start;
  start.series_id = 1;
  start.scan = {1, static_cast<std::uint32_t>(frames)};
  start.frame = {192, 192};
  start.encoding = encoding;
  std::vector<std::byte> pixels(start.frame.pixels() * 2), packed;
  for (std::size_t i = 0; i < pixels.size(); i += 2)
    pixels[i] = static_cast<std::byte>((i * 2654435761U >> 13) % 5);  // a few electrons a pixel
  if (!encode_payload(encoding, start.frame, start.pixel, pixels, packed)) return;
  std::jthread detector([&] {
    static_cast<void>((*sink)->start(start));
    for (std::uint64_t i = 0; i < frames; ++i) {
      FrameMessage frame;
      frame.series_id = 1;
      frame.frame_number = frame.scan_index = i;
      frame.payload = owned(packed);
      static_cast<void>((*sink)->frame(std::move(frame)));
    }
    static_cast<void>((*sink)->end({1, frames}));
  });
  std::uint64_t got = 0;
  std::chrono::steady_clock::time_point begin, last;
  while (got < frames) {
    const auto event = (*source)->next(std::chrono::seconds(5));
    if (std::holds_alternative<Idle>(event)) break;
    if (!std::holds_alternative<FrameMessage>(event)) continue;
    last = std::chrono::steady_clock::now();
    if (got++ == 0) begin = last;
  }
  const double rate = static_cast<double>(got - 1) / std::chrono::duration<double>(last - begin).count();
  std::printf(
      "%-9s %-6s %6.0f frames/s = %4.1f of the %.0f required, %5.2f GB/s on the wire, %llu of %llu arrived\n",
      protocol, std::string(name_of(encoding)).c_str(), rate, rate / k_required_hz, k_required_hz,
      rate * static_cast<double>(packed.size()) / 1e9, static_cast<unsigned long long>(got),
      static_cast<unsigned long long>(frames));
}

}  // namespace

int main() {
  for (const char* protocol : {"native", "dectris1", "dectris2"})
    for (Encoding encoding : {Encoding::none, Encoding::bslz4}) measure(protocol, encoding, 20000);
  measure("merlin", Encoding::none, 20000);
}
