#include "core/train/evaluation.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <set>

#include "core/label/aggregate.hpp"

namespace bragglive {

void SystemScores::add(CrystalSystem truth, CrystalSystem predicted, double confidence) {
  const auto t = static_cast<std::size_t>(truth), p = static_cast<std::size_t>(predicted);
  count[t][p] += 1;
  confidence_sum[t][p] += confidence;
  total += 1;
  right += truth == predicted ? 1 : 0;
}

double SystemScores::sensitivity(std::size_t system) const {
  double all = 0;
  for (const double n : count[system]) all += n;
  return all > 0 ? count[system][system] / all : 0;
}

double SystemScores::precision(std::size_t system) const {
  double all = 0;
  for (const auto& row : count) all += row[system];
  return all > 0 ? count[system][system] / all : 0;
}

Curve::Curve(std::vector<double> edges)
    : edge(std::move(edges)), share(edge.size() + 1), sum(edge.size() + 1) {}

void Curve::add(double at, bool right) {
  const auto i = static_cast<std::size_t>(std::upper_bound(edge.begin(), edge.end(), at) - edge.begin());
  share[i].total += 1;
  share[i].right += right ? 1 : 0;
  sum[i] += at;
}

double median_of(std::vector<float> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? double{values[n / 2]} : (double{values[n / 2 - 1]} + double{values[n / 2]}) / 2;
}

namespace {

// What the forests say about one pattern, kept until its material is put together.
struct Answer {
  bool usable = false;
  std::uint32_t disks = 0;
  PatternLabel label;
  std::array<float, k_crystal_systems> probability{};
};

class Asker {
 public:
  Asker(const CrystalModelParts& parts, const CrystalModel& model, const Dataset& data,
        const DetectionModel& detection, const EvaluationConfig& config)
      : parts_(parts), model_(model), data_(data), detection_(detection), config_(config) {}

  struct Scratch {
    std::unique_ptr<FeatureSet::Scratch> features;
    std::unique_ptr<CrystalModel::Scratch> model;
    Forest::Scratch forest;
    BraggList peaks;
    std::vector<float> values;
    std::vector<double> probability;
    std::vector<std::uint16_t> votes;
  };
  Scratch make_scratch() const {
    return {model_.features().make_scratch(),
            model_.make_scratch(),
            {},
            {},
            std::vector<float>(model_.features().size()),
            std::vector<double>(k_max_classes),
            std::vector<std::uint16_t>(k_max_classes)};
  }

  void ask(std::size_t pattern, Scratch& work, Answer& answer) const {
    CounterRandom random(random_key(config_.seed, pattern));
    data_.copy_pattern(pattern, work.peaks);
    apply_detection(detection_, random, work.peaks);
    answer.disks = static_cast<std::uint32_t>(work.peaks.size());
    if (work.peaks.size() < config_.min_disks) return;
    answer.usable = true;
    model_.features().compute(work.peaks, work.features.get(), work.values);
    model_.predict(work.values, *work.model, std::span(&answer.label, 1));
    classify(*parts_.system, work);
    for (std::size_t k = 0; k < parts_.system->outputs(); ++k)
      answer.probability[parts_.system->parts().labels[k]] = static_cast<float>(work.probability[k]);
  }

 private:
  static void classify(const Forest& forest, Scratch& work) {
    const float* row = work.values.data();
    forest.classify(std::span(&row, 1), work.forest, std::span(work.probability).first(forest.outputs()),
                    std::span(work.votes).first(forest.outputs()));
  }

  const CrystalModelParts& parts_;
  const CrystalModel& model_;
  const Dataset& data_;
  const DetectionModel& detection_;
  const EvaluationConfig& config_;
};

// As the paper scores them (Figure 5): by the predicted system, whose forests answered, right or wrong.
void score_submodels(const Material& material, CrystalSystem predicted, std::uint16_t group,
                     const std::array<float, 3>& lattice, std::array<Share, k_crystal_systems>& groups,
                     std::array<std::array<std::vector<float>, 3>, k_crystal_systems>& errors) {
  const auto s = static_cast<std::size_t>(predicted);
  if (group != 0) {
    groups[s].total += 1;
    groups[s].right += group == material.space_group ? 1 : 0;
  }
  const auto truth = comparable_lattice(material);
  for (std::size_t k = 0; k < 3; ++k)
    if (std::isfinite(lattice[k])) errors[s][k].push_back(std::abs(lattice[k] - truth[k]));
}

void score_pattern(const Answer& answer, const Material& material, double thickness, Evaluation& out) {
  const PatternLabel& label = answer.label;
  const bool right = label.system == material.system;
  out.individual.add(material.system, label.system, static_cast<double>(label.confidence));
  out.by_confidence.add(static_cast<double>(label.confidence), right);
  out.by_spots.add(answer.disks, right);
  out.by_thickness.add(thickness, right);
  score_submodels(material, label.system, label.space_group, label.lattice_angstrom, out.group_individual,
                  out.lattice_individual);
}

void score_ten(std::span<const Answer* const> ten, const Material& material, Evaluation& out) {
  std::vector<PatternLabel> labels;
  std::array<double, k_crystal_systems> logarithms{};
  for (const Answer* answer : ten) {
    labels.push_back(answer->label);
    for (std::size_t k = 1; k < logarithms.size(); ++k)
      logarithms[k] += std::log(static_cast<double>(answer->probability[k]) + 1e-3);
  }
  const AggregateLabel voted = aggregate(labels);
  out.aggregate10.add(material.system, voted.system, static_cast<double>(voted.confidence));
  const auto best = std::max_element(logarithms.begin() + 1, logarithms.end());
  double sum = 0;
  for (std::size_t k = 1; k < logarithms.size(); ++k) sum += std::exp(logarithms[k] - *best);
  out.merged10.add(material.system, static_cast<CrystalSystem>(best - logarithms.begin()), 1 / sum);
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

  const Asker asker(parts, **model, data, *detection, config);
  std::vector<Answer> answers(chosen.size());
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
  std::map<std::uint32_t, std::vector<const Answer*>> of_material;
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
    score_ten(std::span(list).first(std::min(k_aggregated, list.size())), data.materials[m], out);
  }
  return out;
}

}  // namespace bragglive
