#include "core/train/evaluation.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <set>

#include "core/label/aggregate.hpp"
#include "core/train/evaluation_stress.hpp"
#include "core/train/pattern_asker.hpp"

namespace bragglive {

double Evaluation::calibration_error() const {
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < by_confidence.share.size(); ++i) {
    const Share& share = by_confidence.share[i];
    if (share.total == 0) continue;
    sum += std::abs(by_confidence.sum[i] - share.right);
    total += share.total;
  }
  return total > 0 ? sum / total : 0;
}

namespace {

// As the paper scores them (Figure 5): by the predicted system, whose forests answered, right or wrong.
void score_submodels(const Material& material, CrystalSystem predicted, std::uint16_t group,
                     const std::array<float, 3>& lattice, std::array<Share, k_crystal_systems>& groups,
                     LengthGuesses& lengths) {
  const auto s = static_cast<std::size_t>(predicted);
  if (group != 0) {
    groups[s].total += 1;
    groups[s].right += group == material.space_group ? 1 : 0;
  }
  const auto truth = comparable_lattice(material);
  for (std::size_t k = 0; k < 3; ++k)
    if (std::isfinite(lattice[k]))
      lengths[s][k].push_back({truth[k], lattice[k], predicted == material.system});
}

void score_pattern(const PatternAnswer& answer, const Material& material, double thickness, Evaluation& out) {
  const PatternLabel& label = answer.label;
  const bool right = label.system == material.system;
  out.individual.add(material.system, label.system, static_cast<double>(label.confidence));
  out.by_confidence.add(static_cast<double>(label.confidence), right);
  out.by_spots.add(answer.disks, right);
  out.by_thickness.add(thickness, right);
  score_submodels(material, label.system, label.space_group, label.lattice_angstrom, out.group_individual,
                  out.lattice_individual);
}

void score_ten(std::span<const PatternAnswer* const> ten, const Material& material, const PatternAsker& asker,
               const GroupModel& group, Evaluation& out) {
  std::vector<PatternLabel> labels;
  std::vector<BraggList> lists(ten.size());
  std::vector<SystemProbabilities> each;
  for (std::size_t i = 0; i < ten.size(); ++i) {
    labels.push_back(ten[i]->label);
    each.push_back(ten[i]->probability);
    if (group.has_forest()) asker.measured(ten[i]->pattern, lists[i]);
  }
  const AggregateLabel voted = aggregate(labels);
  out.aggregate10.add(material.system, voted.system, static_cast<double>(voted.confidence));
  const GroupLabel together = group.ask(lists, each);
  out.merged10.add(material.system, together.system, static_cast<double>(together.confidence));
  score_submodels(material, voted.system, voted.space_group, voted.lattice_angstrom, out.group_aggregate10,
                  out.lattice_aggregate10);
}

}  // namespace

Expected<Evaluation> evaluate_model(const CrystalModelParts& parts, const Dataset& data,
                                    const EvaluationConfig& config) {
  const auto detection = detection_preset(config.noise);
  if (!detection) return tl::unexpected(detection.error());
  const auto model = make_crystal_model(parts, "");
  if (!model) return tl::unexpected(model.error());
  std::set<CrystalSystem> known;
  for (const std::uint16_t label : parts.system->parts().labels)
    known.insert(static_cast<CrystalSystem>(label));
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t i = 0; i < data.patterns(); ++i) {
    const Material& material = data.materials[data.material[i]];
    if (known.contains(material.system) && (config.all_materials || material.split == k_split_test))
      chosen.push_back(i);
  }
  if (chosen.empty())
    return fail(ErrorArea::shape,
                "evaluation: the data sets hold no pattern of a test material whose system the model knows");

  const auto group = GroupModel::create(parts, {config.merged_share_of_one});
  if (!group) return tl::unexpected(group.error());
  const PatternAsker asker(**model, &*group, data, *detection, config);
  std::vector<PatternAnswer> answers(chosen.size());
  std::atomic<std::uint64_t> done{0};
  tbb::task_arena arena(config.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(config.threads));
  arena.execute([&] {
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, chosen.size(), 128), [&](const auto& range) {
      auto scratch = asker.make_scratch();
      for (std::size_t i = range.begin(); i < range.end(); ++i) asker.ask(chosen[i], scratch, answers[i]);
      const std::uint64_t now = done.fetch_add(range.size()) + range.size();
      if (config.progress) config.progress(now, chosen.size());
    });
  });

  Evaluation out;
  arena.execute([&] {
    if (parts.quality) score_quality(**model, data, chosen, *detection, config, out);
    if (config.stress) score_stress(**model, data, chosen, *detection, config, out);
  });
  out.merged_by_forest = group->has_forest();
  std::map<std::uint32_t, std::vector<const PatternAnswer*>> of_material;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!answers[i].usable) {
      ++out.too_few_disks;
      continue;
    }
    const std::uint32_t m = data.material[chosen[i]];
    score_pattern(answers[i], data.materials[m], static_cast<double>(data.thickness_nm[chosen[i]]), out);
    of_material[m].push_back(&answers[i]);
    ++out.patterns;
  }
  if (out.patterns == 0)
    return fail(ErrorArea::shape, "evaluation: no pattern has {} disks or more", config.min_disks);
  out.materials = of_material.size();
  for (auto& [m, list] : of_material) {
    // Drawn by the seed, as the paper draws ten of its hundred; fewer when there are fewer.
    CounterRandom random(random_key(config.seed, m, 1));
    for (std::size_t i = list.size(); i > 1; --i)
      std::swap(list[i - 1], list[static_cast<std::size_t>(random.uniform() * static_cast<double>(i))]);
    score_ten(std::span(list).first(std::min(k_aggregated, list.size())), data.materials[m], asker, *group,
              out);
  }
  return out;
}

}  // namespace bragglive
