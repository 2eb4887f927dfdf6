// Atomic and structure factors against the reference numbers.
#include "core/bloch/scattering.hpp"
#include "core/bloch/structure_factors.hpp"
#include "tests/unit/bloch/reference.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

// Largest deviation relative to the factor at g = 0.
double worst_relative(const nlohmann::json& expected, const std::vector<double>& ours) {
  double worst = 0;
  for (std::size_t i = 0; i < ours.size(); ++i)
    worst =
        std::max(worst, std::abs(ours[i] - expected[i].get<double>()) / std::abs(expected[0].get<double>()));
  return worst;
}

}  // namespace

TEST_CASE("wavelength and mass factor at 300 kV") {
  const Electron electron = Electron::at(300);
  CHECK(electron.wavelength == Approx(0.019687486388).epsilon(1e-10));
  CHECK(electron.gamma == Approx(1.587085).epsilon(1e-6));
}

TEST_CASE("atomic factors", "[reference]") {
  if (!have_shared("reference/bloch/atomic_factors.json")) return;
  const auto data = read_json("reference/bloch/atomic_factors.json");
  const Electron electron = Electron::at(data["accelerating_voltage_V"].get<double>() / 1e3);
  const double u = data["thermal_sigma_A"];
  for (const auto& [key, entry] : data["Z"].items()) {
    const int z = std::stoi(key);
    std::vector<double> lobato, real, imaginary, core;
    for (const double g : data["g_invA"]) {
      lobato.push_back(lobato_factor(z, g));
      const auto f = dynamical_factor(FactorTable::weickenmeier_kohl, true, z, g, u * u, electron);
      real.push_back(f.real());
      imaginary.push_back(f.imag());
      // Core and phonon parts share one prefactor, so the phonon part can be taken off.
      const double both =
          std::exp(-u * u * 2 * 9.8696044010893586 * g * g) * core_loss_factor(z, g, electron);
      core.push_back(f.imag() * both / (both + phonon_factor(z, g, u * u)));
    }
    INFO("Z " << z);
    CHECK(worst_relative(entry["lobato_fe_A"], lobato) < 1e-9);
    CHECK(worst_relative(entry["WK_corrected_CP_re_A"], real) < 1e-9);
    CHECK(worst_relative(entry["WK_corrected_core_only_im_A"], core) < 1e-9);
    CHECK(worst_relative(entry["WK_corrected_CP_im_A"], imaginary) < 1e-8);
  }
}

TEST_CASE("structure factors", "[reference]") {
  if (!have_shared("reference/bloch/structure_factors.json")) return;
  const auto index = read_json("reference/bloch/index.json");
  const auto data = read_json("reference/bloch/structure_factors.json");
  struct Variant {
    const char* key;
    FactorTable factors;
    bool absorption;
    double displacement;
  };
  for (const Variant& variant : {Variant{"U_Lobato", FactorTable::lobato, false, 0},
                                 Variant{"U_Lobato-absorptive", FactorTable::lobato, true, 0},
                                 Variant{"U_WK-corrected", FactorTable::weickenmeier_kohl, false, 0.08},
                                 Variant{"U_WK-CP-corrected", FactorTable::weickenmeier_kohl, true, 0.08}})
    for (const auto& [name, reflections] : data.items()) {
      ScatteringSettings settings;
      settings.factors = variant.factors;
      settings.absorption = variant.absorption;
      settings.thermal_displacement = variant.displacement;
      const auto table = CouplingTable<double>::build(reference_crystal(index, name), settings, 4.0);
      REQUIRE(table.has_value());
      for (const auto& r : reflections) {
        const std::complex<double> expected(r[variant.key][0], r[variant.key][1]);
        INFO(name << " " << variant.key << " " << r["hkl"].dump());
        CHECK(std::abs(table->at(r["hkl"][0], r["hkl"][1], r["hkl"][2]) - expected) < 1e-8);
      }
    }
}
