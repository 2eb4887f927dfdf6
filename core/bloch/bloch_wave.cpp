#include "core/bloch/bloch_wave.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/bloch/bethe.hpp"
#include "core/bloch/solvers.hpp"

namespace bragglive {

struct BlochSimulator::State {
  BlochSettings settings;
  Crystal crystal;
  Electron electron;
  ReflectionList reflections;
  std::optional<CouplingTable<float>> single;
  std::optional<CouplingTable<double>> full;
};

// One set per precision; only the one in use grows.
template <class Real>
struct SolverBuffers {
  Hamiltonian<Real> matrix;
  PropagatorScratch<Real> propagator;
};

struct BlochScratch::Buffers {
  std::vector<std::uint32_t> coupled;
  std::vector<std::int32_t> offsets;
  std::vector<double> sorted;      // thicknesses in Å, rising
  std::vector<std::size_t> order;  // their places in the caller's list
  std::vector<std::complex<double>> amplitudes;
  SolverBuffers<float> single;
  SolverBuffers<double> full;
  template <class Real>
  SolverBuffers<Real>& of() {
    if constexpr (std::is_same_v<Real, float>)
      return single;
    else
      return full;
  }
};

BlochScratch::BlochScratch() : buffers_(std::make_unique<Buffers>()) {}
BlochScratch::~BlochScratch() = default;
BlochScratch::BlochScratch(BlochScratch&&) noexcept = default;
BlochScratch& BlochScratch::operator=(BlochScratch&&) noexcept = default;

BlochSimulator::BlochSimulator(std::unique_ptr<const State> state) : state_(std::move(state)) {}
BlochSimulator::BlochSimulator(BlochSimulator&&) noexcept = default;
BlochSimulator& BlochSimulator::operator=(BlochSimulator&&) noexcept = default;
BlochSimulator::~BlochSimulator() = default;
const BlochSettings& BlochSimulator::settings() const {
  return state_->settings;
}
const Crystal& BlochSimulator::crystal() const {
  return state_->crystal;
}
const Electron& BlochSimulator::electron() const {
  return state_->electron;
}

namespace {

constexpr double k_max_thickness_nm = 10000;

Expected<void> check_settings(const BlochSettings& s) {
  const auto inside = [](double x, double low, double high) {
    return std::isfinite(x) && x >= low && x <= high;
  };
  if (!inside(s.voltage_kv, 10, 3000))
    return fail(ErrorArea::usage, "the voltage of {} kV is not in 10..3000 kV", s.voltage_kv);
  if (!inside(s.k_max, 0.05, 20))
    return fail(ErrorArea::usage, "k_max of {} 1/Å is not in 0.05..20", s.k_max);
  if (!inside(s.sg_max, 1e-4, 2))
    return fail(ErrorArea::usage, "sg_max of {} 1/Å is not in 0.0001..2", s.sg_max);
  if (s.thermal_displacement && !inside(*s.thermal_displacement, 0, 1))
    return fail(ErrorArea::usage, "the thermal displacement of {} Å is not in 0..1", *s.thermal_displacement);
  if (s.bethe_ratio && !inside(*s.bethe_ratio, 1, 1e9))
    return fail(ErrorArea::usage, "the Bethe ratio of {} is not at least 1", *s.bethe_ratio);
  return {};
}

// What one simulator and one scratch take at most; the beams are those of a shell of 2 sg_max around the
// Ewald sphere.
Expected<void> check_memory(const Crystal& crystal, const BlochSettings& s) {
  const double real = s.precision == Precision::float32 ? 4 : 8;
  const double table = CouplingTable<double>::bytes_needed(crystal.cell, 2 * s.k_max) * real / 8;
  const double list = ReflectionList::bytes_needed(crystal.cell, s.k_max);
  const double beams = std::numbers::pi * s.k_max * s.k_max * 2 * s.sg_max * cell_volume(crystal.cell);
  const double matrix = beams * beams * real * (s.absorption ? 2 : 1);
  const double total = table + list + matrix;
  if (total <= s.memory_limit_bytes) return {};
  return fail(ErrorArea::memory,
              "{}: k_max {} 1/Å and sg_max {} 1/Å need about {:.1f} GB (about {:.0f} beams, cell {:.0f} "
              "Å^3); the limit is "
              "{:.1f} GB: lower k_max or sg_max",
              crystal.id, s.k_max, s.sg_max, total / 1e9, beams, cell_volume(crystal.cell),
              s.memory_limit_bytes / 1e9);
}

// Thicknesses in Å, rising, and where each stands in the caller's list.
Expected<void> sort_thicknesses(std::span<const double> nm, std::vector<double>& sorted,
                                std::vector<std::size_t>& order) {
  if (nm.empty()) return fail(ErrorArea::usage, "no thickness given");
  for (const double t : nm)
    if (!(t > 0 && t <= k_max_thickness_nm))
      return fail(ErrorArea::usage, "the thickness of {} nm is not in 0..{} nm; it must be positive", t,
                  k_max_thickness_nm);
  order.resize(nm.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return nm[a] < nm[b]; });
  sorted.clear();
  for (const std::size_t i : order) sorted.push_back(nm[i] * 10);
  return {};
}

// H_ii = 2π s_i / (z·n) + iπ Im U_0/(k0 z·n), H_ij = π U_{g_j - g_i}^(+) / (k0 z·n); the table has the sign
// exp(+2πi h·r).
template <class Real>
void fill_matrix(const CouplingTable<Real>& table, const std::vector<Beam>& beams,
                 const std::vector<std::uint32_t>& coupled, std::size_t direct, double k0, double nz,
                 std::vector<std::int32_t>& offsets, Hamiltonian<Real>& h) {
  const MatrixKind kind = table.is_real()        ? MatrixKind::symmetric
                          : table.is_hermitian() ? MatrixKind::hermitian
                                                 : MatrixKind::general;
  h.reset(kind, coupled.size(), direct);
  offsets.resize(h.size);
  for (std::size_t i = 0; i < coupled.size(); ++i) {
    const Beam& b = beams[coupled[i]];
    offsets[i] = table.offset(b.h, b.k, b.l);
  }
  const auto scale = static_cast<Real>(std::numbers::pi / (k0 * nz));
  const auto& gather = kernels<Real>().gather;
  const std::size_t n = h.beams;
  for (std::size_t i = 0; i < n; ++i) {
    // Up to the end of the diagonal block, which is stored whole.
    const std::size_t count = kind == MatrixKind::general ? n : std::min(n, (i / k_block + 1) * k_block);
    gather(table.real(), offsets.data(), offsets[i], scale, count, h.re.data() + h.at(i, 0));
    if (!h.im.empty())
      gather(table.imaginary(), offsets.data(), offsets[i], scale, count, h.im.data() + h.at(i, 0));
    h.set_diagonal(i, 2 * std::numbers::pi * beams[coupled[i]].excitation_error / nz);
  }
}

Solver choose(const BlochSettings& s, MatrixKind kind, std::size_t beams,
              std::span<const double> thicknesses) {
  if (s.solver != Solver::automatic) return s.solver;
  const bool single = s.precision == Precision::float32;
  return propagator_cost(kind, single, beams, s.sg_max, thicknesses) <= eigen_cost(kind, beams, thicknesses)
             ? Solver::propagator
             : Solver::eigen;
}

}  // namespace

