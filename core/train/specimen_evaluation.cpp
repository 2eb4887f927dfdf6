#include "core/train/specimen_evaluation.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/train/candidate_phases.hpp"

namespace bragglive {
namespace {

constexpr int k_left_out = -1;

// 0 none of the phases, 1.. the phase, or k_left_out.
int truth_of(const Material& material, std::span<const Phase> phases) {
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const Phase& phase = phases[i];
    if (material.space_group != phase.space_group || !same_lattice(material.lattice, phase.lattice, 0.005))
      continue;
    return material.formula == phase.formula ? static_cast<int>(i + 1) : k_left_out;
  }
  return 0;
}

struct Answer {
  int truth = k_left_out;
  std::uint32_t spots = 0;
  bool usable = false;
  PatternLabel label;
};

void score(const std::vector<Answer>& answers, const std::vector<float>& thickness, SpecimenEvaluation& out) {
  std::vector<double> own;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& a = answers[i];
    if (a.truth == k_left_out) continue;
    if (!a.usable) {
      ++out.too_few_disks;
      continue;
    }
    ++out.patterns;
    const bool right = a.truth == a.label.phase;
    out.confusion[std::size_t(a.truth)][a.label.phase] += 1;
    if (a.label.phase != 0) out.by_confidence.add(double{a.label.confidence}, right);
    if (a.truth == 0) {
      out.refused.total += 1;
      out.refused.right += a.label.phase == 0 ? 1 : 0;
      continue;
    }
    out.by_spots.add(a.spots, right);
    out.by_thickness.add(double{thickness[i]}, right);
    Share& share = a.spots >= k_enough_spots ? out.right : out.right_few;
    share.total += 1;
    share.right += right ? 1 : 0;
    if (a.spots >= k_enough_spots) own.push_back(right ? double{a.label.confidence} : 0);
  }
  if (own.empty()) return;
  std::sort(own.begin(), own.end());
  out.confidence_of_95 = own[own.size() / 20];
  for (const Answer& a : answers) {
    if (a.truth != 0 || !a.usable) continue;
    out.turned_away.total += 1;
    out.turned_away.right += a.label.phase == 0 || double{a.label.confidence} < out.confidence_of_95 ? 1 : 0;
  }
}

}  // namespace

Expected<SpecimenEvaluation> evaluate_specimen(const CrystalModelParts& parts, const Dataset& data,
                                               const EvaluationConfig& config) {
  const auto detection = detection_preset(config.noise);
  if (!detection) return tl::unexpected(detection.error());
  const auto model = make_crystal_model(parts, "");
  if (!model) return tl::unexpected(model.error());
  const FeatureSet& features = (*model)->features();
  std::vector<int> truth;
  for (const Material& material : data.materials) truth.push_back(truth_of(material, parts.phases));
  std::vector<Answer> answers(data.patterns());
  std::atomic<std::uint64_t> done{0};
  tbb::task_arena arena(config.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(config.threads));
  arena.execute([&] {
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, answers.size(), 128), [&](const auto& range) {
      const auto feature_scratch = features.make_scratch();
      const auto model_scratch = (*model)->make_scratch();
      std::vector<float> values(features.size());
      BraggList peaks;
      for (std::size_t i = range.begin(); i < range.end(); ++i) {
        Answer& answer = answers[i];
        answer.truth = truth[data.material[i]];
        if (answer.truth == k_left_out) continue;
        CounterRandom random(random_key(config.seed, i));
        data.copy_pattern(i, peaks);
        apply_detection(*detection, random, peaks);
        answer.spots = static_cast<std::uint32_t>(std::count_if(
            peaks.begin(), peaks.end(), [](const BraggPeak& p) { return std::hypot(p.qx, p.qy) > 0.05; }));
        answer.usable = peaks.size() >= config.min_disks;
        if (!answer.usable) continue;
        features.compute(peaks, feature_scratch.get(), values);
        (*model)->predict(values, *model_scratch, std::span(&answer.label, 1));
      }
      const std::uint64_t now = done.fetch_add(range.size()) + range.size();
      if (config.progress) config.progress(now, answers.size());
    });
  });
  SpecimenEvaluation out;
  out.names.assign((*model)->phase_names().begin(), (*model)->phase_names().end());
  out.confusion.assign(out.names.size(), std::vector<double>(out.names.size()));
  score(answers, data.thickness_nm, out);
  if (out.patterns == 0)
    return fail(ErrorArea::shape, "evaluation: no pattern has {} disks or more", config.min_disks);
  return out;
}

}  // namespace bragglive
