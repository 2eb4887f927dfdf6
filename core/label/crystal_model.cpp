#include "core/label/crystal_model.hpp"

#include <algorithm>
#include <limits>

#include "core/label/crystal_model_file.hpp"

namespace bragglive {
namespace {

constexpr std::uint32_t k_lattice_lengths = 3;

struct HierarchyScratch final : CrystalModel::Scratch {
  Forest::Scratch forest;
  std::vector<const float*> rows, chosen;
  std::vector<std::size_t> chosen_index;
  std::vector<double> probability, values;
  std::vector<std::uint16_t> votes;
};

// Most and second most hard votes.
std::pair<std::uint16_t, std::uint16_t> top_two(std::span<const std::uint16_t> votes) {
  std::uint16_t top = 0, second = 0;
  for (const std::uint16_t v : votes) {
    if (v > top)
      second = std::exchange(top, v);
    else if (v > second)
      second = v;
  }
  return {top, second};
}

void set_unknown_lattice(PatternLabel& label) {
  label.lattice_angstrom.fill(std::numeric_limits<float>::quiet_NaN());
  label.lattice_spread_angstrom.fill(std::numeric_limits<float>::quiet_NaN());
}

class Hierarchy final : public CrystalModel {
 public:
  Hierarchy(CrystalModelParts parts, std::shared_ptr<const FeatureSet> features, std::string checksum)
      : parts_(std::move(parts)), features_(std::move(features)), checksum_(std::move(checksum)) {
    if (parts_.phases.empty()) return;
    phase_names_.push_back("none of these");
    for (const Phase& phase : parts_.phases) phase_names_.push_back(phase.name);
  }

  const FeatureSet& features() const override { return *features_; }
  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<HierarchyScratch>(); }
  const std::string& provenance_json() const override { return parts_.provenance; }
  const std::string& checksum() const override { return checksum_; }
  std::span<const std::string> phase_names() const override { return phase_names_; }

  void predict(std::span<const float> features, Scratch& scratch,
               std::span<PatternLabel> labels) const noexcept override {
    auto& work = static_cast<HierarchyScratch&>(scratch);
    work.rows.clear();
    for (std::size_t i = 0; i < labels.size(); ++i)
      work.rows.push_back(features.data() + i * features_->size());
    predict_system(work, labels);
    if (parts_.quality) predict_quality(work, labels);
    if (!parts_.phases.empty()) return;
    for (std::size_t s = 1; s < static_cast<std::size_t>(k_crystal_systems); ++s) {
      choose_rows(work, labels, static_cast<CrystalSystem>(s));
      if (work.chosen.empty()) continue;
      if (parts_.space_group[s]) predict_space_group(*parts_.space_group[s], work, labels);
      if (parts_.lattice[s]) predict_lattice(*parts_.lattice[s], work, labels);
    }
  }

 private:
  static void classify(const Forest& forest, std::span<const float* const> rows, HierarchyScratch& work) {
    const std::size_t cells = rows.size() * forest.outputs();
    if (work.probability.size() < cells) work.probability.resize(cells);
    if (work.votes.size() < cells) work.votes.resize(cells);
    forest.classify(rows, work.forest, std::span(work.probability).first(cells),
                    std::span(work.votes).first(cells));
  }

  void predict_system(HierarchyScratch& work, std::span<PatternLabel> labels) const {
    const Forest& forest = *parts_.system;
    classify(forest, work.rows, work);
    const std::size_t classes = forest.outputs();
    const auto trees = static_cast<float>(forest.trees());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      PatternLabel& label = labels[i];
      label = PatternLabel{};
      set_unknown_lattice(label);
      const auto votes = std::span(work.votes).subspan(i * classes, classes);
      const std::size_t best = arg_max(std::span(work.probability).subspan(i * classes, classes));
      name_class(forest.parts().labels[best], label);
      label.trees = static_cast<std::uint16_t>(forest.trees());
      for (std::size_t k = 0; k < classes; ++k) label.votes[forest.parts().labels[k]] = votes[k];
      const auto [top, second] = top_two(votes);
      label.confidence = parts_.confidence.empty()
                             ? static_cast<float>(top) / trees
                             : parts_.confidence.at(static_cast<float>(work.probability[i * classes + best]));
      label.difference_confidence = static_cast<float>(top - second) / trees;
    }
  }

