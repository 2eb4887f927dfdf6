// The calibration as a value: saved, loaded, refused, applied.
#include "core/calibrate/calibration.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

#include "tests/catch.hpp"

using namespace bragglive;

namespace {

Calibration example() {
  Calibration c;
  c.detector = {192, 160};
  c.pixel_size_inv_angstrom = 0.01616651;
  c.pixel_size_sigma = 2.5e-6;
  c.origin_row = {92.8, 0.012, -0.003};
  c.origin_col = {80.1, -0.004, 0.01};
  c.probe_radius_px = 1.414;
  c.ellipse_ratio = 1.012;
  c.ellipse_angle_deg = 20;
  c.rotation_deg = -37.5;
  c.mirror = true;
  c.voltage_kv = 200;
  c.scan_step_nm = 1.0 / 3;
  c.masked_pixels = {0, 77, 192 * 160 - 1};
  return c;
}

std::string refusal(const std::string& text) {
  const auto read = calibration_from_toml(text, "c.toml");
  return read ? std::string() : read.error().message;
}

}  // namespace

TEST_CASE("a calibration reads back to the same numbers and the same checksum") {
  const Calibration before = example();
  const auto after = calibration_from_toml(to_toml(before), "text");
  REQUIRE(after);
  CHECK(to_toml(*after) == to_toml(before));
  CHECK(after->scan_step_nm == before.scan_step_nm);
  CHECK(after->masked_pixels == before.masked_pixels);
  CHECK(after->mirror);
  CHECK(checksum(*after) == checksum(before));
  CHECK(checksum(before).size() == 16);
  Calibration other = before;
  other.rotation_deg += 1e-9;
  CHECK(checksum(other) != checksum(before));
}

TEST_CASE("a probe's image is kept in the file and checked") {
  Calibration before = example();
  before.probe = {3, {0, 0.5f, 0, 0.25f, 1, 0.125f, 0, 0.75f, 0}};
  const auto after = calibration_from_toml(to_toml(before), "text");
  REQUIRE(after);
  CHECK(after->probe == before.probe);
  CHECK(checksum(before) != checksum(example()));
  before.probe.values.pop_back();
  CHECK(refusal(to_toml(before)).find("probe_image") != std::string::npos);
  before.probe = {3, std::vector<float>(9, 0.0f)};
  CHECK(refusal(to_toml(before)).find("probe_image") != std::string::npos);
}

TEST_CASE("files: saved and loaded, missing and damaged ones named") {
  const auto folder = std::filesystem::temp_directory_path() / "bragglive_calibration_test";
  std::filesystem::create_directories(folder);
  REQUIRE(save_calibration(example(), folder / "c.toml"));
  const auto loaded = load_calibration(folder / "c.toml");
  REQUIRE(loaded);
  CHECK(checksum(*loaded) == checksum(example()));
  const auto missing = load_calibration(folder / "none.toml");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.find("none.toml") != std::string::npos);
  CHECK_FALSE(save_calibration(example(), folder / "no" / "such" / "c.toml"));
  Calibration bad = example();
  bad.pixel_size_inv_angstrom = std::nan("");
  CHECK_FALSE(save_calibration(bad, folder / "bad.toml"));
  CHECK_FALSE(std::filesystem::exists(folder / "bad.toml"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("text that is no calibration is refused with the field's name") {
  const std::string good = to_toml(example());
  const auto without = [&](const std::string& key, const std::string& instead) {
    const std::size_t at = good.find("\n" + key + " =") + 1;
    return good.substr(0, at) + instead + good.substr(good.find('\n', at));
  };
  CHECK(refusal("this = is not [toml").find("c.toml") != std::string::npos);
  CHECK(refusal("").find("detector") != std::string::npos);
  CHECK(refusal(without("detector", "detector = [192]")).find("detector") != std::string::npos);
  CHECK(refusal(without("detector", "detector = [0, 160]")).find("detector") != std::string::npos);
  CHECK(refusal(without("detector", "detector = [100000, 160]")).find("detector") != std::string::npos);
  CHECK(refusal(without("pixel_size_inv_angstrom", "")).find("pixel_size_inv_angstrom") != std::string::npos);
  CHECK(refusal(without("pixel_size_inv_angstrom", "pixel_size_inv_angstrom = -1")).find("pixel_size") !=
        std::string::npos);
  CHECK(refusal(without("pixel_size_inv_angstrom", "pixel_size_inv_angstrom = nan")).find("pixel_size") !=
        std::string::npos);
  CHECK(refusal(without("pixel_size_inv_angstrom", "pixel_size_inv_angstrom = \"x\"")).find("a number") !=
        std::string::npos);
  CHECK(refusal(without("origin_row", "origin_row = [1, 2]")).find("origin_row") != std::string::npos);
  CHECK(refusal(without("masked_pixels", "masked_pixels = [30720]")).find("masked_pixels") !=
        std::string::npos);
  CHECK(refusal(without("masked_pixels", "masked_pixels = [-1]")).find("masked_pixels") != std::string::npos);
  CHECK(refusal(without("ellipse_ratio", "ellipse_ratio = 0.5")).find("ellipse_ratio") != std::string::npos);
  CHECK(refusal(without("mirror", "mirror = 1")).find("mirror") != std::string::npos);
  CHECK(refusal(without("rotation_deg", "rotation_deg = 5")).empty());  // whole numbers are numbers
}

TEST_CASE("pixels become scattering vectors and come back") {
  const Calibration c = example();
  const PixelsToQ to_q(c);
  BraggList peaks{{120.5, 33.25, 7}};
  const ScanPosition at{11, 5};
  to_q.apply(at, peaks);
  const auto back = to_q.to_pixels(at, peaks[0].qx, peaks[0].qy);
  CHECK(back[0] == Approx(120.5));
  CHECK(back[1] == Approx(33.25));
  CHECK(peaks[0].intensity == 7);
  BraggList beam{{c.origin(at)[0], c.origin(at)[1], 1}};
  to_q.apply(at, beam);
  CHECK(std::hypot(beam[0].qx, beam[0].qy) < 1e-12);
}

TEST_CASE("ellipse, mirror and rotation act in this order and sense") {
  Calibration c;
  c.detector = {64, 64};
  c.pixel_size_inv_angstrom = 0.5;
  c.probe_radius_px = 2;
  c.ellipse_ratio = 1.21;
  BraggList peaks{{11, 0, 1}, {0, 10, 1}};  // a ring stretched along the rows becomes round
  PixelsToQ(c).apply({}, peaks);
  CHECK(peaks[0].qx == Approx(0.5 * 10));
  CHECK(peaks[1].qy == Approx(0.5 * 11));
  c.ellipse_ratio = 1;
  c.mirror = true;
  peaks = {{0, 10, 1}};
  PixelsToQ(c).apply({}, peaks);
  CHECK(peaks[0].qy == Approx(-5));
  c.rotation_deg = 90;
  peaks = {{0, 10, 1}, {10, 0, 1}};
  PixelsToQ(c).apply({}, peaks);
  CHECK(peaks[0].qx == Approx(5));
  CHECK(peaks[1].qy == Approx(5));
}
