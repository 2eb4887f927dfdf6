#include "streams/codec/codec.hpp"
#include "streams/dectris/cbor_writer.hpp"
#include "streams/dectris/senders.hpp"
#include "streams/zmq/message_writer.hpp"

namespace bragglive::dectris {
namespace {

constexpr std::uint64_t k_tag_self_described = 55799, k_tag_multi_dim_array = 40, k_tag_compressed = 56500;
constexpr const char* k_channel = "threshold_1";
constexpr std::uint64_t k_time_base = 50'000'000;  // ticks a second

std::uint64_t typed_array_tag(PixelType pixel) {
  switch (pixel) {
    case PixelType::u8:
      return 64;
    case PixelType::u16:
      return 69;
    case PixelType::u32:
      return 70;
    case PixelType::f32:
      return 85;
  }
  return 0;
}

class Stream2Sender final : public FrameSink {
 public:
  Stream2Sender(std::unique_ptr<MessageWriter> writer, std::string description)
      : writer_(std::move(writer)), description_(std::move(description)) {}

  Expected<void> start(const ScanStart& start) override {
    if (auto ready = writer_->wait_for_receiver(); !ready) return ready;
    start_ = start;
    unique_id_ = fmt::format("01BRAGGLIVE{:015}", start.series_id % 1'000'000'000'000'000);
    const std::uint64_t frames = start.expected_frames != 0 ? start.expected_frames : start.scan.positions();
    CborWriter cbor;
    cbor.tag(k_tag_self_described).map(15);
    cbor.text("type")
        .text("start")
        .text("series_id")
        .number(start.series_id)
        .text("series_unique_id")
        .text(unique_id_);
    cbor.text("arm_date").tag(0).text("2026-01-01T00:00:00.000000+00:00");
    cbor.text("channels").array(1).text(k_channel);
    cbor.text("detector_description").text("bragglive simulated DECTRIS detector");
    cbor.text("image_dtype").text(name_of(start.pixel));
    cbor.text("image_size_x").number(start.frame.cols).text("image_size_y").number(start.frame.rows);
    cbor.text("number_of_images").number(frames);
    cbor.text("frame_time").real(1e-4).text("count_time").real(1e-4);
    cbor.text("pixel_mask_enabled").boolean(true);
    cbor.text("pixel_mask").map(1).text(k_channel).tag(k_tag_multi_dim_array).array(2);
    cbor.array(2).number(start.frame.rows).number(start.frame.cols);
    cbor.tag(70).bytes(std::vector<std::byte>(4 * start.frame.pixels()));
    cbor.text("user_data")
        .map(2)
        .text("scan_rows")
        .number(start.scan.rows)
        .text("scan_cols")
        .number(start.scan.cols);
    return writer_->send(cbor.take(), false);
  }

  Expected<void> frame(FrameMessage frame) override {
    CborWriter cbor;
    cbor.tag(k_tag_self_described).map(8);
    cbor.text("type")
        .text("image")
        .text("series_id")
        .number(frame.series_id)
        .text("series_unique_id")
        .text(unique_id_);
    cbor.text("image_id").number(frame.scan_index);
    for (const char* key : {"start_time", "stop_time", "real_time"})
      cbor.text(key).array(2).number(frame.timestamp_ns / (1'000'000'000 / k_time_base)).number(k_time_base);
    cbor.text("data").map(1).text(k_channel).tag(k_tag_multi_dim_array).array(2);
    cbor.array(2).number(start_.frame.rows).number(start_.frame.cols).tag(typed_array_tag(start_.pixel));
    const auto bytes = frame.payload.bytes();
    switch (start_.encoding) {
      case Encoding::none:
        cbor.bytes(bytes);
        break;
      case Encoding::bslz4:
        cbor.tag(k_tag_compressed).array(3).text("bslz4").number(bytes_per_pixel(start_.pixel)).bytes(bytes);
        break;
      case Encoding::hdf5_lz4:
        cbor.tag(k_tag_compressed).array(3).text("lz4").number(0).bytes(bytes);
        break;
      case Encoding::lz4:
        cbor.tag(k_tag_compressed).array(3).text("lz4").number(0).bytes(one_block(bytes));
        break;
    }
    return writer_->send(cbor.take(), false);
  }

  Expected<void> end(const ScanEnd& end) override {
    CborWriter cbor;
    cbor.tag(k_tag_self_described).map(3).text("type").text("end").text("series_id").number(end.series_id);
    cbor.text("series_unique_id").text(unique_id_);
    return writer_->send_farewell(cbor.take());
  }

  Expected<void> garbage(std::span<const std::byte> bytes) override {
    return writer_->send(std::vector<std::byte>(bytes.begin(), bytes.end()), false);
  }
  std::string description() const override { return description_; }

 private:
  std::vector<std::byte> one_block(std::span<const std::byte> block) const {
    const std::size_t frame_bytes = start_.frame.pixels() * bytes_per_pixel(start_.pixel);
    std::vector<std::byte> framed(16);
    store_big(framed.data(), static_cast<std::uint64_t>(frame_bytes));
    store_big(framed.data() + 8, static_cast<std::uint32_t>(frame_bytes));
    store_big(framed.data() + 12, static_cast<std::uint32_t>(block.size()));
    framed.insert(framed.end(), block.begin(), block.end());
    return framed;
  }

  std::unique_ptr<MessageWriter> writer_;
  const std::string description_;
  ScanStart start_;
  std::string unique_id_;
};

}  // namespace

Expected<std::unique_ptr<FrameSink>> open_stream2_sender(const std::string& uri, const SinkOptions& options) {
  WriterOptions writer_options;
  writer_options.patience = options.patience;
  auto writer = MessageWriter::open(uri, writer_options);
  if (!writer) return tl::unexpected(writer.error());
  std::string description = fmt::format("DECTRIS stream v2 at {}", (*writer)->address());
  return std::make_unique<Stream2Sender>(std::move(*writer), std::move(description));
}

}  // namespace bragglive::dectris