  // What an answer of the system forest means: a crystal system or a phase with all that is known of it.
  void name_class(std::uint16_t answer, PatternLabel& label) const {
    if (parts_.phases.empty()) {
      label.system = static_cast<CrystalSystem>(answer);
      return;
    }
    label.phase = static_cast<std::uint8_t>(answer);
    if (answer == 0) return;
    const Phase& phase = parts_.phases[answer - 1U];
    label.system = phase.system;
    label.space_group = phase.space_group;
    label.space_group_confidence = 1;
    std::copy_n(phase.lattice.begin(), 3, label.lattice_angstrom.begin());
    label.lattice_spread_angstrom.fill(0);
  }

  void predict_quality(HierarchyScratch& work, std::span<PatternLabel> labels) const {
    const Forest& forest = *parts_.quality;
    classify(forest, work.rows, work);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      labels[i].mixed = labels[i].outlier = 0;
      for (std::size_t k = 0; k < forest.outputs(); ++k) {
        const auto share = static_cast<float>(work.probability[i * forest.outputs() + k]);
        if (forest.parts().labels[k] == static_cast<std::uint16_t>(PatternQuality::mixed))
          labels[i].mixed = share;
        if (forest.parts().labels[k] == static_cast<std::uint16_t>(PatternQuality::unlike))
          labels[i].outlier = share;
      }
    }
  }

  static void choose_rows(HierarchyScratch& work, std::span<const PatternLabel> labels,
                          CrystalSystem system) {
    work.chosen.clear();
    work.chosen_index.clear();
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].system != system) continue;
      work.chosen.push_back(work.rows[i]);
      work.chosen_index.push_back(i);
    }
  }

  static void predict_space_group(const Forest& forest, HierarchyScratch& work,
                                  std::span<PatternLabel> labels) {
    classify(forest, work.chosen, work);
    const std::size_t classes = forest.outputs();
    for (std::size_t i = 0; i < work.chosen.size(); ++i) {
      PatternLabel& label = labels[work.chosen_index[i]];
      const std::size_t best = arg_max(std::span(work.probability).subspan(i * classes, classes));
      label.space_group = forest.parts().labels[best];
      label.space_group_confidence =
          static_cast<float>(top_two(std::span(work.votes).subspan(i * classes, classes)).first) /
          static_cast<float>(forest.trees());
    }
  }

  static void predict_lattice(const Forest& forest, HierarchyScratch& work, std::span<PatternLabel> labels) {
    const std::size_t trees = forest.trees(), cells = work.chosen.size() * k_lattice_lengths * trees;
    if (work.values.size() < cells) work.values.resize(cells);
    forest.regress(work.chosen, k_lattice_lengths, work.forest, std::span(work.values).first(cells));
    for (std::size_t i = 0; i < work.chosen.size(); ++i) {
      PatternLabel& label = labels[work.chosen_index[i]];
      for (std::size_t k = 0; k < k_lattice_lengths; ++k) {
        const auto of_trees = std::span(work.values).subspan((i * k_lattice_lengths + k) * trees, trees);
        const MedianSpread found = median_and_spread(of_trees);
        label.lattice_angstrom[k] = static_cast<float>(found.median);
        label.lattice_spread_angstrom[k] = static_cast<float>(found.half_68);
      }
    }
  }

  CrystalModelParts parts_;
  std::shared_ptr<const FeatureSet> features_;
  std::string checksum_;
  std::vector<std::string> phase_names_;
};

Expected<void> check_phase_labels(const CrystalModelParts& parts) {
  for (const std::uint16_t label : parts.system->parts().labels)
    if (label > parts.phases.size())
      return fail(ErrorArea::format, "model: answer {} of {} phases", label, parts.phases.size());
  const auto there = [](const auto& forest) { return forest.has_value(); };
  if (std::any_of(parts.space_group.begin(), parts.space_group.end(), there) ||
      std::any_of(parts.lattice.begin(), parts.lattice.end(), there) || parts.merged_system)
    return fail(ErrorArea::format,
                "model: a specimen model has no forests for space groups, lattices and several patterns");
  return {};
}

