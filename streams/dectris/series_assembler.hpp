// Turns the messages of a DECTRIS stream into the events of a frame source; knows nothing of sockets.
#pragma once
#include <optional>

#include "streams/dectris/messages.hpp"
#include "streams/event_queue.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::dectris {

class SeriesAssembler {
 public:
  explicit SeriesAssembler(SourceOptions options) : options_(std::move(options)) {}

  // `take(bytes)` makes a payload of bytes that lie inside the message without copying them.
  using Take = std::function<Payload(std::span<const std::byte> bytes)>;
  void on(Message message, const Take& take);
  void on_broken(ParseError error);

  bool empty() const { return events_.empty(); }
  SourceEvent pop() { return events_.pop(); }

 private:
  void on_start(SeriesStart start);
  void on_image(const Image& image, const Take& take);
  void on_end(const SeriesEnd& end);
  // false: no scan can be started from this image; the reason has been queued.
  bool begin_scan(const Image& image, const ImageData& data);
  const ImageData* choose_channel(const Image& image) const;
  // The shape from the options, from what the series says of itself, or one row.
  ScanShape shape_of(std::uint64_t series, std::uint64_t expected);

  const SourceOptions options_;
  EventQueue events_;
  std::optional<SeriesStart> header_;         // of the last series that was announced
  std::optional<ScanStart> scan_;             // of the series whose images come
  ScanPath path_;                             // of that scan, where the series says it
  std::optional<std::uint64_t> last_series_;  // that was begun; its images may still come when it has ended
};

}  // namespace bragglive::dectris
