// DECTRIS streams over real sockets: recorded series bit for bit, our simulators, and the deviations that the
// field knows.
#include <unistd.h>
#include <zlib.h>

#include <set>
#include <zmq.hpp>

#include "streams/codec/codec.hpp"
#include "streams/dectris/cbor_writer.hpp"
#include "streams/frame_sink.hpp"
#include "tests/shared_data.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;
using namespace std::chrono_literals;

namespace {

using Bytes = std::vector<std::byte>;

std::string fresh_ipc() {
  static int number = 0;
  return fmt::format("ipc:///tmp/bragglive-dectris-{}-{}", ::getpid(), ++number);
}

Bytes text(std::string_view value) {
  const auto bytes = std::as_bytes(std::span(value));
  return {bytes.begin(), bytes.end()};
}

Bytes shared_bytes(const std::string& relative) {
  std::ifstream in(shared_path(relative), std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(in)), {});
  return text(all);
}

// A detector made by hand: sends whatever parts it is given.
struct Detector {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::push};
  std::unique_ptr<FrameSource> source;
  std::vector<std::string> log;

  explicit Detector(const std::string& protocol, SourceOptions options = {}) {
    const std::string address = fresh_ipc();
    socket.bind(address);
    options.protocol = protocol;
    options.log = [this](LogLevel, std::string_view line) { log.emplace_back(line); };
    source = std::move(*open_source(address, options));
  }
  void send(const std::vector<Bytes>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      socket.send(zmq::buffer(parts[i].data(), parts[i].size()),
                  i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
  SourceEvent next() { return source->next(2s); }
  template <class Event>
  Event expect() {
    auto event = next();
    if (const auto* bad = std::get_if<BadMessage>(&event)) INFO(bad->error.message);
    REQUIRE(std::holds_alternative<Event>(event));
    return std::get<Event>(std::move(event));
  }
  std::string bad() { return expect<BadMessage>().error.message; }
  bool silent() { return std::holds_alternative<Idle>(source->next(50ms)); }
};

Bytes header1(int series, int triggers, const char* detail = "basic") {
  return text(fmt::format(R"({{"htype":"dheader-1.0","series":{},"header_detail":"{}","unused":{}}})", series,
                          detail, triggers));
}
Bytes config1(int triggers) {
  return text(fmt::format(
      R"({{"nimages":1,"ntrigger":{},"trigger_mode":"exte","bit_depth_image":16,"photon_energy":3.0e5}})",
      triggers));
}
std::vector<Bytes> image1(int series, int number, const std::string& encoding, const Bytes& blob,
                          const std::string& type = "uint16", const std::string& shape = "[16,8]") {
  return {
      text(fmt::format(R"({{"htype":"dimage-1.0","series":{},"frame":{},"hash":"wrong"}})", series, number)),
      text(fmt::format(R"({{"htype":"dimage_d-1.0","shape":{},"type":"{}","encoding":"{}","size":{}}})",
                       shape, type, encoding, blob.size())),
      blob, text(R"({"htype":"dconfig-1.0","start_time":5,"stop_time":6,"real_time":1})")};
}
Bytes end1(int series) {
  return text(fmt::format(R"({{"htype":"dseries_end-1.0","series":{}}})", series));
}

constexpr FrameShape k_shape{8, 16};
Bytes some_pixels(std::size_t pixel_bytes = 2) {
  Bytes pixels(k_shape.pixels() * pixel_bytes);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::byte>(i * 7 % 251);
  return pixels;
}

Bytes decoded(const ScanStart& start, const FrameMessage& frame) {
  Bytes pixels(start.frame.pixels() * bytes_per_pixel(start.pixel));
  const auto done = decode_payload(start.encoding, start.frame, start.pixel, frame.payload.bytes(), pixels);
  REQUIRE(done);
  return pixels;
}

unsigned long crc(unsigned long so_far, const Bytes& bytes) {
  return crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

}  // namespace

TEST_CASE("stream v1: the recorded EIGER2 series decodes bit for bit") {
  const std::string folder = "data/streams/dectris-v1-eiger2-series71/";
  if (!have_shared(folder)) return;
  std::vector<Bytes> parts;
  for (int i = 1; i <= 49; ++i) parts.push_back(shared_bytes(fmt::format("{}part.{:03}", folder, i)));
  Detector detector("dectris1");
  detector.send({parts.begin(), parts.begin() + 8});
  for (int i = 0; i < 10; ++i) detector.send({parts.begin() + 8 + 4 * i, parts.begin() + 12 + 4 * i});
  detector.send({parts.back()});
  const auto start = detector.expect<ScanStart>();
  CHECK(start.series_id == 71);
  CHECK(start.scan == ScanShape{1, 10});
  CHECK(start.frame == FrameShape{1062, 1028});
  CHECK(start.pixel == PixelType::u32);
  CHECK(start.encoding == Encoding::lz4);
  CHECK(start.metadata.at("description") == "Dectris EIGER2 Si 1M");
  CHECK(start.metadata.at("trigger_mode") == "ints");
  unsigned long sum = 0;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const auto frame = detector.expect<FrameMessage>();
    CHECK(frame.scan_index == i);
    sum = crc(sum, decoded(start, frame));
  }
  CHECK(sum == 0x984b6b08);
  detector.expect<ScanEnd>();
}

