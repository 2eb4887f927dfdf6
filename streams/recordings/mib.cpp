// Merlin .mib files: frames as they come over the wire, each with its text header (see
// streams/merlin/frame_header.hpp).
#include <fstream>

#include "streams/merlin/frame_header.hpp"
#include "streams/merlin/pixels.hpp"
#include "streams/recordings/flat_recording.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_max_hdr_bytes = 65536;

class MibRecording final : public Recording {
 public:
  MibRecording(std::shared_ptr<const MappedFile> file, merlin::FrameHeader first, RecordingInfo info,
               bool growing)
      : file_(std::move(file)),
        first_(first),
        stride_(first.offset + first.payload_bytes()),
        growing_(growing) {
    info_ = std::move(info);
  }

  Expected<Payload> read(std::uint64_t frame) override { return read_again(frame); }

  std::optional<std::uint64_t> written(bool) override {
    if (!growing_) return std::nullopt;
    return std::min<std::uint64_t>(file_->size_now() / stride_, info_.frames);
  }

  Expected<Payload> read_again(std::uint64_t frame) const override {
    if (frame >= info_.frames) return fail(ErrorArea::usage, "frame {} of {}", frame, info_.frames);
    std::vector<std::byte> stored(
        std::min(stride_, file_->size_now() - std::min(file_->size_now(), frame * stride_)));
    if (auto copied = file_->copy(frame * stride_, stored); !copied) return tl::unexpected(copied.error());
    const std::span<const std::byte> bytes = stored;
    auto header = merlin::parse_frame_header(bytes);
    if (!header) return fail(ErrorArea::format, "frame {}: {}", frame, header.error().message);
    if (header->offset != first_.offset || header->payload_bytes() != first_.payload_bytes() ||
        header->format != first_.format)
      return fail(ErrorArea::shape, "frame {} has another layout than the first", frame);
    if (bytes.size() < stride_) return fail(ErrorArea::format, "the file ends inside frame {}", frame);
    std::vector<std::byte> pixels(info_.frame.pixels() * bytes_per_pixel(info_.pixel));
    merlin::to_pixels(first_, bytes.subspan(first_.offset, first_.payload_bytes()), pixels);
    return own(std::move(pixels));
  }

 private:
  const std::shared_ptr<const MappedFile> file_;
  const merlin::FrameHeader first_;
  const std::size_t stride_;
  const bool growing_;
};

std::string read_hdr_beside(std::filesystem::path file) {
  std::ifstream stream(file.replace_extension(".hdr"), std::ios::binary);
  std::string text(k_max_hdr_bytes, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  return text;
}

}  // namespace

Expected<std::unique_ptr<Recording>> open_mib(const std::filesystem::path& file,
                                              const RecordingOptions& options) {
  auto mapped = MappedFile::open(file);
  if (!mapped) return tl::unexpected(mapped.error());
  const auto bytes = (*mapped)->bytes();
  const auto first = merlin::parse_frame_header(bytes);
  if (!first) return fail(ErrorArea::format, "{}: {}", file.string(), first.error().message);
  const std::size_t stride = first->offset + first->payload_bytes();
  const std::uint64_t whole = bytes.size() / stride;
  const bool cut = bytes.size() % stride != 0;
  if (whole == 0)
    return fail(ErrorArea::format, "{} is cut short: its first frame needs {} bytes, it has {}",
                file.string(), stride, bytes.size());
  if (cut && !options.follow && options.log)
    options.log(LogLevel::warning,
                fmt::format("{} ends inside frame {}: that one is counted as corrupt", file.string(), whole));
  const merlin::AcquisitionHeader acquisition = merlin::parse_acquisition_header(read_hdr_beside(file));
  std::uint64_t frames = whole + (cut ? 1 : 0);
  if (options.follow) {
    const auto to_come = frames_to_come(options, acquisition.frames(), file.string());
    if (!to_come) return tl::unexpected(to_come.error());
    frames = *to_come;
  }
  const FrameShape shape = first->frame_shape();
  auto info = info_of_shape(std::array<std::uint64_t, 3>{frames, shape.rows, shape.cols}, first->pixel_type(),
                            file.string());
  if (!info) return tl::unexpected(info.error());
  info->format = fmt::format("Merlin .mib ({})", first->format_name());
  info->scan_known = frames == 1;
  info->metadata = acquisition.fields;
  if (const auto scan = acquisition.scan(); scan && scan->positions() == frames) {
    info->scan = *scan;
    info->scan_known = true;
  }
  return std::make_unique<MibRecording>(std::move(*mapped), *first, std::move(*info), options.follow);
}

}  // namespace bragglive
