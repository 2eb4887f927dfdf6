// Merlin: raw pixels, the simulator, and a server that misbehaves as real ones have.
#include <thread>

#include "streams/frame_sink.hpp"
#include "streams/merlin/frame_header.hpp"
#include "streams/merlin/pixels.hpp"
#include "streams/merlin/receiver.hpp"
#include "streams/tcp/tcp_socket.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;
using namespace std::chrono_literals;

namespace {

std::string frame_header(int sequence, const char* type, int width, int height, int chips, int depth,
                         std::size_t offset = 384) {
  std::string text = fmt::format(
      "MQ1,{:06},{:05},{:02},{:04},{:04},{},   2x2,0f,2026-01-01 00:00:00.0,0.1,0,0,0,3RX,001,MQ1A,"
      "2026-01-01T00:00:00Z,100000ns,{},",
      sequence, offset, chips, width, height, type, depth);
  text.resize(offset, '\0');
  return text;
}

std::string mpx(const std::string& payload) {
  return fmt::format("MPX,{:010},", payload.size() + 1) + payload;
}

std::string acquisition(int frames, int per_trigger = 1) {
  std::string text = fmt::format(
      "HDR,\t\r\nFrames in Acquisition (Number):\t{}\r\nFrames per Trigger (Number):\t{}\r\nEnd\t", frames,
      per_trigger);
  text.resize(2044, ' ');
  return text;
}

// Raw rows as the chips shift them out, built from the picture by the rule's definition.
std::string raw_row(const std::vector<std::uint16_t>& pixels, int depth) {
  std::string row;
  if (depth == 12)
    for (std::size_t g = 0; g < pixels.size(); g += 4)
      for (std::size_t k = 4; k-- > 0;) {
        row += static_cast<char>(pixels[g + k] >> 8);
        row += static_cast<char>(pixels[g + k] & 0xff);
      }
  if (depth == 6)
    for (std::size_t g = 0; g < pixels.size(); g += 8)
      for (std::size_t k = 8; k-- > 0;) row += static_cast<char>(pixels[g + k]);
  if (depth == 1)
    for (std::size_t g = 0; g < pixels.size(); g += 64)
      for (std::size_t byte = 8; byte-- > 0;) {
        unsigned value = 0;
        for (std::size_t bit = 0; bit < 8; ++bit) value |= (pixels[g + 8 * byte + bit] & 1U) << bit;
        row += static_cast<char>(value);
      }
  return row;
}

std::uint16_t value_at(std::size_t row, std::size_t col, int depth) {
  return static_cast<std::uint16_t>((row * 131 + col * 7 + row * col) % (1U << depth));
}

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// A server under the test's control on a port that was free a moment ago.
struct Server {
  TcpSocket listener, client;
  std::string uri;
  std::unique_ptr<FrameSource> source;
  explicit Server(SourceOptions options = {}) {
    static std::uint16_t port = static_cast<std::uint16_t>(20000 + ::getpid() % 20000);
    for (int tries = 0; tries < 50 && !listener.open(); ++tries)
      if (auto bound = TcpSocket::listen({"127.0.0.1", ++port})) listener = std::move(*bound);
    REQUIRE(listener.open());
    uri = fmt::format("tcp://127.0.0.1:{}", port);
    options.protocol = "merlin";
    source = std::move(*open_source(uri, options));
    CHECK(std::holds_alternative<Idle>(source->next(20ms)));
    accept();
  }
  void accept() {
    auto accepted = listener.accept(std::chrono::steady_clock::now() + 2s);
    REQUIRE(accepted);
    client = std::move(*accepted);
  }
  void send(const std::string& text) {
    REQUIRE(client.send_all(bytes(text), std::chrono::steady_clock::now() + 2s));
  }
  template <class Event>
  Event expect() {
    auto event = source->next(2s);
    REQUIRE(std::holds_alternative<Event>(event));
    return std::get<Event>(std::move(event));
  }
};

std::string u16_frame(int sequence) {
  return frame_header(sequence, "U16", 8, 8, 1, 12) + std::string(128, static_cast<char>(sequence));
}

}  // namespace