TEST_CASE("stream v2: the recorded EIGER2 16M frame decodes bit for bit") {
  const std::string folder = "data/streams/dectris-v2-tickit/";
  if (!have_shared(folder)) return;
  Detector detector("dectris2");
  for (const char* name : {"start.cbor", "image.cbor", "end.cbor"})
    detector.send({shared_bytes(folder + name)});
  const auto start = detector.expect<ScanStart>();
  CHECK(start.series_id == 15614);
  CHECK(start.scan == ScanShape{1, 1});
  CHECK(start.frame == FrameShape{4362, 4148});
  CHECK(start.encoding == Encoding::bslz4);
  CHECK(start.metadata.at("detector_description") == "Dectris EIGER2 Si 16M");
  CHECK(crc(0, decoded(start, detector.expect<FrameMessage>())) == 0xe3bbb4f4);
  detector.expect<ScanEnd>();
  const Bytes blob = shared_bytes(folder + "frame_sample");
  Bytes pixels(std::size_t{4362} * 4148 * 2);
  REQUIRE(decode_bslz4(blob, 2, pixels));
  CHECK(crc(0, pixels) == 0x0a9eb5ad);
}

TEST_CASE("our detectors speak to our receivers in every encoding and pixel type") {
  for (const std::string protocol : {"dectris1", "dectris2"})
    for (Encoding encoding : {Encoding::none, Encoding::lz4, Encoding::bslz4, Encoding::hdf5_lz4})
      for (PixelType pixel : {PixelType::u8, PixelType::u16, PixelType::u32, PixelType::f32}) {
        if (protocol == "dectris1" && (encoding == Encoding::hdf5_lz4 || pixel == PixelType::f32)) continue;
        CAPTURE(protocol, static_cast<int>(encoding), static_cast<int>(pixel));
        const std::string address = fresh_ipc();
        SinkOptions sink_options;
        sink_options.protocol = protocol;
        auto sink = open_sink(address, sink_options);
        SourceOptions options;
        options.protocol = protocol;
        auto source = open_source(address, options);
        REQUIRE(source);
        ScanStart start;
        start.series_id = 12;
        start.scan = {2, 2};
        start.frame = {37, 53};  // leaves a tail behind the last whole group of eight
        start.pixel = pixel;
        start.encoding = encoding;
        REQUIRE((*sink)->start(start));
        Bytes pixels(start.frame.pixels() * bytes_per_pixel(pixel));
        for (std::uint64_t i = 0; i < 4; ++i) {
          for (std::size_t k = 0; k < pixels.size(); ++k)
            pixels[k] = static_cast<std::byte>((k * k + i) % 11);
          Bytes packed;
          REQUIRE(encode_payload(encoding, start.frame, pixel, pixels, packed));
          FrameMessage frame;
          frame.series_id = 12;
          frame.scan_index = frame.frame_number = i;
          frame.payload = Payload(
              std::move(packed), +[](const Bytes& b) { return std::span<const std::byte>(b); });
          REQUIRE((*sink)->frame(std::move(frame)));
        }
        REQUIRE((*sink)->end({12, 4}));
        const auto got = collect(**source);
        CHECK(got.start.scan == start.scan);  // from the appendix or the user data
        CHECK(got.start.frame == start.frame);
        CHECK(got.ended);
        REQUIRE(got.frames.size() == 4);
        CHECK(got.frames.at(3) == pixels);
      }
}

