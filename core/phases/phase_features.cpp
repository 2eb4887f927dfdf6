#include "core/phases/phase_features.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/features/definition.hpp"
#include "core/features/index_spots.hpp"
#include "core/forest/model_container.hpp"

namespace bragglive {
namespace {

// One number for comparing phases: explained weight, as far as the intensities agree and chance does not
// explain it.
float quality(const PhaseMatch& m) {
  return (m.matched_weight + m.matched) * 0.5F * (0.4F + 0.6F * m.likeness) * (1 - 0.5F * m.chance);
}

}  // namespace

PhaseFeatures::PhaseFeatures(std::vector<Phase> phases, const MatchSettings& settings, double voltage_kv)
    : phases_(std::move(phases)), settings_(settings), voltage_kv_(voltage_kv) {
  for (const Phase& phase : phases_) matchers_.emplace_back(phase, settings_);
  table_ = crc32(phases_to_bytes(phases_));
}

Expected<std::shared_ptr<const PhaseFeatures>> PhaseFeatures::create(std::vector<Phase> phases,
                                                                     std::string_view definition) {
  // Through bytes and back: whatever could not be read again is refused here.
  if (auto checked = phases_from_bytes(phases_to_bytes(phases)); !checked)
    return tl::unexpected(checked.error());
  MatchSettings settings;
  double voltage_kv = 300;
  std::uint32_t version = 1;
  std::string table;
  if (!definition.empty()) {
    auto read = parse_feature_definition(definition);
    if (!read) return tl::unexpected(read.error());
    if (read->kind != "phases")
      return fail(ErrorArea::format, "features of the kind '{}' where phases are needed", read->kind);
    for (const auto& taken :
         {take_count(*read, "v", version), take_number(*read, "kv", voltage_kv),
          take_number(*read, "sigma", settings.sigma), take_number(*read, "stretch", settings.stretch)})
      if (!taken) return tl::unexpected(taken.error());
    if (const auto found = read->values.extract("table"); !found.empty()) table = found.mapped();
    if (version != 1)
      return fail(ErrorArea::format, "phase features v={} are not known to this version", version);
    if (!read->values.empty())
      return fail(ErrorArea::format, "phase features have no parameter '{}'", read->values.begin()->first);
  }
  if (!(voltage_kv > 20 && voltage_kv <= 1000 && settings.sigma > 0 && settings.sigma <= 0.02 &&
        settings.stretch > 0 && settings.stretch <= 0.1))
    return fail(ErrorArea::format, "phase features: kv={} sigma={} stretch={} is out of range", voltage_kv,
                settings.sigma, settings.stretch);
  settings.wavelength = indexing::wavelength_of(voltage_kv);
  auto made =
      std::shared_ptr<const PhaseFeatures>(new PhaseFeatures(std::move(phases), settings, voltage_kv));
  if (!table.empty() && table != fmt::format("{:08x}", made->table_))
    return fail(ErrorArea::format,
                "the model was trained on other phases (table {}) than it carries ({:08x})", table,
                made->table_);
  return made;
}

std::string PhaseFeatures::definition() const {
  return fmt::format("phases v=1 kv={} sigma={} stretch={} table={:08x}", number_text(voltage_kv_),
                     number_text(settings_.sigma), number_text(settings_.stretch), table_);
}

std::vector<std::string> PhaseFeatures::names() const {
  constexpr std::array<const char*, k_per_phase> k_names = {
      "merit",    "matched", "matched weight", "residual", "scale",
      "likeness", "found",   "chance",         "quality",  "lead"};
  std::vector<std::string> out = {"spots", "mean q", "strongest share", "best quality"};
  for (const Phase& phase : phases_)
    for (const char* name : k_names) out.push_back(fmt::format("phase {} {}", phase.name, name));
  return out;
}

void PhaseFeatures::compute(std::span<const BraggPeak> peaks, Scratch*, std::span<float> out) const noexcept {
  MatchSpots spots;
  prepare_match_spots(peaks, settings_, spots);
  std::array<PhaseMatch, k_max_phases> match;
  std::array<float, k_max_phases> value{};
  for (std::size_t p = 0; p < matchers_.size(); ++p) {
    if (spots.size >= 2) match[p] = matchers_[p].match(spots);
    value[p] = quality(match[p]);
  }
  float mean_q = 0;
  for (std::size_t i = 0; i < spots.size; ++i) mean_q += spots.q[i] / static_cast<float>(spots.size);
  out[0] = static_cast<float>(spots.seen);
  out[1] = mean_q;
  out[2] = spots.size > 0 ? spots.weight[0] : 0;
  out[3] = *std::max_element(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(matchers_.size()));
  for (std::size_t p = 0; p < matchers_.size(); ++p) {
    float other = 0;
    for (std::size_t k = 0; k < matchers_.size(); ++k)
      if (k != p) other = std::max(other, value[k]);
    const PhaseMatch& m = match[p];
    const std::array<float, k_per_phase> row = {m.merit,  m.matched,       m.matched_weight, m.residual,
                                                m.scale,  m.likeness,      m.found,          m.chance,
                                                value[p], value[p] - other};
    std::copy(row.begin(), row.end(), out.begin() + static_cast<std::ptrdiff_t>(k_common + p * k_per_phase));
  }
}

}  // namespace bragglive
