// `bragglive demo-summary`: what the labels of the demo scan are worth, since the truth is known.
#include <cstdio>
#include <memory>

#include "plugin/command/command.hpp"
#include "plugin/command/demo_comparison.hpp"

namespace bragglive::command {
namespace {

struct Options {
  std::string result, demo;
  bool json = false;
  unsigned threads = 0;
};

int run(const Options& options) {
  const auto result = read_demo_result(options.result);
  if (!result) return report(result.error());
  const std::string demo = options.demo.empty() ? result->demo : options.demo;
  if (demo.empty())
    return report(
        {ErrorArea::usage,
         fmt::format("{}: its scan does not say that it was a demo; name it with --demo demo:gold?…",
                     options.result)});
  const auto truth = demo_truth(demo);
  if (!truth) return report(truth.error());
  const auto comparison = compare(*result, *truth);
  if (!comparison) return report(comparison.error());
  const std::string text = options.json ? to_json(*comparison, demo) + "\n" : to_text(*comparison, demo);
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace

Run add_demo_summary(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("RESULT", options->result, "R.h5 of a scan of demo:gold or of a recipe")->required();
  app.add_option("--demo", options->demo,
                 "the scan's address, where the result does not name it, e.g. demo:gold?scan=64x64&seed=2");
  app.add_flag("--json", options->json, "one JSON object instead of the table");
  app.add_option("--threads", options->threads, "not used: the comparison is instant");
  return [options] { return run(*options); };
}

}  // namespace bragglive::command
