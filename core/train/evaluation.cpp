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
#include "core/label/group_features.hpp"
#include "core/train/quality_patterns.hpp"

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

double median_of(std::vector<float> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? double{values[n / 2]} : (double{values[n / 2 - 1]} + double{values[n / 2]}) / 2;
}

namespace {

// What the forests say about one pattern, kept until its material is put together.
struct Answer {
  std::uint32_t pattern = 0;
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

  // The pattern as it is measured: the same each time.
  void measured(std::uint32_t pattern, BraggList& out) const {
    CounterRandom random(random_key(config_.seed, pattern));
    data_.copy_pattern(pattern, out);
    apply_detection(detection_, random, out);
  }

  void ask(std::uint32_t pattern, Scratch& work, Answer& answer) const {
    answer.pattern = pattern;
    measured(pattern, work.peaks);
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

// The forest for groups of patterns.
class GroupAsker {
 public:
  GroupAsker(const CrystalModelParts& parts, std::shared_ptr<const GroupFeatureSet> features,
             const Asker& asker)
      : parts_(parts), features_(std::move(features)), asker_(asker) {}
  bool there() const { return features_ != nullptr; }

  void ask(std::span<const Answer* const> answers, CrystalSystem truth, SystemScores& scores) const {
    const Forest& forest = *parts_.merged_system;
    std::vector<BraggList> lists(answers.size());
    for (std::size_t i = 0; i < answers.size(); ++i) asker_.measured(answers[i]->pattern, lists[i]);
    std::vector<float> values(features_->size());
    features_->compute(lists, *features_->make_scratch(), values);
    std::vector<double> probability(forest.outputs());
    std::vector<std::uint16_t> votes(forest.outputs());
    Forest::Scratch scratch;
    const float* row = values.data();
    forest.classify(std::span(&row, 1), scratch, probability, votes);
    const std::size_t best = arg_max(probability);
    scores.add(truth, static_cast<CrystalSystem>(forest.parts().labels[best]), probability[best]);
  }

 private:
  const CrystalModelParts& parts_;
  std::shared_ptr<const GroupFeatureSet> features_;
  const Asker& asker_;
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

void score_ten(std::span<const Answer* const> ten, const Material& material, const GroupAsker& group,
               Evaluation& out) {
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
  if (group.there())
    group.ask(ten, material.system, out.merged10);
  else
    out.merged10.add(material.system, static_cast<CrystalSystem>(best - logarithms.begin()), 1 / sum);
  score_submodels(material, voted.system, voted.space_group, voted.lattice_angstrom, out.group_aggregate10,
                  out.lattice_aggregate10);
}

void score_quality(const CrystalModel& model, const Dataset& data, std::span<const std::uint32_t> patterns,
                   const DetectionModel& detection, const EvaluationConfig& config, Evaluation& out) {
  constexpr std::size_t k_rows = 6000;
  const std::size_t rows = std::min(k_rows, 3 * patterns.size());
  std::vector<PatternLabel> labels(rows);
  std::vector<std::uint8_t> usable(rows);
  const QualityRows source(data, patterns, model.features(), detection, rows, config.min_disks, config.seed);
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows, 64), [&](const auto& range) {
    const auto scratch = source.make_scratch();
    const auto model_scratch = model.make_scratch();
    std::vector<float> values(source.width());
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      if (!(usable[i] = source.compute(i, *scratch, values))) continue;
      model.predict(values, *model_scratch, std::span(&labels[i], 1));
    }
  });
  std::vector<float> single_mixed, mixed, single_outlier, unlike;
  for (std::size_t i = 0; i < rows; ++i) {
    if (!usable[i]) continue;
    const PatternQuality kind = QualityRows::kind_of(i);
    if (kind == PatternQuality::single) {
      single_mixed.push_back(labels[i].mixed);
      single_outlier.push_back(labels[i].outlier);
    } else {
      (kind == PatternQuality::mixed ? mixed : unlike)
          .push_back(kind == PatternQuality::mixed ? labels[i].mixed : labels[i].outlier);
    }
  }
  out.mixed_auc = area_under_curve(mixed, single_mixed);
  out.outlier_auc = area_under_curve(unlike, single_outlier);
}

Share share_right(const CrystalModelParts& parts, const CrystalModel& model, const Dataset& data,
                  std::span<const std::uint32_t> patterns, const DetectionModel& detection,
                  const EvaluationConfig& config) {
  const Asker asker(parts, model, data, detection, config);
  std::atomic<std::uint64_t> right{0}, total{0};
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, patterns.size(), 64), [&](const auto& range) {
    auto scratch = asker.make_scratch();
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      Answer answer;
      asker.ask(patterns[i], scratch, answer);
      if (!answer.usable) continue;
      ++total;
      right += answer.label.system == data.materials[data.material[patterns[i]]].system ? 1 : 0;
    }
  });
  return {static_cast<double>(right), static_cast<double>(total)};
}

void score_stress(const CrystalModelParts& parts, const CrystalModel& model, const Dataset& data,
                  std::span<const std::uint32_t> patterns, const DetectionModel& detection,
                  const EvaluationConfig& config, Evaluation& out) {
  constexpr std::size_t k_patterns = 1000;
  std::vector<std::uint32_t> some;
  const std::size_t step = std::max<std::size_t>(1, patterns.size() / k_patterns);
  for (std::size_t i = 0; i < patterns.size(); i += step) some.push_back(patterns[i]);
  const auto run = [&](const std::string& what, std::initializer_list<double> values, auto&& change) {
    Evaluation::Stress stress{what, {}};
    for (const double value : values) {
      DetectionModel changed = detection;
      change(changed, value);
      stress.at.emplace_back(value, share_right(parts, model, data, some, changed, config));
    }
    out.stress.push_back(std::move(stress));
  };
  run("position error, 1/\u00c5", {0, 0.001, 0.002, 0.003, 0.005, 0.008}, [](DetectionModel& m, double v) {
    m.position_error = {v, v};
  });
  run("pixel size wrong by, %", {-2, -1, -0.5, 0, 0.5, 1, 2}, [](DetectionModel& m, double v) {
    m.pixel_size_error = {v / 100, v / 100};
  });
  run("weakest spot seen, share of the incident beam (dose)", {5e-5, 2e-4, 5e-4, 1e-3, 3e-3, 1e-2},
      [](DetectionModel& m, double v) {
        m.threshold = {v, v};
      });
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
  arena.execute([&] {
    if (parts.quality) score_quality(**model, data, chosen, *detection, config, out);
    if (config.stress) score_stress(parts, **model, data, chosen, *detection, config, out);
  });
  std::shared_ptr<const GroupFeatureSet> group_features;
  if (parts.merged_system) {
    auto made = make_group_feature_set(parts.merged_features);
    if (!made) return tl::unexpected(made.error());
    if ((*made)->size() != parts.merged_system->parts().features)
      return fail(ErrorArea::format,
                  "evaluation: the forest for groups of patterns reads {} features, '{}' makes {}",
                  parts.merged_system->parts().features, parts.merged_features, (*made)->size());
    group_features = std::move(*made);
    out.merged_by_forest = true;
  }
  const GroupAsker group(parts, group_features, asker);
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
    score_ten(std::span(list).first(std::min(k_aggregated, list.size())), data.materials[m], group, out);
  }
  return out;
}

}  // namespace bragglive