TEST_CASE("stream v1: header details, appendices and split headers") {
  const Bytes pixels = some_pixels();
  for (int variant = 0; variant < 4; ++variant) {
    CAPTURE(variant);
    Detector detector("dectris1");
    if (variant == 0) detector.send({header1(1, 2), config1(2)});
    if (variant == 1) {  // two messages, as a simulator sends them
      detector.send({header1(1, 2)});
      detector.send({config1(2)});
    }
    if (variant == 2)
      detector.send({header1(1, 2, "all"),
                     config1(2),
                     text(R"({"htype":"dflatfield-1.0","shape":[],"type":"undefined"})"),
                     {},
                     text(R"({"htype":"dpixelmask-1.0","shape":[2,1],"type":"uint32"})"),
                     Bytes{std::byte{0}, {}, {}, {}, std::byte{1}, {}, {}, {}},
                     text(R"({"htype":"dcountrate_table-1.0","shape":[2,1],"type":"float32"})"),
                     Bytes(8),
                     text("my appendix")});
    if (variant == 3) {  // nothing announced, a length given by the user
      detector.send({header1(1, 2, "none")});
    }
    auto image = image1(1, 0, "<", pixels);
    if (variant == 2) image.push_back(text("image appendix"));
    detector.send(image);
    if (variant == 3) {
      CHECK(detector.bad().find("give --scan") != std::string::npos);
      continue;
    }
    const auto start = detector.expect<ScanStart>();
    CHECK(start.expected_frames == 2);
    CHECK(start.frame == k_shape);
    CHECK(start.metadata.at("photon_energy") == "300000.0");
    if (variant == 2) {
      CHECK(start.metadata.at("masked_pixels") == "1");
      CHECK(start.metadata.at("header_appendix") == "my appendix");
    }
    CHECK(decoded(start, detector.expect<FrameMessage>()) == pixels);
    detector.send({end1(1)});
    detector.expect<ScanEnd>();
  }
}

TEST_CASE("stream v1: encodings of every width and byte order, changing inside a series") {
  Detector detector("dectris1");
  detector.send({header1(1, 9), config1(9)});
  const Bytes pixels = some_pixels();
  Bytes swapped = pixels, packed, zero_header;
  for (std::size_t i = 0; i < swapped.size(); i += 2) std::swap(swapped[i], swapped[i + 1]);
  REQUIRE(encode_bslz4(pixels, 2, packed));
  detector.send(image1(1, 0, "bs16-lz4<", packed));
  const auto start = detector.expect<ScanStart>();
  CHECK(start.encoding == Encoding::bslz4);
  CHECK(decoded(start, detector.expect<FrameMessage>()) == pixels);
  zero_header = packed;
  std::fill_n(zero_header.begin(), 12, std::byte{0});
  const auto check = [&](int number, const char* encoding, const Bytes& blob) {
    CAPTURE(encoding);
    detector.send(image1(1, number, encoding, blob));
    CHECK(decoded(start, detector.expect<FrameMessage>()) == pixels);
  };
  check(1, "bs16-lz4<", zero_header);
  check(2, "bs16lz4<", packed);
  check(3, "<", pixels);
  check(4, ">", swapped);
  REQUIRE(encode_bslz4(pixels, 1, packed));
  check(5, "bs8-lz4<", packed);
  REQUIRE(encode_bslz4(pixels, 4, packed));
  check(6, "bs32-lz4<", packed);
  REQUIRE(encode_lz4(pixels, packed));
  check(7, "lz4<", packed);
  REQUIRE(encode_lz4(swapped, packed));
  check(8, "lz4>", packed);
}

