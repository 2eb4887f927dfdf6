#include "core/bloch/scan/specimen.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "tests/catch.hpp"

namespace bragglive {
namespace {

constexpr ScanShape k_scan{48, 64};

Specimen specimen_of(const SpecimenSettings& settings, std::uint64_t seed = 5) {
  auto specimen = Specimen::create(settings, k_scan, 2.0, seed);
  REQUIRE(specimen.has_value());
  return *specimen;
}

double thickness_at(const Specimen& specimen, ScanPosition at) {
  std::vector<GrainSection> sections;
  specimen.at(at, sections);
  return std::accumulate(sections.begin(), sections.end(), 0.0,
                         [](double sum, const GrainSection& s) { return sum + s.thickness_nm; });
}

ParticleSettings some_particles() {
  ParticleSettings p;
  p.count = 12;
  p.diameter_nm = 14;
  p.diameter_sigma_nm = 2;
  return p;
}

TEST_CASE("the particles' volume is what their diameters say") {
  ParticleSettings p = some_particles();
  p.diameter_sigma_nm = 0;
  p.count = 1;
  p.diameter_nm = 30;
  p.flattening = 0.5;
  // Over many seeds, particles that lie wholly inside the scan.
  int whole = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Specimen s = specimen_of({{p}, {}}, seed);
    double volume = 0, largest = 0;
    bool border = false;
    for (std::uint32_t row = 0; row < k_scan.rows; ++row)
      for (std::uint32_t col = 0; col < k_scan.cols; ++col) {
        const double t = thickness_at(s, {row, col});
        volume += t * 4;
        largest = std::max(largest, t);
        border =
            border || (t > 0 && (row == 0 || col == 0 || row == k_scan.rows - 1 || col == k_scan.cols - 1));
      }
    if (border) continue;
    ++whole;
    CHECK(volume == Approx(0.5 * 3.14159265 / 6 * 30 * 30 * 30).epsilon(0.03));
    CHECK(largest == Approx(15).epsilon(0.02));
  }
  CHECK(whole >= 5);
}

TEST_CASE("particles keep clear of each other unless they may overlap") {
  ParticleSettings p = some_particles();
  const auto most_grains = [&](const Specimen& s) {
    std::size_t most = 0;
    std::vector<GrainSection> sections;
    for (std::uint32_t row = 0; row < k_scan.rows; ++row)
      for (std::uint32_t col = 0; col < k_scan.cols; ++col) {
        s.at({row, col}, sections);
        most = std::max(most, sections.size());
      }
    return most;
  };
  CHECK(most_grains(specimen_of({{p}, {}})) == 1);
  p.overlap_share = 1;
  p.count = 60;
  CHECK(most_grains(specimen_of({{p}, {}})) >= 3);
  p.overlap_share = 0;
  p.count = 1000;
  const auto crowded = Specimen::create({{p}, {}}, k_scan, 2.0, 1);
  REQUIRE_FALSE(crowded.has_value());
  CHECK_THAT(crowded.error().message, Catch::Matchers::Contains("no room"));
}

TEST_CASE("a twin is its partner turned by half a turn, and both fill the particle") {
  ParticleSettings p = some_particles();
  p.twin_share = 1;
  const Specimen twins = specimen_of({{p}, {}});
  REQUIRE(twins.grains().size() == 24);
  const Eigen::Vector3d axis = Eigen::Vector3d(1, 1, 1).normalized();
  for (std::size_t i = 0; i < twins.grains().size(); i += 2) {
    const Eigen::AngleAxisd turn(
        Eigen::Matrix3d(twins.grains()[i].rotation.transpose() * twins.grains()[i + 1].rotation));
    CHECK(turn.angle() == Approx(3.14159265));
    CHECK(std::abs(turn.axis().dot(axis)) == Approx(1));
  }
  p.twin_share = 0;
  // The same seed places the same particles: twinning changes crystals, not thickness.
  const Specimen whole = specimen_of({{p}, {}});
  int shared = 0;
  std::vector<GrainSection> sections;
  double first = 0, second = 0;
  for (std::uint32_t row = 0; row < k_scan.rows; ++row)
    for (std::uint32_t col = 0; col < k_scan.cols; ++col) {
      twins.at({row, col}, sections);
      shared += sections.size() == 2 ? 1 : 0;
      for (const auto& s : sections) (s.grain % 2 ? second : first) += s.thickness_nm;
    }
  CHECK(whole.grains().size() == 12);
  CHECK(shared > 20);
  CHECK(first / second == Approx(1).epsilon(0.25));
}

TEST_CASE("random orientations are rotations, spread evenly; a fiber holds its axis; fixed is fixed") {
  PolycrystalSettings film;
  film.grains = 4000;
  film.phases = {{0, 1.0}};
  const Specimen random = specimen_of({{}, {film}});
  Eigen::Vector3d mean = Eigen::Vector3d::Zero();
  double squares = 0;
  for (const Grain& g : random.grains()) {
    CHECK((g.rotation * g.rotation.transpose() - Eigen::Matrix3d::Identity()).norm() < 1e-12);
    CHECK(g.rotation.determinant() > 0);
    const Eigen::Vector3d beam = g.rotation.transpose() * Eigen::Vector3d::UnitZ();
    mean += beam;
    squares += beam.x() * beam.x();
  }
  CHECK(mean.norm() / 4000 < 0.05);
  CHECK(squares / 4000 == Approx(1.0 / 3).margin(0.03));

  film.orientation.kind = GrainOrientations::Kind::fiber;
  film.orientation.axis = Eigen::Vector3d(1, 1, 0).normalized();
  film.orientation.spread_deg = 4;
  double tilt2 = 0, spin = 0;
  const Specimen fiber = specimen_of({{}, {film}});
  for (const Grain& g : fiber.grains()) {
    const Eigen::Vector3d axis = g.rotation * film.orientation.axis;
    tilt2 += std::pow(std::acos(std::min(1.0, axis.z())) * 57.29578, 2);
    spin += std::cos(std::atan2((g.rotation * Eigen::Vector3d(1, -1, 0)).y(),
                                (g.rotation * Eigen::Vector3d(1, -1, 0)).x()));
  }
  CHECK(std::sqrt(tilt2 / 4000) == Approx(4).epsilon(0.06));
  CHECK(std::abs(spin / 4000) < 0.05);

  film.orientation.kind = GrainOrientations::Kind::fixed;
  film.orientation.in_plane_deg = 30;
  const Specimen fixed = specimen_of({{}, {film}});
  CHECK((fixed.grains()[0].rotation * film.orientation.axis - Eigen::Vector3d::UnitZ()).norm() < 1e-12);
  CHECK(fixed.grains()[0].rotation == fixed.grains()[77].rotation);
}

TEST_CASE("a film's cells fill its thickness, with the wedge, and phases come in their shares") {
  PolycrystalSettings film;
  film.grains = 600;
  film.phases = {{0, 3.0}, {1, 1.0}};
  film.thickness_nm = 20;
  film.wedge = {0.1, -0.05};
  film.columnar = false;
  const Specimen s = specimen_of({{}, {film}});
  const auto second =
      std::count_if(s.grains().begin(), s.grains().end(), [](const Grain& g) { return g.phase == 1; });
  CHECK(static_cast<double>(second) / 600 == Approx(0.25).margin(0.06));
  std::size_t overlaps = 0;
  std::vector<GrainSection> sections;
  for (std::uint32_t row = 0; row < k_scan.rows; row += 3)
    for (std::uint32_t col = 0; col < k_scan.cols; col += 3) {
      s.at({row, col}, sections);
      overlaps += sections.size() > 1 ? 1 : 0;
      std::set<std::uint32_t> different;
      for (const auto& section : sections) different.insert(section.grain);
      CHECK(different.size() == sections.size());
      const double expected = 20 + 0.1 * ((row + 0.5) * 2 - 48) - 0.05 * ((col + 0.5) * 2 - 64);
      CHECK(thickness_at(s, {row, col}) == Approx(expected).margin(0.2 * 3));
    }
  CHECK(overlaps > 50);
  film.columnar = true;
  const Specimen columns = specimen_of({{}, {film}});
  columns.at({10, 10}, sections);
  CHECK(sections.size() == 1);
}

TEST_CASE("a seed makes one specimen; impossible settings are refused by name") {
  const SpecimenSettings settings{{some_particles()}, {}};
  const Specimen a = specimen_of(settings, 1), b = specimen_of(settings, 1), c = specimen_of(settings, 2);
  CHECK(a.grains()[3].rotation == b.grains()[3].rotation);
  CHECK(a.grains()[3].rotation != c.grains()[3].rotation);
  const auto message = [](auto change) {
    ParticleSettings p = some_particles();
    change(p);
    const auto s = Specimen::create({{p}, {}}, k_scan, 2.0, 1);
    REQUIRE_FALSE(s.has_value());
    return s.error().message;
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(message([](ParticleSettings& p) { p.count = 0; }), Contains("count"));
  CHECK_THAT(message([](ParticleSettings& p) { p.diameter_nm = std::nan(""); }), Contains("diameter_nm"));
  CHECK_THAT(message([](ParticleSettings& p) { p.twin_share = 1.5; }), Contains("twin_share"));
  CHECK_THAT(message([](ParticleSettings& p) { p.orientation.axis.setZero(); }), Contains("axis"));
}

}  // namespace
}  // namespace bragglive