Expected<BlochSimulator> BlochSimulator::create(const Crystal& crystal, const BlochSettings& settings) {
  if (auto ok = check_settings(settings); !ok) return tl::unexpected(ok.error());
  if (auto ok = validate(crystal); !ok) return tl::unexpected(ok.error());
  if (auto ok = check_memory(crystal, settings); !ok) return tl::unexpected(ok.error());
  auto state = std::unique_ptr<State>(new State{
      settings, crystal, Electron::at(settings.voltage_kv), ReflectionList(crystal, settings.k_max), {}, {}});
  const ScatteringSettings scattering{state->electron, settings.factors, settings.absorption,
                                      settings.thermal_displacement};
  const auto keep = [](auto built, auto& place) -> Expected<void> {
    if (!built) return tl::unexpected(built.error());
    place = std::move(*built);
    return {};
  };
  const Expected<void> built =
      settings.precision == Precision::float32
          ? keep(CouplingTable<float>::build(crystal, scattering, 2 * settings.k_max), state->single)
          : keep(CouplingTable<double>::build(crystal, scattering, 2 * settings.k_max), state->full);
  if (!built) return tl::unexpected(built.error());
  return BlochSimulator(std::move(state));
}

Expected<void> BlochSimulator::pattern(const Orientation& orientation, std::span<const double> thicknesses_nm,
                                       BlochScratch& scratch, DiffractionPattern& out) const {
  BlochScratch::Buffers& b = *scratch.buffers_;
  if (auto ok = sort_thicknesses(thicknesses_nm, b.sorted, b.order); !ok) return ok;
  const double nz = orientation.foil_normal.dot(orientation.axes.col(2));
  const std::size_t direct = state_->reflections.select(orientation, state_->electron,
                                                        state_->settings.sg_max, out.beams, b.coupled);

  const auto solve = [&]<class Real>(const CouplingTable<Real>& table) {
    SolverBuffers<Real>& own = b.template of<Real>();
    fill_matrix(table, out.beams, b.coupled, direct, state_->electron.k0, nz, b.offsets, own.matrix);
    BetheReduction bethe;
    if (state_->settings.bethe_ratio) bethe = eliminate_weak_beams(own.matrix, *state_->settings.bethe_ratio);
    out.coupled_beams = own.matrix.beams;
    out.solver = choose(state_->settings, own.matrix.kind, own.matrix.beams, b.sorted);
    bool ok = out.solver == Solver::propagator
                  ? solve_by_propagator(own.matrix, b.sorted, own.propagator, b.amplitudes)
                  : solve_by_eigen(own.matrix, b.sorted, b.amplitudes);
    if (!ok && out.solver == Solver::propagator) {
      out.solver = Solver::eigen;
      ok = solve_by_eigen(own.matrix, b.sorted, b.amplitudes);
    }
    if (ok && state_->settings.bethe_ratio) restore_weak_beams(bethe, b.sorted.size(), b.amplitudes);
    return ok;
  };
  const bool ok = state_->single ? solve(*state_->single) : solve(*state_->full);
  if (!ok)
    return fail(ErrorArea::numeric, "{}: the solver did not converge for this orientation",
                state_->crystal.id);

  out.intensities.assign(thicknesses_nm.size() * out.beams.size(), 0.0);
  for (std::size_t j = 0; j < b.order.size(); ++j)
    for (std::size_t i = 0; i < b.coupled.size(); ++i)
      out.intensities[b.order[j] * out.beams.size() + b.coupled[i]] =
          std::norm(b.amplitudes[j * b.coupled.size() + i]);
  return {};
}

}  // namespace bragglive
