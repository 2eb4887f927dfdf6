#include "core/train/hierarchy_trainer.hpp"

#include <algorithm>
#include <set>

namespace bragglive {
namespace {

// Of a, b, c where they are ratios to measured lengths: as much as an angle's 10 degrees.
constexpr float k_ratio_scale = 0.3F;

class HierarchyTrainer {
 public:
  explicit HierarchyTrainer(const HierarchyInput& in)
      : data_(in.data),
        table_(in.table),
        config_(in.config),
        selection_(in.selection),
        names_(in.names),
        lengths_(in.lengths),
        checkpoint_(in.checkpoint) {
    for (std::uint32_t row = 0; row < table_.usable.size(); ++row)
      if (table_.usable[row]) rows_.push_back(row);
  }

  std::size_t rows() const { return rows_.size(); }
  const Material& material_of(std::uint32_t row) const { return data_.materials[number_of(row)]; }

  Expected<void> train(CrystalModelParts& parts, ModelScores& scores) {
    ForestConfig config = forest_config(config_.system, "crystal system");
    config.out_of_bag = config_.bootstrap_materials;
    auto system = classifier(
        "system", rows_, config, [](const Material& m) { return static_cast<std::uint16_t>(m.system); },
        parts.system);
    if (!system) return tl::unexpected(system.error());
    parts.confidence = std::move(system->confidence);
    scores.out_of_bag = system->accuracy;
    for (std::size_t s = 1; s < static_cast<std::size_t>(k_crystal_systems); ++s)
      if (auto done = train_system(s, parts); !done) return done;
    return {};
  }

 private:
  std::uint32_t number_of(std::uint32_t row) const {
    return data_.material[selection_.patterns[row % selection_.patterns.size()]];
  }
  ForestConfig forest_config(const ForestConfig& config, std::string stage) const {
    return for_table(config, config_, names_, std::move(stage));
  }

  Expected<void> train_system(std::size_t s, CrystalModelParts& parts) const {
    std::vector<std::uint32_t> rows;
    for (const std::uint32_t row : rows_)
      if (static_cast<std::size_t>(material_of(row).system) == s) rows.push_back(row);
    if (rows.empty()) return {};
    const std::string name(k_crystal_system_names[s]);
    if (config_.space_group.trees > 0) {
      const auto group = classifier(
          "space_group." + name, rows, forest_config(config_.space_group, name + " space groups"),
          [](const Material& m) { return m.space_group; }, parts.space_group[s]);
      if (!group) return tl::unexpected(group.error());
    }
    if (config_.lattice.trees > 0) {
      const auto lattice = regressor("lattice." + name, rows, static_cast<CrystalSystem>(s),
                                     forest_config(config_.lattice, name + " lattice"), parts.lattice[s]);
      if (!lattice) return tl::unexpected(lattice.error());
    }
    return {};
  }

  template <class LabelOf>
  Expected<OutOfBag> classifier(const std::string& name, const std::vector<std::uint32_t>& rows,
                                const ForestConfig& config, LabelOf label_of,
                                std::optional<Forest>& place) const {
    const auto make = [&]() -> Expected<FinishedForest> {
      std::set<std::uint16_t> found;
      for (const std::uint32_t row : rows) found.insert(label_of(material_of(row)));
      const std::vector<std::uint16_t> labels(found.begin(), found.end());
      std::vector<std::uint8_t> classes;
      std::vector<std::uint32_t> groups;
      for (const std::uint32_t row : rows) {
        classes.push_back(static_cast<std::uint8_t>(
            std::lower_bound(labels.begin(), labels.end(), label_of(material_of(row))) - labels.begin()));
        if (config.out_of_bag) groups.push_back(group_of_material_[number_of(row)]);
      }
      groups = dense(std::move(groups));
      auto trained = train_classifier(table_.table, {rows, classes, labels, groups}, config);
      if (!trained) return tl::unexpected(trained.error());
      return finished(std::move(*trained));
    };
    return checkpoint_.get(name, make, place);
  }

  Expected<OutOfBag> regressor(const std::string& name, const std::vector<std::uint32_t>& rows,
                               CrystalSystem system, const ForestConfig& config,
                               std::optional<Forest>& place) const {
    const auto make = [&]() -> Expected<FinishedForest> {
      const std::size_t kept = lengths_.features().size();
      std::vector<float> values;
      values.reserve(rows.size() * 6);
      for (const std::uint32_t row : rows) {
        auto lattice = comparable_lattice(material_of(row));
        lengths_.divide(system, std::span(table_.kept).subspan(row * kept, kept), lattice);
        values.insert(values.end(), lattice.begin(), lattice.end());
      }
      auto scale = config_.lattice_scale;
      if (lengths_.measured(system)) std::fill_n(scale.begin(), 3, k_ratio_scale);
      const auto features = lengths_.scale_features(system);
      auto trained = train_regressor(table_.table, {rows, values, 6, features, scale}, config);
      if (!trained) return tl::unexpected(trained.error());
      return finished(std::move(*trained));
    };
    return checkpoint_.get(name, make, place);
  }

  const Dataset& data_;
  const FeatureTable& table_;
  const ModelTrainConfig& config_;
  const Selection& selection_;
  std::span<const std::string> names_;
  const LatticeLengths& lengths_;
  Checkpoint& checkpoint_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> group_of_material_ = group_numbers(data_);
};

}  // namespace

Expected<std::size_t> train_hierarchy(const HierarchyInput& input, CrystalModelParts& parts,
                                      ModelScores& scores) {
  HierarchyTrainer trainer(input);
  if (trainer.rows() == 0) return std::size_t{0};
  if (auto done = trainer.train(parts, scores); !done) return tl::unexpected(done.error());
  return trainer.rows();
}

}  // namespace bragglive