TEST_CASE("stream v1: what goes wrong is said and counted, the series goes on") {
  Detector detector("dectris1");
  const Bytes pixels = some_pixels();
  detector.send({end1(70)});  // a stray end first
  detector.send(image1(1, 0, "<", pixels));
  CHECK(detector.bad().find("before the detector is armed") != std::string::npos);
  detector.send({header1(1, 8), config1(8)});
  detector.send(image1(1, 0, "<", pixels));
  detector.expect<ScanStart>();
  detector.expect<FrameMessage>();
  detector.send(image1(1, 1, "zip<", pixels));
  CHECK(detector.expect<BadMessage>().scan_index == 1);
  detector.send(image1(1, 2, "<", pixels, "uint16", "[16,9]"));
  CHECK(detector.bad().find("9x16") != std::string::npos);
  detector.send(image1(1, 2, "<", pixels, "int7"));
  CHECK(detector.bad().find("type") != std::string::npos);
  detector.send(image1(1, 2, "<", pixels, "uint16", "[99999999,99999999]"));
  detector.bad();
  auto wrong_size = image1(1, 3, "<", pixels);
  wrong_size[2].pop_back();
  detector.send(wrong_size);
  CHECK(detector.expect<BadMessage>().scan_index == 3);
  detector.send({image1(1, 4, "<", pixels)[0]});
  CHECK(detector.expect<BadMessage>().scan_index == 4);
  detector.send({text("{\"htype\":\"party-1.0\"}")});
  CHECK(detector.bad().find("party") != std::string::npos);
  detector.send({Bytes(100)});
  detector.bad();
  detector.send({{}});
  detector.bad();
  detector.send({text(std::string(50'000, '['))});
  detector.bad();
  detector.send(image1(1, 5, "<", pixels));
  CHECK(detector.expect<FrameMessage>().scan_index == 5);
}

TEST_CASE("stream v1: leftovers of an aborted series are stale, the next one begins") {
  Detector detector("dectris1");
  const Bytes pixels = some_pixels();
  detector.send({header1(5, 4), config1(4)});
  detector.send(image1(5, 0, "<", pixels));
  detector.expect<ScanStart>();
  detector.expect<FrameMessage>();
  detector.send({header1(6, 4), config1(4)});  // no end of series 5
  detector.send(image1(6, 0, "<", pixels));
  CHECK(detector.expect<ScanStart>().series_id == 6);
  detector.expect<FrameMessage>();
  detector.send(image1(5, 1, "<", pixels));
  CHECK(detector.expect<FrameMessage>().series_id == 5);
  detector.send(image1(6, 1, "<", pixels));
  CHECK(detector.expect<FrameMessage>().series_id == 6);
  detector.send({end1(6)});
  detector.expect<ScanEnd>();
  detector.send({header1(7, 4), config1(4)});
  detector.send({end1(7)});
  CHECK(detector.bad().find("without an image") != std::string::npos);
}

TEST_CASE("connected after the arm: a scan shape given by hand is enough") {
  SourceOptions options;
  options.scan = ScanShape{3, 4};
  Detector detector("dectris1", options);
  detector.send(image1(9, 5, "<", some_pixels()));
  CHECK(detector.expect<ScanStart>().scan == ScanShape{3, 4});
  CHECK(detector.expect<FrameMessage>().scan_index == 5);
  REQUIRE(detector.log.size() == 1);
  CHECK(detector.log[0].find("began before") != std::string::npos);
}

TEST_CASE("images that are left of a series that has ended begin no scan of their own") {
  SourceOptions options;
  options.scan = ScanShape{1, 2};
  Detector detector("dectris1", options);
  detector.send({header1(7, 2), config1(2)});
  detector.send(image1(7, 0, "<", some_pixels()));
  detector.send({end1(7)});
  detector.send(image1(7, 1, "<", some_pixels()));
  detector.send(image1(6, 1, "<", some_pixels()));
  detector.send({header1(8, 2), config1(2)});
  detector.send(image1(8, 0, "<", some_pixels()));
  CHECK(detector.expect<ScanStart>().series_id == 7);
  CHECK(detector.expect<FrameMessage>().series_id == 7);
  detector.expect<ScanEnd>();
  CHECK(detector.expect<FrameMessage>().series_id == 7);  // for the engine to count
  CHECK(detector.expect<FrameMessage>().series_id == 6);
  CHECK(detector.expect<ScanStart>().series_id == 8);
}
