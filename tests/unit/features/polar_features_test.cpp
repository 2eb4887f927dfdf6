#include "core/features/polar_features.hpp"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>

#include "tests/catch.hpp"
#include "tests/shared_data.hpp"

using namespace bragglive;

namespace {

std::shared_ptr<const FeatureSet> polar(const std::string& definition) {
  auto made = make_feature_set(definition);
  REQUIRE(made);
  return *made;
}

std::vector<float> compute(const FeatureSet& set, const BraggList& peaks) {
  std::vector<float> out(set.size(), NAN);
  set.compute(peaks, set.make_scratch().get(), out);
  return out;
}

BraggList random_peaks(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> q(-1.5, 1.5), intensity(0.0, 0.2);
  BraggList peaks;
  for (std::size_t i = 0; i < n; ++i) peaks.push_back({q(random), q(random), intensity(random)});
  return peaks;
}

void check_against(const std::vector<float>& ours, const nlohmann::json& expected, double& worst) {
  REQUIRE(expected.size() == ours.size());
  for (std::size_t i = 0; i < ours.size(); i += 2) {
    const double magnitude = expected[i], phase = expected[i + 1];
    worst = std::max(worst, std::abs(magnitude - ours[i]));
    if (magnitude <= 1e-9) continue;
    worst = std::max(worst, std::abs(std::remainder(phase - ours[i + 1], 2 * std::numbers::pi)));
  }
}

}  // namespace

TEST_CASE("polar features meet the reference vectors in all three forms") {
  if (!test::have_shared("reference/features/lists_and_features.json")) return;
  std::ifstream file(test::shared_path("reference/features/lists_and_features.json"));
  const nlohmann::json cases = nlohmann::json::parse(file);
  REQUIRE(cases.size() >= 3);
  const auto sim = polar("polar direct=brightest"), all = polar("polar direct=keep"),
             experiment = polar("polar direct=brightest scale=0.3");
  for (const auto& one : cases) {
    CAPTURE(one["name"].get<std::string>());
    BraggList peaks;
    for (std::size_t i = 0; i < one["qx"].size(); ++i)
      peaks.push_back({one["qx"][i], one["qy"][i], one["intensity"][i]});
    for (const auto& [form, set] : {std::pair{"sim", sim}, {"keep_all", all}, {"exp", experiment}}) {
      CAPTURE(form);
      double worst = 0;
      check_against(compute(*set, peaks), one["features"][form], worst);
      CHECK(worst < 1e-5);
    }
  }
}

TEST_CASE("a rotated pattern keeps its magnitudes and turns its phases by p theta") {
  const auto set = polar("polar direct=keep");
  const BraggList peaks = random_peaks(12, 1);
  const double theta = 0.7;
  BraggList turned = peaks;
  for (BraggPeak& peak : turned) {
    const double x = peak.qx, y = peak.qy;
    peak.qx = std::cos(theta) * x - std::sin(theta) * y;
    peak.qy = std::sin(theta) * x + std::cos(theta) * y;
  }
  const auto before = compute(*set, peaks), after = compute(*set, turned);
  for (std::size_t i = 0; i < before.size(); i += 2) {
    CHECK(after[i] == Approx(before[i]).margin(1e-6));
    if (before[i] < 1e-4F) continue;
    const double p = static_cast<double>((i / 2) % 13);
    CHECK(std::remainder(after[i + 1] - before[i + 1] - p * theta, 2 * std::numbers::pi) ==
          Approx(0).margin(1e-4));
  }
}

TEST_CASE("the direct beam: origin, brightest and keep differ") {
  const BraggList peaks = {{0.001, -0.002, 0.3}, {0.5, 0, 0.6}, {0, 0.5, 0.1}};
  CHECK(find_direct_beam(peaks, DirectBeam::origin, 0.03) == 0);
  CHECK(find_direct_beam(peaks, DirectBeam::brightest, 0.03) == 1);
  CHECK(find_direct_beam(peaks, DirectBeam::keep, 0.03) == -1);
  CHECK(find_direct_beam(std::span(peaks).subspan(1), DirectBeam::origin, 0.03) == -1);
  CHECK(compute(*polar("polar direct=origin"), peaks)[2 * 13 * 10] == Approx(0.7));
  CHECK(compute(*polar("polar direct=brightest"), peaks)[2 * 13 * 10] == Approx(0.1));
  CHECK(compute(*polar("polar direct=keep"), peaks)[0] ==
        Approx(0.3 * (1 - std::hypot(0.001, 0.002) / 0.05)));
}

TEST_CASE("a spot beyond the last ring centre still feeds it, one beyond the last ring does not") {
  const auto set = polar("polar direct=keep");
  const std::size_t last = 2 * 13 * 40;
  CHECK(compute(*set, {{2.03, 0, 1}})[last] == Approx(0.4));
  CHECK(compute(*set, {{2.06, 0, 1}})[last] == 0.0F);
}

TEST_CASE("every output is finite and written, whatever the spots") {
  const auto set = polar("polar");
  for (const BraggList& peaks :
       {BraggList{}, BraggList{{0, 0, 0}}, BraggList{{NAN, 0, 1}, {0.4, INFINITY, 1}},
        BraggList{{0.4, 0.1, NAN}}, BraggList{{1e-300, 0, 1e300}}})
    for (const float value : compute(*set, peaks)) CHECK(std::isfinite(value));
}

TEST_CASE("a definition rebuilds the same features and refuses what it does not know") {
  const auto set = polar("polar dq=0.04 m=30 p=7 direct=keep scale=0.5 parts=magnitude");
  const auto again = polar(set->definition());
  CHECK(again->definition() == set->definition());
  CHECK(set->size() == 210);
  CHECK(set->names().size() == set->size());
  const BraggList peaks = random_peaks(20, 2);
  CHECK(compute(*set, peaks) == compute(*again, peaks));
  for (const char* bad :
       {"", "polar v=2", "polar dq=0", "polar dq=x", "polar m=-1", "polar colour=red", "polar direct=left",
        "polar dq=0.05 dq=0.06", "wavelet", "polar dq", "polar m=4000000000"})
    CHECK_FALSE(make_feature_set(bad));
}
