#include "core/train/evaluation_stress.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <atomic>

#include "core/train/pattern_asker.hpp"
#include "core/train/quality_patterns.hpp"

namespace bragglive {
namespace {

Share share_right(const CrystalModel& model, const Dataset& data, std::span<const std::uint32_t> patterns,
                  const DetectionModel& detection, const EvaluationConfig& config) {
  const PatternAsker asker(model, nullptr, data, detection, config);
  std::atomic<std::uint64_t> right{0}, total{0};
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, patterns.size(), 64), [&](const auto& range) {
    auto scratch = asker.make_scratch();
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      PatternAnswer answer;
      asker.ask(patterns[i], scratch, answer);
      if (!answer.usable) continue;
      ++total;
      right += answer.label.system == data.materials[data.material[patterns[i]]].system ? 1 : 0;
    }
  });
  return {static_cast<double>(right), static_cast<double>(total)};
}

}  // namespace

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

void score_stress(const CrystalModel& model, const Dataset& data, std::span<const std::uint32_t> patterns,
                  const DetectionModel& detection, const EvaluationConfig& config, Evaluation& out) {
  constexpr std::size_t k_patterns = 1000;
  std::vector<std::uint32_t> some;
  const std::size_t step = std::max<std::size_t>(1, patterns.size() / k_patterns);
  for (std::size_t i = 0; i < patterns.size(); i += step) some.push_back(patterns[i]);
  const auto run = [&](const std::string& what, std::initializer_list<double> values, auto&& change) {
    Evaluation::Stress stress{what, {}};
    for (const double value : values) {
      DetectionModel changed = detection;
      change(changed, value);
      stress.at.emplace_back(value, share_right(model, data, some, changed, config));
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

}  // namespace bragglive
