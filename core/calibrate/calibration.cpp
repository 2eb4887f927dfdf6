#include "core/calibrate/calibration.hpp"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <numbers>
#include <string_view>
#include <system_error>

// The system's shared library throws; the header alone, without exceptions, does not.
#undef TOML_SHARED_LIB
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace bragglive {
namespace {

constexpr std::uintmax_t k_max_file_bytes = std::uintmax_t{256}
                                            << 20;  // a mask of every pixel of 4096 x 4096 fits

// Shortest text that reads back to the same number, and always a TOML float.
std::string number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string numbers_of(const std::array<double, 3>& values) {
  return fmt::format("[{}, {}, {}]", number(values[0]), number(values[1]), number(values[2]));
}

Expected<void> check(bool good, std::string_view field, std::string_view rule) {
  if (good) return {};
  return fail(ErrorArea::numeric, "calibration: {} {}", field, rule);
}

bool all_finite(const std::array<double, 3>& values) {
  return std::isfinite(values[0]) && std::isfinite(values[1]) && std::isfinite(values[2]);
}

// Reads one table into a Calibration and remembers the first thing that was wrong.
class Reader {
 public:
  Reader(const toml::table& table, const std::string& where) : table_(table), where_(where) {}

  void number(std::string_view key, double& value, bool required = false) {
    const toml::node* node = table_.get(key);
    if (!node) return missing(key, required);
    if (!node->is_number()) return wrong(key, "a number");
    value = as_double(*node);
  }

  void boolean(std::string_view key, bool& value) {
    const toml::node* node = table_.get(key);
    if (!node) return;
    if (!node->is_boolean()) return wrong(key, "true or false");
    value = node->value_or(false);
  }

  void triple(std::string_view key, std::array<double, 3>& values) {
    const toml::node* node = table_.get(key);
    if (!node) return missing(key, true);
    const toml::array* list = node->as_array();
    if (!list || list->size() != 3) return wrong(key, "an array of three numbers");
    for (std::size_t i = 0; i < 3; ++i) {
      if (!list->get(i)->is_number()) return wrong(key, "an array of three numbers");
      values[i] = as_double(*list->get(i));
    }
  }

  void shape(std::string_view key, FrameShape& shape) {
    const toml::node* node = table_.get(key);
    if (!node) return missing(key, true);
    const toml::array* list = node->as_array();
    if (!list || list->size() != 2) return wrong(key, "an array of two whole numbers, rows and columns");
    for (std::size_t i = 0; i < 2; ++i) {
      const auto side = list->get(i)->value_exact<std::int64_t>();
      if (!side || *side < 1 || *side > k_max_detector_side)
        return wrong(key, fmt::format("two whole numbers from 1 to {}", k_max_detector_side));
      (i == 0 ? shape.rows : shape.cols) = static_cast<std::uint32_t>(*side);
    }
  }

  void pixels(std::string_view key, std::vector<std::uint32_t>& values) {
    const toml::node* node = table_.get(key);
    if (!node) return;
    const toml::array* list = node->as_array();
    if (!list) return wrong(key, "an array of whole numbers");
    values.reserve(list->size());
    for (const toml::node& entry : *list) {
      const auto pixel = entry.value_exact<std::int64_t>();
      if (!pixel || *pixel < 0 || *pixel > std::numeric_limits<std::uint32_t>::max())
        return wrong(key, "an array of whole numbers, row * cols + col");
      values.push_back(static_cast<std::uint32_t>(*pixel));
    }
  }

  void probe(std::string_view side_key, std::string_view image_key, ProbeImage& probe) {
    const toml::node* node = table_.get(side_key);
    if (!node) return;
    const auto side = node->value_exact<std::int64_t>();
    if (!side || *side < 1 || *side > k_max_detector_side) return wrong(side_key, "a whole number above 0");
    probe.side = static_cast<std::uint32_t>(*side);
    const toml::node* image = table_.get(image_key);
    const toml::array* list = image ? image->as_array() : nullptr;
    if (!list) return wrong(image_key, "an array of probe_side x probe_side numbers");
    for (const toml::node& entry : *list) {
      if (!entry.is_number()) return wrong(image_key, "an array of probe_side x probe_side numbers");
      probe.values.push_back(static_cast<float>(as_double(entry)));
    }
  }

  const std::string& problem() const { return problem_; }

 private:
  // Whole numbers are numbers too: somebody edits the file by hand.
  static double as_double(const toml::node& node) {
    if (const auto whole = node.value_exact<std::int64_t>()) return static_cast<double>(*whole);
    return node.value_exact<double>().value_or(std::numeric_limits<double>::quiet_NaN());
  }
  void missing(std::string_view key, bool required) {
    if (required && problem_.empty()) problem_ = fmt::format("{}: '{}' is missing; add it", where_, key);
  }
  void wrong(std::string_view key, std::string_view what) {
    if (problem_.empty()) problem_ = fmt::format("{}: '{}' must be {}", where_, key, what);
  }

  const toml::table& table_;
  const std::string& where_;
  std::string problem_;
};

}  // namespace

Expected<void> validate(const Calibration& c) {
  const bool shape_good = c.detector.rows >= 1 && c.detector.cols >= 1 &&
                          c.detector.rows <= k_max_detector_side && c.detector.cols <= k_max_detector_side;
  bool mask_good = true;
  for (std::uint32_t pixel : c.masked_pixels) mask_good = mask_good && pixel < c.detector.pixels();
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  const auto not_negative = [](double value) { return std::isfinite(value) && value >= 0; };
  Expected<void> result = check(shape_good, "detector", "must be two sides of a possible detector");
  const auto also = [&](bool good, std::string_view field, std::string_view rule) {
    if (result) result = check(good, field, rule);
  };
  also(not_negative(c.pixel_size_inv_angstrom), "pixel_size_inv_angstrom",
       "must be above 0, or 0 for not known");
  also(not_negative(c.pixel_size_sigma), "pixel_size_sigma", "must be 0 or more");
  also(all_finite(c.origin_row), "origin_row", "must be three finite numbers");
  also(all_finite(c.origin_col), "origin_col", "must be three finite numbers");
  also(positive(c.probe_radius_px), "probe_radius_px", "must be above 0");
  also(std::isfinite(c.ellipse_ratio) && c.ellipse_ratio >= 1 && c.ellipse_ratio < 10, "ellipse_ratio",
       "must be from 1 to 10");
  also(std::isfinite(c.ellipse_angle_deg), "ellipse_angle_deg", "must be finite");
  // Beyond, a place of the detector would lie at infinity.
  const double far = std::abs(c.keystone[0]) * c.detector.rows + std::abs(c.keystone[1]) * c.detector.cols;
  also(far < 0.9, "keystone_row, keystone_col", "must be small: below 0.9 / the detector's sides, together");
  also(std::isfinite(c.rotation_deg), "rotation_deg", "must be finite");
  also(positive(c.voltage_kv), "voltage_kv", "must be above 0");
  also(not_negative(c.scan_step_nm), "scan_step_nm", "must be 0 or more");
  const auto probe_good = c.probe.empty() ? Expected<void>{} : validate(c.probe);
  also(probe_good && c.probe.side <= std::min(c.detector.rows, c.detector.cols), "probe_side, probe_image",
       "must be an odd side and as many values as its square, none negative, no larger than the detector");
  also(mask_good, "masked_pixels", "holds a pixel outside the detector");
  return result;
}

Expected<void> require_pixel_size(const Calibration& c, const std::string& where) {
  if (c.pixel_size_inv_angstrom > 0) return {};
  return fail(ErrorArea::usage,
              "{}: the pixel size is not known: calibrate with --known CRYSTAL.cif or --pixel-size, or write "
              "pixel_size_inv_angstrom into the file",
              where);
}

std::string to_toml(const Calibration& c) {
  std::string text = "# bragglive calibration\n";
  const auto line = [&text](std::string_view key, const std::string& value) {
    text += fmt::format("{} = {}\n", key, value);
  };
  line("detector", fmt::format("[{}, {}]", c.detector.rows, c.detector.cols));
  line("pixel_size_inv_angstrom",
       number(c.pixel_size_inv_angstrom) + (c.pixel_size_inv_angstrom > 0 ? "" : "  # not known"));
  line("pixel_size_sigma", number(c.pixel_size_sigma));
  line("origin_row", numbers_of(c.origin_row));
  line("origin_col", numbers_of(c.origin_col));
  line("probe_radius_px", number(c.probe_radius_px));
  line("ellipse_ratio", number(c.ellipse_ratio));
  line("ellipse_angle_deg", number(c.ellipse_angle_deg));
  line("keystone_row", number(c.keystone[0]));
  line("keystone_col", number(c.keystone[1]));
  line("rotation_deg", number(c.rotation_deg));
  line("mirror", c.mirror ? "true" : "false");
  line("voltage_kv", number(c.voltage_kv));
  line("scan_step_nm", number(c.scan_step_nm));
  if (!c.probe.empty()) {
    line("probe_side", fmt::format("{}", c.probe.side));
    line("probe_image", fmt::format("[{:.4g}]", fmt::join(c.probe.values, ", ")));
  }
  line("masked_pixels", fmt::format("[{}]", fmt::join(c.masked_pixels, ", ")));
  return text;
}

Expected<Calibration> calibration_from_toml(const std::string& text, const std::string& where) {
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(where));
  if (!parsed)
    return fail(ErrorArea::format, "{}: line {}: {}", where, parsed.error().source().begin.line,
                parsed.error().description());
  Calibration c;
  Reader reader(parsed.table(), where);
  reader.shape("detector", c.detector);
  reader.number("pixel_size_inv_angstrom", c.pixel_size_inv_angstrom, true);
  reader.number("pixel_size_sigma", c.pixel_size_sigma);
  reader.triple("origin_row", c.origin_row);
  reader.triple("origin_col", c.origin_col);
  reader.number("probe_radius_px", c.probe_radius_px, true);
  reader.number("ellipse_ratio", c.ellipse_ratio);
  reader.number("ellipse_angle_deg", c.ellipse_angle_deg);
  reader.number("keystone_row", c.keystone[0]);
  reader.number("keystone_col", c.keystone[1]);
  reader.number("rotation_deg", c.rotation_deg);
  reader.boolean("mirror", c.mirror);
  reader.number("voltage_kv", c.voltage_kv);
  reader.number("scan_step_nm", c.scan_step_nm);
  reader.probe("probe_side", "probe_image", c.probe);
  reader.pixels("masked_pixels", c.masked_pixels);
  if (!reader.problem().empty()) return fail(ErrorArea::format, "{}", reader.problem());
  if (const auto good = validate(c); !good)
    return fail(good.error().area, "{}: {}", where, good.error().message);
  return c;
}

