#include "streams/dectris/series_assembler.hpp"

#include <algorithm>

#include "streams/dectris/announced_scan.hpp"
#include "streams/recordings/mapped_file.hpp"

namespace bragglive::dectris {

void SeriesAssembler::on_broken(ParseError error) {
  events_.bad(error.error.area, std::move(error.error.message), error.number);
}

void SeriesAssembler::on(Message message, const Take& take) {
  if (auto* start = std::get_if<SeriesStart>(&message)) return on_start(std::move(*start));
  if (const auto* image = std::get_if<Image>(&message)) return on_image(*image, take);
  if (const auto* end = std::get_if<SeriesEnd>(&message)) return on_end(*end);
}

void SeriesAssembler::on_start(SeriesStart start) {
  // A simulator that sends the configuration behind the header, as a message of its own, gives it no series.
  const bool belongs_to_header =
      start.series_id == 0 && header_ && !start.metadata.contains("header_detail") && start.channels.empty();
  if (belongs_to_header) {
    header_->expected_frames = start.expected_frames;
    header_->metadata.merge(start.metadata);
    return;
  }
  header_ = std::move(start);
}

const ImageData* SeriesAssembler::choose_channel(const Image& image) const {
  const auto named = [&](std::string_view name) -> const ImageData* {
    const auto found = std::find_if(image.channels.begin(), image.channels.end(),
                                    [&](const auto& c) { return c.name == name; });
    return found == image.channels.end() ? nullptr : &found->data;
  };
  if (!options_.channel.empty()) return named(options_.channel);
  const ImageData* first_threshold = named("threshold_1");
  return first_threshold != nullptr ? first_threshold : &image.channels.front().data;
}

ScanShape SeriesAssembler::shape_of(std::uint64_t series, std::uint64_t expected) {
  path_ = {};
  if (options_.scan) return *options_.scan;
  const auto announced = announced_scan(header_->metadata);
  const ScanShape one_row{1, static_cast<std::uint32_t>(expected)};
  if (!announced) return one_row;
  const auto path = path_of(*announced, expected);
  if (!path && options_.log)
    options_.log(
        LogLevel::warning,
        fmt::format("series {} will have {} images, the scan of {}x{} that it names does not: shown as one "
                    "row; give --scan ROWSxCOLS",
                    series, expected, announced->scan.rows, announced->scan.cols));
  if (!path) return one_row;
  if (options_.path.plain()) path_ = *path;
  return announced->scan;
}

bool SeriesAssembler::begin_scan(const Image& image, const ImageData& data) {
  const bool announced = header_ && header_->series_id == image.series_id;
  std::uint64_t expected = announced ? header_->expected_frames : 0;
  // Triggered without an end, but the scan has one.
  if (announced && (expected == 0 || expected > k_max_scan_positions))
    if (const auto scan = announced_scan(header_->metadata))
      expected = scan->scan.positions() + scan->prescan;
  if (!options_.scan && (expected == 0 || expected > k_max_scan_positions)) {
    events_.bad(ErrorArea::format,
                announced
                    ? fmt::format("series {} does not say how many images a scan has; give --scan ROWSxCOLS",
                                  image.series_id)
                    : fmt::format("images of series {} come without their header: start the receiver before "
                                  "the detector is armed, or give "
                                  "--scan ROWSxCOLS",
                                  image.series_id),
                image.number);
    return false;
  }
  if (!announced && options_.log)
    options_.log(LogLevel::warning,
                 fmt::format("series {} began before this program listened: its first frames are missing",
                             image.series_id));
  ScanStart start;
  start.series_id = image.series_id;
  start.scan = shape_of(image.series_id, expected);
  start.frame = data.shape;
  start.pixel = data.pixel;
  start.encoding = data.plain() ? data.encoding : Encoding::none;
  start.expected_frames = expected;
  if (announced) start.metadata = header_->metadata;
  last_series_ = start.series_id;
  scan_ = start;
  events_.add(std::move(start));
  return true;
}

void SeriesAssembler::on_image(const Image& image, const Take& take) {
  const ImageData* data = choose_channel(image);
  if (data == nullptr) {
    std::string names;
    for (const auto& channel : image.channels)
      names += fmt::format("{}{}", names.empty() ? "" : ", ", channel.name);
    return events_.bad(
        ErrorArea::usage,
        fmt::format("the detector sends no channel '{}'; it sends {}", options_.channel, names),
        image.number);
  }
  const bool current = scan_ && scan_->series_id == image.series_id;
  const bool announced = header_ && header_->series_id == image.series_id;
  // Series numbers count up: a lower one is what was left in the detector's queue.
  const bool stale = !current && !announced && last_series_ && image.series_id <= *last_series_;
  if (!current && !stale && !begin_scan(image, *data)) return;

  FrameMessage frame;
  frame.series_id = image.series_id;
  frame.frame_number = frame.scan_index = image.number;
  if (!path_.plain() && !stale) frame.scan_index = path_.position_of(scan_->scan, image.number);
  if (stale) {
    events_.add(std::move(frame));
    return;
  }
  if (data->shape != scan_->frame || data->pixel != scan_->pixel)
    return events_.bad(ErrorArea::shape,
                       fmt::format("image {} is {}x{} {}, the scan began with {}x{} {}", image.number,
                                   data->shape.rows, data->shape.cols, name_of(data->pixel),
                                   scan_->frame.rows, scan_->frame.cols, name_of(scan_->pixel)),
                       frame.scan_index);
  if (data->plain() && data->encoding == scan_->encoding) {
    frame.payload = take(data->bytes);
  } else {
    auto packed = recode(*data, scan_->encoding);
    if (!packed)
      return events_.bad(packed.error().area,
                         fmt::format("image {}: {}", image.number, packed.error().message), image.number);
    frame.payload = own(std::move(*packed));
  }
  events_.add(std::move(frame));
}

void SeriesAssembler::on_end(const SeriesEnd& end) {
  const bool announced = header_ && header_->series_id == end.series_id;
  const bool current = scan_ && scan_->series_id == end.series_id;
  if (announced && !current)
    events_.bad(ErrorArea::format, fmt::format("series {} ended without an image", end.series_id),
                std::nullopt);
  if (current) events_.add(ScanEnd{end.series_id, 0});
  if (announced) header_.reset();
  if (current) scan_.reset();
}

}  // namespace bragglive::dectris
