#include "core/features/feature_set.hpp"

#include "core/features/definition.hpp"
#include "core/features/indexing_features.hpp"
#include "core/features/polar_features.hpp"

namespace bragglive {
namespace {

Expected<std::shared_ptr<const FeatureSet>> make_polar(FeatureDefinition definition) {
  PolarConfig config;
  std::uint32_t version = 1;
  for (const auto& taken :
       {take_count(definition, "v", version), take_number(definition, "dq", config.ring_step),
        take_count(definition, "m", config.rings), take_count(definition, "p", config.orders),
        take_number(definition, "radius", config.origin_radius),
        take_number(definition, "scale", config.scale_total),
        take_number(definition, "eps", config.phase_noise)})
    if (!taken) return tl::unexpected(taken.error());
  if (version != 1)
    return fail(ErrorArea::format, "polar features v={} are not known to this version", version);
  if (const auto direct = definition.values.extract("direct"); !direct.empty()) {
    if (direct.mapped() == "origin")
      config.direct = DirectBeam::origin;
    else if (direct.mapped() == "brightest")
      config.direct = DirectBeam::brightest;
    else if (direct.mapped() == "keep")
      config.direct = DirectBeam::keep;
    else
      return fail(ErrorArea::format, "feature definition: direct={} (origin, brightest or keep)",
                  direct.mapped());
  }
  if (const auto parts = definition.values.extract("parts"); !parts.empty()) {
    if (parts.mapped() != "both" && parts.mapped() != "magnitude")
      return fail(ErrorArea::format, "feature definition: parts={} (both or magnitude)", parts.mapped());
    config.magnitudes_only = parts.mapped() == "magnitude";
  }
  if (!definition.values.empty())
    return fail(ErrorArea::format, "polar features have no parameter '{}'", definition.values.begin()->first);
  return PolarFeatures::create(config);
}

Expected<std::shared_ptr<const FeatureSet>> make_indexing(FeatureDefinition definition) {
  IndexingConfig config;
  std::uint32_t version = k_indexing_version;
  for (const auto& taken :
       {take_count(definition, "v", version), take_number(definition, "kv", config.voltage_kv),
        take_number(definition, "sigma", config.sigma), take_number(definition, "qmax", config.q_max)})
    if (!taken) return tl::unexpected(taken.error());
  if (version != k_indexing_version)
    return fail(ErrorArea::format,
                "indexing features v={} are not known to this version, which has v={}: take a newer model",
                version, k_indexing_version);
  if (!definition.values.empty())
    return fail(ErrorArea::format, "indexing features have no parameter '{}'",
                definition.values.begin()->first);
  return IndexingFeatures::create(config);
}

}  // namespace

Expected<std::shared_ptr<const FeatureSet>> make_feature_set(std::string_view text) {
  auto definition = parse_feature_definition(text);
  if (!definition) return tl::unexpected(definition.error());
  if (definition->kind == "polar") return make_polar(std::move(*definition));
  if (definition->kind == "indexing") return make_indexing(std::move(*definition));
  return fail(ErrorArea::format,
              "features of the kind '{}' are not known to this version (known: polar, indexing)",
              definition->kind);
}

}  // namespace bragglive