Expected<Calibration> load_calibration(const std::filesystem::path& file) {
  std::error_code code;
  const std::uintmax_t size = std::filesystem::file_size(file, code);
  if (code) return fail(ErrorArea::file, "{}: {}; give a calibration file", file.string(), code.message());
  if (size > k_max_file_bytes)
    return fail(ErrorArea::format, "{}: {} bytes are too many for a calibration", file.string(), size);
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return fail(ErrorArea::file, "{}: cannot be read", file.string());
  return calibration_from_toml(text, file.string());
}

Expected<void> save_calibration(const Calibration& calibration, const std::filesystem::path& file) {
  if (const auto good = validate(calibration); !good) return good;
  // Written beside and renamed, so that a full disk never leaves half a calibration behind.
  const std::filesystem::path part = file.string() + ".part";
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    out << to_toml(calibration);
    out.flush();
    if (!out)
      return fail(ErrorArea::file, "{}: cannot be written; check the folder and the free space",
                  file.string());
  }
  std::error_code code;
  std::filesystem::rename(part, file, code);
  if (code) return fail(ErrorArea::file, "{}: cannot be written: {}", file.string(), code.message());
  return {};
}

std::string checksum(const Calibration& calibration) {
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const char letter : to_toml(calibration)) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 1099511628211ull;
  }
  return fmt::format("{:016x}", hash);
}

