#include "streams/dectris/receiver.hpp"

#include <vector>

#include "streams/dectris/detector_watch.hpp"
#include "streams/dectris/series_assembler.hpp"
#include "streams/http/http_client.hpp"
#include "streams/zmq/message_reader.hpp"

namespace bragglive::dectris {
namespace {

constexpr int k_hwm = 4000;  // parts; an image of stream v1 has four

class Receiver final : public FrameSource {
 public:
  Receiver(std::unique_ptr<MessageReader> reader, const SourceOptions& options, bool version2,
           std::string description)
      : reader_(std::move(reader)),
        assembler_(options),
        version2_(version2),
        description_(std::move(description)) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (assembler_.empty()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (!reader_->read(left)) return Idle{};
      understand();
    }
    return assembler_.pop();
  }

  bool live() const override { return true; }
  std::string description() const override { return description_; }

 private:
  void understand() {
    parts_.clear();
    for (std::size_t i = 0; i < std::min(reader_->parts(), MessageReader::k_max_parts); ++i)
      parts_.push_back(reader_->part(i));
    auto message = version2_ ? parse_stream2(parts_[0]) : parse_stream1(parts_);
    if (!message) return assembler_.on_broken(std::move(message.error()));
    assembler_.on(std::move(*message), [this](std::span<const std::byte> bytes) { return take(bytes); });
  }

  // `bytes` lie in one of the parts.
  Payload take(std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::byte* begin = parts_[i].data();
      if (std::less_equal<>{}(begin, bytes.data()) &&
          std::less_equal<>{}(bytes.data() + bytes.size(), begin + parts_[i].size()) && !bytes.empty())
        return reader_->take(i, static_cast<std::size_t>(bytes.data() - begin), bytes.size());
    }
    return {};
  }

  std::unique_ptr<MessageReader> reader_;
  std::vector<std::span<const std::byte>> parts_;
  SeriesAssembler assembler_;
  const bool version2_;
  const std::string description_;
};

Expected<std::unique_ptr<FrameSource>> open(const std::string& uri, const SourceOptions& options,
                                            bool version2) {
  auto endpoint = parse_endpoint(uri);
  if (!endpoint) return tl::unexpected(endpoint.error());
  if (!endpoint->socket.empty() && endpoint->socket != "pull")
    return fail(ErrorArea::usage, "a DECTRIS receiver's socket is 'pull', not '{}'", endpoint->socket);
  ReaderOptions reader_options;
  reader_options.hwm = k_hwm;
  auto reader = MessageReader::open(*endpoint, reader_options);
  if (!reader) return tl::unexpected(reader.error());
  std::string description = fmt::format("DECTRIS stream v{} at {}", version2 ? 2 : 1, endpoint->address);
  auto receiver = std::make_unique<Receiver>(std::move(*reader), options, version2, std::move(description));
  if (options.rest.empty()) return receiver;
  auto server = parse_http_address(options.rest);
  if (!server) return tl::unexpected(server.error());
  return watched(std::move(receiver),
                 std::make_unique<DetectorWatch>(std::move(*server), version2, options.log));
}

}  // namespace

Expected<std::unique_ptr<FrameSource>> open_stream1(const std::string& uri, const SourceOptions& options) {
  return open(uri, options, false);
}

Expected<std::unique_ptr<FrameSource>> open_stream2(const std::string& uri, const SourceOptions& options) {
  return open(uri, options, true);
}

}  // namespace bragglive::dectris
