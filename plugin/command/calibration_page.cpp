#include "plugin/command/calibration_page.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace bragglive::command {
namespace {

std::string base64(const std::vector<std::uint8_t>& bytes) {
  static constexpr char k_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (i + 1 < bytes.size()) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (i + 2 < bytes.size()) group |= bytes[i + 2];
    text += k_letters[group >> 18];
    text += k_letters[group >> 12 & 63];
    text += i + 1 < bytes.size() ? k_letters[group >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? k_letters[group & 63] : '=';
  }
  return text;
}

// A grey-scale bitmap, logarithmic from the 1st to the 99.9th percentile: needs no library to write and any
// browser reads it.
std::string image_uri(const RealImage& image) {
  std::vector<double> sorted = image.pixels;
  std::sort(sorted.begin(), sorted.end());
  const double low = std::max(0.0, sorted[sorted.size() / 100]);
  const double high = std::max(low + 1e-12, sorted[sorted.size() - 1 - sorted.size() / 1000]);
  const std::uint32_t rows = image.shape.rows;
  const std::uint32_t cols = image.shape.cols;
  const std::uint32_t line = (cols + 3) / 4 * 4;
  constexpr std::uint32_t k_header = 14 + 40 + 256 * 4;
  std::vector<std::uint8_t> bytes;
  const auto put = [&](std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i) & 255));
  };
  put('B' | 'M' << 8, 2);
  put(k_header + line * rows, 4);
  put(0, 4);
  put(k_header, 4);
  put(40, 4);
  put(cols, 4);
  put(rows, 4);
  put(1, 2);
  put(8, 2);
  put(0, 4);
  put(line * rows, 4);
  for (int i = 0; i < 4; ++i) put(i == 2 ? 256 : 0, 4);
  for (std::uint32_t grey = 0; grey < 256; ++grey) put(grey * 0x010101, 4);
  for (std::uint32_t row = rows; row-- > 0;)
    for (std::uint32_t col = 0; col < line; ++col) {
      const double value = col < cols ? std::clamp((image.at(row, col) - low) / (high - low), 0.0, 1.0) : 0;
      bytes.push_back(static_cast<std::uint8_t>(255 * std::log1p(30 * value) / std::log(31)));
    }
  return "data:image/bmp;base64," + base64(bytes);
}

// x to the right is the second axis, y downwards the first.
std::string picture(const RealImage& image, const std::string& drawing, const std::string& caption) {
  return fmt::format(
      "<figure><svg viewBox=\"-0.5 -0.5 {1} {0}\" width=\"420\"><image href=\"{2}\" x=\"-0.5\" y=\"-0.5\" "
      "width=\"{1}\" "
      "height=\"{0}\" style=\"image-rendering:pixelated\"/>{3}</svg><figcaption>{4}</figcaption></figure>\n",
      image.shape.rows, image.shape.cols, image_uri(image), drawing, caption);
}

std::string circle(double row, double col, double radius, const char* colour) {
  return fmt::format(
      "<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.2f}\" fill=\"none\" stroke=\"{}\" stroke-width=\"0.5\"/>",
      col, row, radius, colour);
}

std::string histogram(const CalibrationReport& report, const std::vector<KnownRing>& rings) {
  constexpr int k_bins = 240;
  constexpr double k_width = 860, k_height = 220;
  double longest = 1;
  for (const RingVector& vector : report.vectors)
    longest = std::max(longest, std::hypot(vector.row, vector.col));
  std::vector<double> bins(k_bins);
  for (const RingVector& vector : report.vectors)
    bins[static_cast<std::size_t>(std::hypot(vector.row, vector.col) / longest * (k_bins - 1))] += 1;
  const double most = std::max(1.0, *std::max_element(bins.begin(), bins.end()));
  std::string svg =
      fmt::format("<svg viewBox=\"-10 0 {} {}\" width=\"{}\">", k_width + 30, k_height + 20, k_width + 30);
  for (int i = 0; i < k_bins; ++i) {
    const double height = k_height * bins[static_cast<std::size_t>(i)] / most;
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#457\"/>",
                       i * k_width / k_bins, k_height - height, k_width / k_bins, height);
  }
  double strongest = 0;
  for (const KnownRing& ring : rings) strongest = std::max(strongest, ring.strength);
  for (const KnownRing& ring : rings) {
    const double x = ring.q / report.calibration.pixel_size_inv_angstrom / longest * k_width;
    if (x > k_width || ring.strength < 0.01 * strongest) continue;
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" y2=\"{1}\" stroke=\"#d40\" stroke-width=\"1\"/>", x,
        k_height);
  }
  // Five to ten marks at round numbers.
  const bool scaled = report.pixel_size_known;
  const double all = longest * (scaled ? report.calibration.pixel_size_inv_angstrom : 1);
  double step = std::pow(10, std::floor(std::log10(all / 5)));
  if (all / step > 25) step *= 5;
  if (all / step > 10) step *= 2;
  for (double value = 0; value < 0.97 * all; value += step)
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"#000\"/><text x=\"{0:.1f}\" "
        "y=\"{3}\" "
        "text-anchor=\"middle\" font-size=\"13\">{4:.4g}</text>",
        value / all * k_width, k_height, k_height + 4, k_height + 17, value);
  return svg + fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-size=\"13\">{}</text></svg>\n",
                           k_width + 18, k_height + 17, scaled ? "1/Å" : "px");
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '&')
      out += "&amp;";
    else if (letter == '<')
      out += "&lt;";
    else if (letter == '>')
      out += "&gt;";
    else
      out += letter;
  }
  return out;
}

