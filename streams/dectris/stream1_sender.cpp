#include <algorithm>
#include <nlohmann/json.hpp>

#include "streams/codec/codec.hpp"
#include "streams/dectris/senders.hpp"
#include "streams/zmq/message_writer.hpp"

namespace bragglive::dectris {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::byte> bytes_of(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string encoding_text(Encoding encoding, PixelType pixel) {
  switch (encoding) {
    case Encoding::lz4:
      return "lz4<";
    case Encoding::bslz4:
      return fmt::format("bs{}-lz4<", 8 * bytes_per_pixel(pixel));
    default:
      return "<";
  }
}

class Stream1Sender final : public FrameSink {
 public:
  Stream1Sender(std::unique_ptr<MessageWriter> writer, std::string description)
      : writer_(std::move(writer)), description_(std::move(description)) {}

  Expected<void> start(const ScanStart& start) override {
    if (start.encoding == Encoding::hdf5_lz4 || start.pixel == PixelType::f32)
      return fail(
          ErrorArea::usage,
          "DECTRIS stream v1 carries uint8, uint16 and uint32 as none, lz4 or bslz4; choose with --encoding");
    if (auto ready = writer_->wait_for_receiver(); !ready) return ready;
    start_ = start;
    const std::size_t pixels = start.frame.pixels();
    const std::vector<std::byte> flat_field(
        0);  // as real detectors send it when the correction is done inside
    const Json shape = {start.frame.cols, start.frame.rows};
    return send({bytes_of({{"htype", "dheader-1.0"}, {"series", start.series_id}, {"header_detail", "all"}}),
                 bytes_of(config(start)),
                 bytes_of({{"htype", "dflatfield-1.0"}, {"shape", Json::array()}, {"type", "undefined"}}),
                 flat_field, bytes_of({{"htype", "dpixelmask-1.0"}, {"shape", shape}, {"type", "uint32"}}),
                 std::vector<std::byte>(4 * pixels),
                 bytes_of({{"htype", "dcountrate_table-1.0"}, {"shape", {2, 2}}, {"type", "float32"}}),
                 std::vector<std::byte>(16),
                 bytes_of({{"scan_rows", start.scan.rows}, {"scan_cols", start.scan.cols}})});
  }

  Expected<void> frame(FrameMessage frame) override {
    const std::size_t size = frame.payload.bytes().size();
    const auto first = bytes_of({{"htype", "dimage-1.0"},
                                 {"series", frame.series_id},
                                 {"frame", frame.scan_index},
                                 {"hash", "00000000000000000000000000000000"}});
    const auto second = bytes_of({{"htype", "dimage_d-1.0"},
                                  {"shape", {start_.frame.cols, start_.frame.rows}},
                                  {"type", name_of(start_.pixel)},
                                  {"encoding", encoding_text(start_.encoding, start_.pixel)},
                                  {"size", size}});
    const auto last = bytes_of({{"htype", "dconfig-1.0"},
                                {"start_time", frame.timestamp_ns},
                                {"stop_time", frame.timestamp_ns},
                                {"real_time", 0}});
    if (auto sent = writer_->send(first, true); !sent) return sent;
    if (auto sent = writer_->send(second, true); !sent) return sent;
    if (auto sent = writer_->send(std::move(frame.payload), true); !sent) return sent;
    return writer_->send(last, false);
  }

  Expected<void> end(const ScanEnd& end) override {
    return writer_->send_farewell(bytes_of({{"htype", "dseries_end-1.0"}, {"series", end.series_id}}));
  }
  Expected<void> garbage(std::span<const std::byte> bytes) override {
    return send({{bytes.begin(), bytes.end()}});
  }
  std::string description() const override { return description_; }

 private:
  static Json config(const ScanStart& start) {
    const std::uint64_t frames = start.expected_frames != 0 ? start.expected_frames : start.scan.positions();
    Json config = {
        {"description", "bragglive simulated DECTRIS detector"},
        {"detector_number", "S-00-0000"},
        {"software_version", "1.8.0"},
        {"bit_depth_image", 8 * bytes_per_pixel(start.pixel)},
        {"bit_depth_readout", 16},
        {"compression", start.encoding == Encoding::none ? "none" : std::string(name_of(start.encoding))},
        {"nimages", 1},
        {"ntrigger", frames},
        {"trigger_mode", "exte"},
        {"count_time", 1e-4},
        {"frame_time", 1e-4},
        {"x_pixels_in_detector", start.frame.cols},
        {"y_pixels_in_detector", start.frame.rows},
        {"pixel_mask_applied", true},
        {"flatfield_correction_applied", true}};
    return config;
  }

  Expected<void> send(std::vector<std::vector<std::byte>> parts) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (auto sent = writer_->send(std::move(parts[i]), i + 1 < parts.size()); !sent) return sent;
    return {};
  }

  std::unique_ptr<MessageWriter> writer_;
  const std::string description_;
  ScanStart start_;
};

}  // namespace

Expected<std::unique_ptr<FrameSink>> open_stream1_sender(const std::string& uri, const SinkOptions& options) {
  WriterOptions writer_options;
  writer_options.patience = options.patience;
  writer_options.hwm = 1000;
  auto writer = MessageWriter::open(uri, writer_options);
  if (!writer) return tl::unexpected(writer.error());
  std::string description = fmt::format("DECTRIS stream v1 at {}", (*writer)->address());
  return std::make_unique<Stream1Sender>(std::move(*writer), std::move(description));
}

}  // namespace bragglive::dectris
