#include <cstring>
#include <vector>

#include "streams/codec/byte_order.hpp"
#include "streams/merlin/receiver.hpp"
#include "streams/tcp/tcp_socket.hpp"

namespace bragglive::merlin {
namespace {

constexpr std::size_t k_header_bytes = 2044, k_frame_header_bytes = 384;

class Sender final : public FrameSink {
 public:
  Sender(TcpSocket listener, const SinkOptions& options, std::string description)
      : listener_(std::move(listener)), options_(options), description_(std::move(description)) {}

  Expected<void> start(const ScanStart& start) override {
    if (start.pixel == PixelType::f32)
      return fail(ErrorArea::usage, "a Merlin detector sends uint8, uint16 or uint32, not float32");
    if (!client_.open()) {
      auto client = listener_.accept(deadline());
      if (!client)
        return fail(ErrorArea::connection, "no receiver came to {} within {} s", description_, seconds());
      client_ = std::move(*client);
    }
    start_ = start;
    pixels_.resize(start.frame.pixels() * bytes_per_pixel(start.pixel));
    const std::uint64_t frames = start.expected_frames != 0 ? start.expected_frames : start.scan.positions();
    std::string text = fmt::format(
        "HDR,\t\nTime and Date Stamp (day, mnth, yr, hr, min, s):\t01/01/2026 00:00:00\nChip ID:\tsimulated\n"
        "Assembly Size (NX1, 2X2):\t   1x1\nCounter Depth (number):\t{}\nGain:\tSLGM\nFrames in Acquisition "
        "(Number):\t{}\n"
        "Frames per Trigger (Number):\t1\nSoftware Version:\tbragglive\nScanX:\t{}\nScanY:\t{}\nEnd\t",
        depth(), frames, start.scan.cols, start.scan.rows);
    text.resize(k_header_bytes, ' ');
    return send(text, {});
  }

  Expected<void> frame(FrameMessage frame) override {
    if (auto decoded =
            decode_payload(start_.encoding, start_.frame, start_.pixel, frame.payload.bytes(), pixels_);
        !decoded)
      return decoded;
    turn();
    std::string header = fmt::format(
        "MQ1,{:06},{:05},01,{:04},{:04},U{:02},   1x1,01,2026-01-01 00:00:00.000000,0.000100,0,0,0,"
        "0.000000E+0,0.000000E+0,0.000000E+0,0.000000E+0,0.000000E+0,0.000000E+0,0.000000E+0,0.000000E+0,3RX,"
        "MQ1A,2026-01-01T00:00:00.000000000Z,100000ns,{},",
        frame.scan_index + 1, k_frame_header_bytes, start_.frame.cols, start_.frame.rows,
        8 * bytes_per_pixel(start_.pixel), depth());
    header.resize(k_frame_header_bytes, '\0');
    return send(header, pixels_);
  }

  Expected<void> end(const ScanEnd&) override { return {}; }  // Merlin says nothing at the end
  Expected<void> garbage(std::span<const std::byte> bytes) override { return deliver(bytes); }
  std::string description() const override { return description_; }

 private:
  Deadline deadline() const { return std::chrono::steady_clock::now() + options_.patience; }
  double seconds() const { return std::chrono::duration<double>(options_.patience).count(); }
  int depth() const { return start_.pixel == PixelType::u8 ? 6 : start_.pixel == PixelType::u16 ? 12 : 24; }

  void turn() {
    if (start_.pixel == PixelType::u16)
      for (std::size_t i = 0; i < pixels_.size(); i += 2)
        store_big(pixels_.data() + i, load_little<std::uint16_t>(pixels_.data() + i));
    if (start_.pixel == PixelType::u32)
      for (std::size_t i = 0; i < pixels_.size(); i += 4)
        store_big(pixels_.data() + i, load_little<std::uint32_t>(pixels_.data() + i));
  }

  Expected<void> send(const std::string& header, std::span<const std::byte> pixels) {
    const std::string prefix = fmt::format("MPX,{:010},", header.size() + pixels.size() + 1);
    if (auto sent = deliver(std::as_bytes(std::span(prefix))); !sent) return sent;
    if (auto sent = deliver(std::as_bytes(std::span(header))); !sent) return sent;
    return deliver(pixels);
  }

  Expected<void> deliver(std::span<const std::byte> bytes) {
    if (client_.send_all(bytes, deadline())) return {};
    client_.close();
    return fail(ErrorArea::connection, "the receiver at {} went away", description_);
  }

  TcpSocket listener_, client_;
  const SinkOptions options_;
  const std::string description_;
  ScanStart start_;
  std::vector<std::byte> pixels_;
};

}  // namespace

Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options) {
  auto address = parse_tcp_address(uri);
  if (!address) return tl::unexpected(address.error());
  auto listener = TcpSocket::listen(*address);
  if (!listener) return tl::unexpected(listener.error());
  return std::make_unique<Sender>(std::move(*listener), options,
                                  fmt::format("Merlin at {}:{}", address->host, address->port));
}

}  // namespace bragglive::merlin