std::string table(const CalibrationReport& r) {
  const Calibration& c = r.calibration;
  std::string rows;
  const auto row = [&rows](const std::string& name, const std::string& value) {
    rows += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", name, value);
  };
  row("frames looked at", fmt::format("{} of {} positions", r.frames, r.positions));
  row("pixel size", r.pixel_size_known
                        ? fmt::format("{:.6g} ± {:.2g} 1/Å", c.pixel_size_inv_angstrom, c.pixel_size_sigma)
                        : "not known");
  if (r.pixel_size)
    row("vectors on rings",
        fmt::format("{:.0f} % (by chance {:.0f} %), {} rings, {} vectors", 100 * r.pixel_size->explained,
                    100 * r.pixel_size->chance, r.pixel_size->rings, r.pixel_size->vectors));
  row("origin (row, column)",
      fmt::format("{:.2f}, {:.2f} px; slopes {:.4f}, {:.4f} and {:.4f}, {:.4f} px per step", c.origin_row[0],
                  c.origin_col[0], c.origin_row[1], c.origin_row[2], c.origin_col[1], c.origin_col[2]));
  row("origin's scatter", fmt::format("{:.3f} px; {} frames used, {} left out", r.origin.scatter_px,
                                      r.origin.used, r.origin.outliers));
  row("probe radius, edge", fmt::format("{:.2f} px, {:.2f} px", c.probe_radius_px, r.probe_edge_px));
  row("likeness of an evenly lit disk", fmt::format("{:.3f}", r.disk_likeness));
  row("ellipse", r.ellipse.found ? fmt::format("{:.4f} ± {:.4f}, long axis at {:.1f}°", r.ellipse.ratio,
                                               r.ellipse.sigma, r.ellipse.angle_deg)
                                 : "round");
  row("bad pixels", fmt::format("{}", c.masked_pixels.size()));
  row("checksum", checksum(c));
  return "<table>" + rows + "</table>";
}

}  // namespace

std::string calibration_page(const CalibrationReport& report, const std::string& source,
                             const std::vector<KnownRing>& rings) {
  const Calibration& c = report.calibration;
  std::string page =
      "<!doctype html><html lang=\"en\"><meta "
      "charset=\"utf-8\"><title>Calibration</title><style>body{font:15px sans-serif;margin:2em;"
      "max-width:900px}table{border-collapse:collapse}td{border:1px solid #bbb;padding:3px "
      "9px}figure{display:inline-block;margin:6px}"
      "figcaption{font-size:13px;max-width:420px}</style>\n";
  page += fmt::format("<h1>Calibration of {}</h1>\n", escaped(source)) + table(report);
  for (const std::string& note : report.notes) page += fmt::format("<p>{}</p>\n", escaped(note));
  std::string beam = circle(c.origin_row[0], c.origin_col[0], c.probe_radius_px, "#f40");
  for (const OriginSample& sample : report.origins) beam += circle(sample.row, sample.col, 0.3, "#0c4");
  page += picture(report.mean, beam,
                  "Mean of the frames, logarithmic. Red: the fitted probe at the scan's first position; "
                  "green: the beam of each frame.");
  for (const CalibrationReport::Example& example : report.examples) {
    std::string drawing;
    for (const BraggPeak& disk : example.disks_px)
      drawing += circle(disk.qx, disk.qy, c.probe_radius_px + 1, "#fd0");
    page += picture(
        example.image, drawing,
        fmt::format("Position {}, {}: {} disks", example.at.row, example.at.col, example.disks_px.size()));
  }
  page +=
      "<h2>Distances from the origin</h2><p>Vectors of all frames, the ellipse undone; red: the known "
      "crystal.</p>\n";
  return page + histogram(report, rings) + "</html>\n";
}

}  // namespace bragglive::command