Expected<void> check_labels(const CrystalModelParts& parts) {
  if (parts.quality)
    for (const std::uint16_t label : parts.quality->parts().labels)
      if (label > static_cast<std::uint16_t>(PatternQuality::unlike))
        return fail(ErrorArea::format, "model: {} is no answer of a quality forest", label);
  if (!parts.phases.empty()) return check_phase_labels(parts);
  if (parts.merged_system)
    for (const std::uint16_t label : parts.merged_system->parts().labels)
      if (label < 1 || label >= k_crystal_systems)
        return fail(ErrorArea::format, "model: {} is no crystal system", label);
  for (const std::uint16_t label : parts.system->parts().labels)
    if (label < 1 || label >= k_crystal_systems)
      return fail(ErrorArea::format, "model: {} is no crystal system", label);
  for (std::size_t s = 0; s < parts.space_group.size(); ++s) {
    if (!parts.space_group[s]) continue;
    for (const std::uint16_t label : parts.space_group[s]->parts().labels)
      if (static_cast<std::size_t>(crystal_system_of_space_group(label)) != s)
        return fail(ErrorArea::format, "model: space group {} does not belong to the {} system", label,
                    k_crystal_system_names[s]);
  }
  return {};
}

Expected<void> check_forest(const std::optional<Forest>& forest, ForestKind kind, std::size_t features,
                            const char* what) {
  if (!forest) return {};
  if (forest->parts().kind != kind)
    return fail(ErrorArea::format, "model: the {} forest is of the wrong kind", what);
  if (forest->parts().features != features)
    return fail(ErrorArea::format, "model: the {} forest reads {} features, its feature set makes {}", what,
                forest->parts().features, features);
  if (kind == ForestKind::regression && forest->outputs() < k_lattice_lengths)
    return fail(ErrorArea::format, "model: a lattice forest has {} outputs, at least 3 are needed",
                forest->outputs());
  return {};
}

}  // namespace

Expected<std::shared_ptr<const FeatureSet>> check_crystal_model(const CrystalModelParts& parts) {
  auto features = feature_set_of(parts);
  if (!features) return tl::unexpected(features.error());
  if (!parts.system) return fail(ErrorArea::format, "model: there is no crystal-system forest");
  const std::size_t size = (*features)->size();
  if (auto good = check_forest(parts.system, ForestKind::classification, size, "crystal-system"); !good)
    return tl::unexpected(good.error());
  for (std::size_t s = 0; s < parts.lattice.size(); ++s) {
    if (auto good = check_forest(parts.space_group[s], ForestKind::classification, size, "space-group");
        !good)
      return tl::unexpected(good.error());
    if (auto good = check_forest(parts.lattice[s], ForestKind::regression, size, "lattice"); !good)
      return tl::unexpected(good.error());
  }
  if (auto good = check_forest(parts.quality, ForestKind::classification, size, "quality"); !good)
    return tl::unexpected(good.error());
  if (auto good = parts.confidence.check(); !good) return tl::unexpected(good.error());
  if (auto good = check_labels(parts); !good) return tl::unexpected(good.error());
  return features;
}

Expected<std::shared_ptr<const CrystalModel>> make_crystal_model(CrystalModelParts parts,
                                                                 std::string checksum) {
  auto features = check_crystal_model(parts);
  if (!features) return tl::unexpected(features.error());
  return std::make_shared<const Hierarchy>(std::move(parts), std::move(*features), std::move(checksum));
}

Expected<std::shared_ptr<const CrystalModel>> load_crystal_model(const std::filesystem::path& file) {
  auto loaded = load_crystal_model_parts(file);
  if (!loaded) return tl::unexpected(loaded.error());
  auto model = make_crystal_model(std::move(loaded->parts), std::move(loaded->checksum));
  if (!model) return fail(model.error().area, "{}: {}", file.string(), model.error().message);
  return model;
}

}  // namespace bragglive