TEST_CASE("raw Merlin pixels of one chip and of a quad are put in order") {
  for (int depth : {1, 6, 12}) {
    for (bool quad : {false, true}) {
      CAPTURE(depth, quad);
      const std::size_t chip = 64, rows = quad ? 2 * chip : chip, cols = rows;
      const std::string text = frame_header(1, "R64", static_cast<int>(quad ? 4 * chip : chip),
                                            static_cast<int>(chip), quad ? 4 : 1, depth, 768);
      const auto header = merlin::parse_frame_header(bytes(text));
      REQUIRE(header);
      CHECK(header->offset == 768);
      CHECK(header->frame_shape() ==
            FrameShape{static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)});
      const auto picture_row = [&](std::size_t row, std::size_t first, bool turned) {
        std::vector<std::uint16_t> pixels(chip);
        for (std::size_t i = 0; i < chip; ++i)
          pixels[i] = value_at(row, turned ? first + chip - 1 - i : first + i, depth);
        return raw_row(pixels, depth);
      };
      std::string raw;
      for (std::size_t row = 0; row < chip; ++row) {
        const std::size_t lower = rows - 1 - row;
        // In each raw row: chips 4 | 3 | 2 | 1; 4 is the lower right one, 1 the upper left one.
        if (quad)
          raw += picture_row(lower, chip, true) + picture_row(lower, 0, true) + picture_row(row, chip, false);
        raw += picture_row(row, 0, false);
      }
      REQUIRE(raw.size() == header->payload_bytes());
      std::vector<std::byte> out(rows * cols * bytes_per_pixel(header->pixel_type()));
      merlin::to_pixels(*header, bytes(raw), out);
      std::size_t wrong = 0;
      for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t col = 0; col < cols; ++col) {
          const std::size_t i = row * cols + col;
          const unsigned got = depth == 12 ? std::to_integer<unsigned>(out[2 * i]) +
                                                 256 * std::to_integer<unsigned>(out[2 * i + 1])
                                           : std::to_integer<unsigned>(out[i]);
          if (got != value_at(row, col, depth)) ++wrong;
        }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("raw 24 bit: the high half comes first") {
  const std::string text = frame_header(1, "R64", 128, 2, 1, 24);
  const auto header = merlin::parse_frame_header(bytes(text));
  REQUIRE(header);
  CHECK(header->frame_shape() == FrameShape{2, 64});
  std::string raw;
  for (std::uint16_t part : {std::uint16_t{3}, std::uint16_t{5}})
    for (int row = 0; row < 2; ++row) raw += raw_row(std::vector<std::uint16_t>(64, part), 12);
  REQUIRE(raw.size() == header->payload_bytes());
  std::vector<std::byte> out(2 * 64 * 4);
  merlin::to_pixels(*header, bytes(raw), out);
  CHECK(std::to_integer<unsigned>(out[0]) + 256 * std::to_integer<unsigned>(out[1]) == 3 * 4096 + 5);
}

TEST_CASE(".mib: damaged frames are counted, whole ones are read") {
  const TemporaryFolder folder;
  const std::string file = folder.file("a.mib");
  std::string second = u16_frame(2);
  second[0] = 'X';
  write_file(file, u16_frame(1) + second + u16_frame(3) + u16_frame(4).substr(0, 400));
  const auto scan = collect(file);
  CHECK(scan.start.scan == ScanShape{1, 4});
  CHECK(scan.frames.size() == 2);
  REQUIRE(scan.bad.size() == 2);
  CHECK(scan.bad[0].scan_index == 1);
  CHECK(scan.bad[1].scan_index == 3);
  write_file(folder.file("a.hdr"), acquisition(4, 2));
  CHECK(collect(file).start.scan == ScanShape{2, 2});
  write_file(file, u16_frame(1).substr(0, 300));
  CHECK(open_error(file).find("cut short") != std::string::npos);
  for (const char* bad :
       {"MQ1,x,00384,01,0008,0008,U16,   1x1,", "MQ1,000001,99999,01,0008,0008,U16,   1x1,",
        "MQ1,000001,00384,01,0000,0008,U16,   1x1,", "MQ1,000001,00384,01,0008,0008,U99,   1x1,", "MQ1,"}) {
    write_file(file, bad + std::string(1000, 'x'));
    CHECK(open_error(file).find("no Merlin frame header") != std::string::npos);
  }
}

TEST_CASE("Merlin over TCP: the simulated detector") {
  for (PixelType pixel : {PixelType::u8, PixelType::u16, PixelType::u32}) {
    Server server;
    server.client.close();
    server.listener.close();
    SinkOptions sink_options;
    sink_options.protocol = "merlin";
    auto sink = open_sink(server.uri, sink_options);
    REQUIRE(sink);
    ScanStart start;
    start.scan = {2, 3};
    start.frame = {16, 8};
    start.pixel = pixel;
    std::jthread detector([&] {
      static_cast<void>((*sink)->start(start));
      for (std::uint64_t i = 0; i < 6; ++i) {
        FrameMessage frame;
        frame.scan_index = i;
        frame.payload = Payload(
            std::vector<std::byte>(128 * bytes_per_pixel(pixel), static_cast<std::byte>(i + 1)),
            +[](const std::vector<std::byte>& b) { return std::span<const std::byte>(b); });
        static_cast<void>((*sink)->frame(std::move(frame)));
      }
    });
    const auto got = collect(*server.source);
    CHECK(got.start.scan == ScanShape{2, 3});
    CHECK(got.start.frame == FrameShape{16, 8});
    CHECK(got.start.pixel == pixel);
    CHECK(got.ended);
    REQUIRE(got.frames.size() == 6);
    CHECK(got.frames.at(5) == std::vector<std::byte>(128 * bytes_per_pixel(pixel), std::byte{6}));
  }
}

TEST_CASE("Merlin over TCP: garbage, wrong lengths, a late header, a lost connection") {
  Server server;
  server.send(mpx(u16_frame(1)));
  CHECK(server.expect<BadMessage>().error.message.find("before the acquisition's header") !=
        std::string::npos);
  server.send("MPMPX,MPX,12" + mpx(acquisition(4, 2)));  // garbage that looks like the mark
  CHECK(server.expect<BadMessage>().error.message.find("skipped") != std::string::npos);
  server.send(mpx(u16_frame(1)));
  const auto start = server.expect<ScanStart>();
  CHECK(start.scan == ScanShape{2, 2});
  CHECK(server.expect<FrameMessage>().scan_index == 0);
  server.send(mpx(u16_frame(2).substr(0, 500)));
  CHECK(server.expect<BadMessage>().scan_index == 1);
  server.send(mpx(frame_header(3, "U16", 8, 4, 1, 12) + std::string(64, 'x')));
  CHECK(server.expect<BadMessage>().scan_index == 2);
  const std::string half = mpx(u16_frame(3));
  server.send(half.substr(0, 200));
  server.client.close();
  CHECK(server.expect<BadMessage>().error.message.find("skipped") != std::string::npos);
  CHECK(std::holds_alternative<Idle>(server.source->next(20ms)));
  server.accept();
  server.send(mpx(u16_frame(4)));
  CHECK(server.expect<FrameMessage>().scan_index == 3);
  server.expect<ScanEnd>();
  server.send(mpx(acquisition(1)) + mpx(u16_frame(1)));
  CHECK(server.expect<ScanStart>().series_id == 2);
}

TEST_CASE("Merlin over TCP: messages that claim too much or come in crumbs") {
  Server server;
  server.send("MPX,9999999999," + std::string(40, 'x') + mpx(acquisition(1)));
  server.expect<BadMessage>();
  for (char c : mpx(u16_frame(1))) server.send(std::string(1, c));
  server.expect<ScanStart>();
  server.expect<FrameMessage>();
  server.expect<ScanEnd>();
}
