// numpy's .npy (format versions 1 to 3, numpy/lib/format.py).
#include <charconv>
#include <string_view>
#include <vector>

#include "streams/codec/byte_order.hpp"
#include "streams/recordings/flat_recording.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_magic_bytes = 8;  // \x93NUMPY, major, minor
constexpr std::size_t k_max_header = std::size_t{1} << 20;

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<std::uint64_t> shape;
  std::size_t data_offset = 0;
};

// The text after `'key':` in numpy's literal dictionary.
std::string_view value_of(std::string_view text, std::string_view key) {
  for (char quote : {'\'', '"'}) {
    const std::string pattern = fmt::format("{}{}{}", quote, key, quote);
    const std::size_t at = text.find(pattern);
    if (at == std::string_view::npos) continue;
    text.remove_prefix(at + pattern.size());
    text.remove_prefix(std::min(text.find_first_not_of(" :"), text.size()));
    return text;
  }
  return {};
}

std::optional<std::vector<std::uint64_t>> read_tuple(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  text.remove_prefix(1);
  std::vector<std::uint64_t> values;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,"), text.size()));
    if (text.starts_with(')')) return values;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || values.size() == 8) return std::nullopt;
    values.push_back(value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

Expected<Header> read_header(std::span<const std::byte> bytes, const std::string& name) {
  const auto damaged = [&](std::string_view what) {
    return fail(ErrorArea::format, "{} is a damaged .npy file: {}", name, what);
  };
  if (bytes.size() < k_magic_bytes + 4) return damaged("it ends inside the header");
  const bool wide = std::to_integer<int>(bytes[6]) >= 2;
  const std::size_t prefix = k_magic_bytes + (wide ? 4 : 2);
  const std::size_t length =
      wide ? load_little<std::uint32_t>(bytes.data() + 8) : load_little<std::uint16_t>(bytes.data() + 8);
  if (length > k_max_header || length > bytes.size() - prefix) return damaged("it ends inside the header");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + prefix, length);

  Header header;
  header.data_offset = prefix + length;
  std::string_view descr = value_of(text, "descr");
  if (descr.empty()) return damaged("no 'descr'");
  const char quote = descr[0];
  descr.remove_prefix(1);
  header.descr = descr.substr(0, descr.find(quote));
  header.fortran = value_of(text, "fortran_order").starts_with("True");
  const auto shape = read_tuple(value_of(text, "shape"));
  if (!shape) return damaged("no readable 'shape'");
  header.shape = *shape;
  return header;
}

}  // namespace

Expected<std::unique_ptr<Recording>> open_npy(const std::filesystem::path& file,
                                              const RecordingOptions& options) {
  auto mapped = MappedFile::open(file);
  if (!mapped) return tl::unexpected(mapped.error());
  auto header = read_header((*mapped)->bytes(), file.string());
  if (!header) return tl::unexpected(header.error());
  const auto format = pixel_format_from_numpy(header->descr);
  if (!format)
    return fail(ErrorArea::format, "{} holds '{}' elements; frames are uint8, uint16, uint32 or float32",
                file.string(), header->descr);
  if (header->fortran)
    return fail(ErrorArea::format, "{} is in Fortran order; save it with numpy.ascontiguousarray first",
                file.string());
  auto info = info_of_shape(header->shape, *format->pixel_type(), file.string());
  if (!info) return tl::unexpected(info.error());
  info->format = "numpy";
  FlatLayout layout;
  layout.first_byte = header->data_offset;
  layout.stride = info->frame.pixels() * format->bytes;
  layout.format = *format;
  layout.growing = options.follow;
  return open_flat(std::move(*mapped), std::move(*info), layout, file.string());
}

}  // namespace bragglive
