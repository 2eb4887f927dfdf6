// The reference path against the numbers that py4DSTEM computed.
#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/detect/correlation_detector.hpp"
#include "tests/catch.hpp"
#include "tests/shared_data.hpp"

using namespace bragglive;

namespace {

RealImage read_csv(const std::filesystem::path& file, FrameShape shape) {
  RealImage image{shape, {}};
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    std::stringstream cells(line);
    std::string cell;
    while (std::getline(cells, cell, ','))
      image.pixels.push_back(static_cast<double>(static_cast<float>(std::stod(cell))));
  }
  return image;
}

KernelConfig kernel_config(const nlohmann::json& entry) {
  KernelConfig config;
  const std::string mode = entry["kernel_mode"];
  config.mode = mode == "flat"       ? KernelMode::flat
                : mode == "gaussian" ? KernelMode::gaussian
                                     : KernelMode::sigmoid;
  if (entry["kernel_args"].contains("radii"))
    config.radii = entry["kernel_args"]["radii"].get<std::array<double, 2>>();
  if (entry["kernel_args"].contains("sigma")) config.sigma = entry["kernel_args"]["sigma"];
  return config;
}

CorrelationConfig detection_config(const nlohmann::json& params, const std::string& subpixel) {
  CorrelationConfig config;
  config.corr_power = params["corrPower"];
  config.sigma_dp = params["sigma_dp"];
  config.sigma_cc = params["sigma_cc"];
  config.upsample_factor = params["upsample_factor"];
  config.min_absolute = params["minAbsoluteIntensity"];
  config.min_relative = params["minRelativeIntensity"];
  config.relative_to = params["relativeToPeak"];
  config.min_spacing_px = params["minPeakSpacing"];
  config.edge_px = params["edgeBoundary"];
  config.max_peaks = params["maxNumPeaks"];
  config.subpixel = subpixel == "pixel"  ? Subpixel::pixel
                    : subpixel == "poly" ? Subpixel::poly
                                         : Subpixel::multicorr;
  return config;
}

}  // namespace

TEST_CASE("the reference path gives py4DSTEM's disks to 1e-6 px") {
  using test::shared_path;
  if (!test::have_shared("reference/bragg/index.json")) return;
  const nlohmann::json index =
      nlohmann::json::parse(std::ifstream(shared_path("reference/bragg/index.json")));
  const nlohmann::json& patterns = index.is_array() ? index : index["patterns"];
  REQUIRE(patterns.size() >= 7);
  for (const nlohmann::json& entry : patterns) {
    const std::string name = entry["name"];
    CAPTURE(name);
    const FrameShape shape{entry["shape"][0], entry["shape"][1]};
    const RealImage pattern =
        read_csv(shared_path("reference/bragg/" + entry["file"].get<std::string>()), shape);
    REQUIRE(pattern.pixels.size() == shape.pixels());
    const RealImage probe = synthetic_probe(shape, entry["probe_radius_px"], entry["probe_width_px"]);
    const auto kernel =
        make_kernel(probe, entry["kernel_origin"][0], entry["kernel_origin"][1], kernel_config(entry));
    REQUIRE(kernel);
    for (std::size_t i = 0; i < 16; ++i)
      CHECK(kernel->pixels[i] ==
            Approx(entry["kernel_row0_first16"][i].get<double>()).epsilon(1e-6).margin(1e-9));
    for (const auto& [subpixel, list] : entry["detected"].items()) {
      CAPTURE(subpixel);
      // Under "poly" the tool keeps the order of the whole-pixel stage; ours is by the refined intensity.
      auto expected = list.get<std::vector<std::array<double, 3>>>();
      std::stable_sort(expected.begin(), expected.end(),
                       [](const auto& a, const auto& b) { return a[2] > b[2]; });
      const auto detector = CorrelationDetector::create(detection_config(entry["params"], subpixel), *kernel);
      REQUIRE(detector);
      CorrelationDetector::Scratch scratch;
      BraggList peaks;
      REQUIRE(detector->detect(pattern, scratch, peaks));
      REQUIRE(peaks.size() == expected.size());
      for (std::size_t i = 0; i < peaks.size(); ++i) {
        CAPTURE(i);
        CHECK(std::abs(peaks[i].qx - expected[i][0]) < 1e-6);
        CHECK(std::abs(peaks[i].qy - expected[i][1]) < 1e-6);
        CHECK(peaks[i].intensity == Approx(expected[i][2]).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("smoothing keeps the sum and mirrors at the border") {
  RealImage image{{5, 7}, std::vector<double>(35, 0)};
  image.at(0, 0) = 1;
  RealImage scratch;
  gaussian_smooth(image, 1.5, scratch);
  double sum = 0;
  for (const double value : image.pixels) sum += value;
  CHECK(sum == Approx(1));
  CHECK(image.at(0, 1) == Approx(image.at(1, 0)));
  CHECK(image.at(0, 0) > image.at(0, 1));
}

TEST_CASE("the probe's size is measured where it was put") {
  const RealImage probe = synthetic_probe({64, 80}, 7, 1);
  const auto size = measure_probe(probe);
  REQUIRE(size);
  CHECK(size->radius_px == Approx(7).margin(0.15));
  CHECK(size->row == Approx(32).margin(1e-6));
  CHECK(size->col == Approx(40).margin(1e-6));
  CHECK_FALSE(measure_probe(RealImage{{4, 4}, std::vector<double>(16, 0)}).has_value());
}

TEST_CASE("a vacuum probe keeps the disk and drops what is far away") {
  RealImage image = synthetic_probe({64, 64}, 5, 1);
  image.at(5, 5) = 0.9;
  const auto probe = vacuum_probe(image);
  REQUIRE(probe);
  CHECK(probe->at(32, 32) == Approx(image.at(32, 32)));
  CHECK(probe->at(5, 5) < 1e-12);
}

TEST_CASE("a kernel that cannot be is refused with a reason") {
  const RealImage probe = synthetic_probe({16, 16}, 3, 1);
  KernelConfig config;
  config.radii = {6, 3};
  CHECK_FALSE(make_kernel(probe, 8, 8, config).has_value());
  CHECK_FALSE(make_kernel(RealImage{{4, 4}, std::vector<double>(16, 0)}, 2, 2, {}).has_value());
  const auto kernel = make_kernel(probe, 8, 8, {KernelMode::flat, 3, {}});
  REQUIRE(kernel);
  CorrelationConfig power;
  power.corr_power = 2;
  CHECK_FALSE(CorrelationDetector::create(power, *kernel).has_value());
  const auto detector = CorrelationDetector::create({}, *kernel);
  REQUIRE(detector);
  CorrelationDetector::Scratch scratch;
  BraggList peaks;
  CHECK_FALSE(detector->detect(RealImage{{8, 8}, std::vector<double>(64, 0)}, scratch, peaks).has_value());
  RealImage hole = probe;
  hole.pixels[0] = std::nan("");
  CHECK_FALSE(detector->detect(hole, scratch, peaks).has_value());
}
