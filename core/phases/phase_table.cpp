#include "core/phases/phase_table.hpp"

#include <cmath>
#include <cstring>

namespace bragglive {
namespace {

constexpr std::uint32_t k_version = 1;
constexpr std::size_t k_longest_name = 200;

class Out {
 public:
  template <class T>
  void put(T value) {
    const auto* begin = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof value);
  }
  void put_text(const std::string& text) {
    const std::size_t length = std::min(text.size(), k_longest_name);
    put(static_cast<std::uint16_t>(length));
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    bytes.insert(bytes.end(), begin, begin + length);
  }
  std::vector<std::byte> bytes;
};

// Reads on behind the end give zeros and set `failed`.
class In {
 public:
  explicit In(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) {
      failed = true;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  std::string take_text() {
    const std::size_t length = take<std::uint16_t>();
    if (length > bytes_.size() || length > k_longest_name) {
      failed = true;
      return {};
    }
    std::string text(reinterpret_cast<const char*>(bytes_.data()), length);
    bytes_ = bytes_.subspan(length);
    return text;
  }
  std::size_t left() const { return bytes_.size(); }
  bool failed = false;

 private:
  std::span<const std::byte> bytes_;
};

Expected<void> check(const Phase& phase, std::size_t number) {
  const auto wrong = [&](const char* what) -> Expected<void> {
    return fail(ErrorArea::format, "phase {} ('{}'): {}", number, phase.name, what);
  };
  if (phase.name.empty()) return wrong("has no name");
  if (crystal_system_of_space_group(phase.space_group) != phase.system || phase.system == CrystalSystem::none)
    return wrong("space group and crystal system do not fit");
  for (const float value : phase.lattice)
    if (!(value > 0.1F && value < 2000.F)) return wrong("its cell is impossible");
  const auto& b = phase.reciprocal;
  for (const double value : b)
    if (!(std::abs(value) < 10)) return wrong("its reciprocal cell is impossible");
  const double volume = b[0] * (b[4] * b[8] - b[5] * b[7]) - b[1] * (b[3] * b[8] - b[5] * b[6]) +
                        b[2] * (b[3] * b[7] - b[4] * b[6]);
  if (!(std::abs(volume) > 1e-8)) return wrong("its reciprocal cell is flat");
  for (const PhaseReflection& r : phase.reflections)
    if (std::abs(r.h) > k_max_phase_index || std::abs(r.k) > k_max_phase_index ||
        std::abs(r.l) > k_max_phase_index || !(r.strength >= 0 && r.strength <= 1) || r.representative > 1)
      return wrong("a reflection is out of range");
  return {};
}

}  // namespace

std::vector<std::byte> phases_to_bytes(std::span<const Phase> phases) {
  Out out;
  out.put(k_version);
  out.put(static_cast<std::uint32_t>(phases.size()));
  for (const Phase& phase : phases) {
    out.put_text(phase.name);
    out.put_text(phase.formula);
    out.put(phase.space_group);
    out.put(static_cast<std::uint16_t>(phase.system));
    for (const float value : phase.lattice) out.put(value);
    for (const double value : phase.reciprocal) out.put(value);
    out.put(static_cast<std::uint32_t>(phase.reflections.size()));
    for (const PhaseReflection& r : phase.reflections) {
      out.put(r.h), out.put(r.k), out.put(r.l), out.put(r.representative);
      out.put(r.strength);
    }
  }
  return std::move(out.bytes);
}

Expected<std::vector<Phase>> phases_from_bytes(std::span<const std::byte> bytes) {
  In in(bytes);
  const auto version = in.take<std::uint32_t>(), count = in.take<std::uint32_t>();
  if (in.failed || version != k_version)
    return fail(ErrorArea::format, "phases of version {}: this program reads version {}", version, k_version);
  if (count < 1 || count > k_max_phases)
    return fail(ErrorArea::format, "{} phases: between 1 and {} are possible", count, k_max_phases);
  std::vector<Phase> phases(count);
  for (std::size_t p = 0; p < phases.size(); ++p) {
    Phase& phase = phases[p];
    phase.name = in.take_text();
    phase.formula = in.take_text();
    phase.space_group = in.take<std::uint16_t>();
    const auto system = in.take<std::uint16_t>();
    if (system >= k_crystal_systems)
      return fail(ErrorArea::format, "phase {}: {} is no crystal system", p, system);
    phase.system = static_cast<CrystalSystem>(system);
    for (float& value : phase.lattice) value = in.take<float>();
    for (double& value : phase.reciprocal) value = in.take<double>();
    const std::size_t reflections = in.take<std::uint32_t>();
    if (in.failed || reflections < 2 || reflections > k_max_phase_reflections || reflections * 12 > in.left())
      return fail(ErrorArea::format, "phase {}: {} reflections do not fit the file", p, reflections);
    phase.reflections.resize(reflections);
    for (PhaseReflection& r : phase.reflections) {
      r.h = in.take<std::int16_t>(), r.k = in.take<std::int16_t>(), r.l = in.take<std::int16_t>();
      r.representative = in.take<std::uint16_t>();
      r.strength = in.take<float>();
    }
    if (auto good = check(phase, p); !good) return tl::unexpected(good.error());
  }
  if (in.failed || in.left() != 0)
    return fail(ErrorArea::format, "the phases do not end where their section ends");
  return phases;
}

}  // namespace bragglive