PixelsToQ::PixelsToQ(const Calibration& calibration) : calibration_(calibration) {
  constexpr double k_radian = std::numbers::pi / 180;
  const double ce = std::cos(calibration.ellipse_angle_deg * k_radian);
  const double se = std::sin(calibration.ellipse_angle_deg * k_radian);
  // The ellipse keeps its area: the pixel size is then the geometric mean over directions.
  const double along = 1 / std::sqrt(calibration.ellipse_ratio);
  const double across = std::sqrt(calibration.ellipse_ratio);
  const double e00 = along * ce * ce + across * se * se;
  const double e01 = (along - across) * ce * se;
  const double e11 = along * se * se + across * ce * ce;
  const double flip = calibration.mirror ? -1 : 1;
  const double cr = std::cos(calibration.rotation_deg * k_radian);
  const double sr = std::sin(calibration.rotation_deg * k_radian);
  const double s = calibration.pixel_size_inv_angstrom;
  matrix_ = {s * (cr * e00 - sr * flip * e01), s * (cr * e01 - sr * flip * e11),
             s * (sr * e00 + cr * flip * e01), s * (sr * e01 + cr * flip * e11)};
  const double det = matrix_[0] * matrix_[3] - matrix_[1] * matrix_[2];
  if (det == 0) return;  // without a pixel size everything lies at the origin
  inverse_ = {matrix_[3] / det, -matrix_[1] / det, -matrix_[2] / det, matrix_[0] / det};
}

void PixelsToQ::apply(ScanPosition at, BraggList& peaks) const noexcept {
  const std::array<double, 2> origin = calibration_.origin(at);
  for (BraggPeak& peak : peaks) {
    double row = peak.qx - origin[0];
    double col = peak.qy - origin[1];
    const double depth = 1 + calibration_.keystone[0] * row + calibration_.keystone[1] * col;
    row /= depth;
    col /= depth;
    peak.qx = matrix_[0] * row + matrix_[1] * col;
    peak.qy = matrix_[2] * row + matrix_[3] * col;
  }
}

std::array<double, 2> PixelsToQ::to_pixels(ScanPosition at, double qx, double qy) const noexcept {
  const std::array<double, 2> origin = calibration_.origin(at);
  const double row = inverse_[0] * qx + inverse_[1] * qy;
  const double col = inverse_[2] * qx + inverse_[3] * qy;
  const double depth = 1 - calibration_.keystone[0] * row - calibration_.keystone[1] * col;
  return {origin[0] + row / depth, origin[1] + col / depth};
}

}  // namespace bragglive
