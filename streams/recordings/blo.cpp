// NanoMEGAS blockfile (.blo), as rosettasciio's blockfile reader describes it: a 4096-byte header, a
// navigation image, then per frame six bytes (0x55AA, u32 number) and side x side uint8 pixels.
#include "streams/codec/byte_order.hpp"
#include "streams/recordings/flat_recording.hpp"

namespace bragglive {
namespace {
constexpr std::size_t k_header_bytes = 240;  // as far as fields are read
constexpr std::size_t k_frame_header = 6;
}  // namespace

Expected<std::unique_ptr<Recording>> open_blo(const std::filesystem::path& file) {
  auto mapped = MappedFile::open(file);
  if (!mapped) return tl::unexpected(mapped.error());
  const std::span<const std::byte> bytes = (*mapped)->bytes();
  if (bytes.size() < k_header_bytes)
    return fail(ErrorArea::format, "{} ends inside the header", file.string());
  const std::uint64_t data_offset = load_little<std::uint32_t>(bytes.data() + 12);
  const std::uint64_t side = load_little<std::uint16_t>(bytes.data() + 20);
  const std::uint64_t cols = load_little<std::uint16_t>(bytes.data() + 24),
                      rows = load_little<std::uint16_t>(bytes.data() + 26);
  auto info = info_of_shape(std::array{rows, cols, side, side}, PixelType::u8, file.string());
  if (!info) return tl::unexpected(info.error());
  info->format = "NanoMEGAS blockfile";
  info->metadata["scan_step_x_nm"] = fmt::format("{}", load_little<double>(bytes.data() + 30));
  info->metadata["scan_step_y_nm"] = fmt::format("{}", load_little<double>(bytes.data() + 38));
  info->metadata["beam_energy_v"] = fmt::format("{}", load_little<std::uint32_t>(bytes.data() + 46));
  const PixelFormat format{PixelFormat::Kind::unsigned_integer, 1, false};
  const FlatLayout layout{data_offset + k_frame_header, k_frame_header + side * side, format};
  return open_flat(std::move(*mapped), std::move(*info), layout, file.string());
}

}  // namespace bragglive
