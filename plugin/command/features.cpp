// `bragglive features`: PEAKS.csv -> feature vectors as .npy.
#include <fstream>
#include <memory>
#include <vector>

#include "core/features/polar_features.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/peaks_csv.hpp"

namespace bragglive::command {
namespace {

struct Options {
  std::string peaks, out, direct_beam = "remove", set;
  double scale_total = 0;
  bool magnitudes_only = false;
  unsigned threads = 1;
};

// Version 1.0 of the format: magic, header length, a Python literal padded to a multiple of 64 bytes.
Expected<void> write_npy(const std::string& file, const std::vector<float>& values, std::size_t rows,
                         std::size_t cols) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  constexpr std::size_t k_prefix = 10, k_alignment = 64;
  while ((k_prefix + header.size() + 1) % k_alignment != 0) header += ' ';
  header += '\n';
  std::ofstream out(file, std::ios::binary);
  const char prefix[k_prefix] = {'\x93',
                                 'N',
                                 'U',
                                 'M',
                                 'P',
                                 'Y',
                                 1,
                                 0,
                                 static_cast<char>(header.size() & 0xFF),
                                 static_cast<char>(header.size() >> 8)};
  out.write(prefix, k_prefix).write(header.data(), static_cast<std::streamsize>(header.size()));
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(float)));
  out.close();
  if (!out) return fail(ErrorArea::file, "cannot write {}: is the folder there and the disk not full?", file);
  return {};
}

Expected<std::shared_ptr<const FeatureSet>> feature_set_of(const Options& options) {
  if (!options.set.empty()) return make_feature_set(options.set);
  PolarConfig config;
  if (options.direct_beam == "keep") config.direct = DirectBeam::keep;
  if (options.direct_beam == "brightest") config.direct = DirectBeam::brightest;
  config.scale_total = options.scale_total;
  config.magnitudes_only = options.magnitudes_only;
  return PolarFeatures::create(config);
}

int run(const Options& options) {
  const auto set = feature_set_of(options);
  if (!set) return report(set.error());
  const auto peaks = read_peaks_csv(options.peaks);
  if (!peaks) return report(peaks.error());
  const std::size_t rows = peaks->patterns.size(), cols = (*set)->size();
  std::vector<float> values(rows * cols);
  const auto scratch = (*set)->make_scratch();
  for (std::size_t i = 0; i < rows; ++i)
    (*set)->compute(peaks->patterns[i], scratch.get(), std::span(values).subspan(i * cols, cols));
  if (const auto written = write_npy(options.out, values, rows, cols); !written)
    return report(written.error());
  return 0;
}

}  // namespace

Run add_features(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("PEAKS", options->peaks, "PEAKS.csv in 1/Å: pattern,qx,qy,intensity")->required();
  app.add_option("--out", options->out, "FEATURES.npy, float32, one row per pattern number")->required();
  app.add_option(
         "--direct-beam", options->direct_beam,
         "remove (or origin): the spot at q = 0 is left out; brightest: the brightest one; keep: none")
      ->check(CLI::IsMember({"remove", "origin", "brightest", "keep"}));
  app.add_option("--scale-total", options->scale_total, "scale every list to this sum first; 0 = as it is")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--magnitudes-only", options->magnitudes_only, "|tau| alone, 533 numbers");
  app.add_option("--features", options->set, "a whole definition instead, e.g. \"indexing\"");
  app.add_option("--threads", options->threads, "one thread is enough here; taken for uniformity");
  return [options] { return run(*options); };
}

}  // namespace bragglive::command
