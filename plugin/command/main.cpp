// The `bragglive` command: a table of subcommands.
#include <cstdio>
#include <vector>

#include "plugin/command/command.hpp"
#include "plugin/version.hpp"

namespace bragglive::command {

int report(const Error& error) {
  std::fprintf(stderr, "bragglive: %s\n", error.message.c_str());
  return error.area == ErrorArea::usage ? k_exit_usage : k_exit_bad_input;
}

namespace {
struct Entry {
  const char* name;
  const char* help;
  Run (*add)(CLI::App&);
};
// One line per subcommand; its file has the same name.
const std::vector<Entry> k_entries = {
    {"label", "label a scan live, or a recording", add_label},
    {"send", "stream any source as a detector would", add_send},
    {"convert", "decoded frames of any source into .npy or HDF5", add_convert},
    {"inspect", "what a recording, data set, model, calibration or result holds", add_inspect},
    {"bloch", "dynamical diffraction of one crystal in one orientation", add_bloch},
    {"simulate", "diffraction patterns of many crystals, as a data set for training", add_simulate},
    {"scan-simulate", "a 4D-STEM scan of a specimen, with its ground truth", add_scan_simulate},
    {"demo-summary", "compare a result of the demo specimen with the truth", add_demo_summary},
    {"calibrate", "origin, probe, ellipse, pixel size and bad pixels from a scan", add_calibrate},
    {"detect", "Bragg disks of patterns", add_detect},
    {"features", "feature vectors of spot lists", add_features},
    {"predict", "what a model says about spot lists", add_predict},
    {"train", "train a model on simulated data sets", add_train},
    {"evaluate", "how often a model is right, with report", add_evaluate},
};
}  // namespace

int run(int argc, char** argv) {
  CLI::App app{"Labels a 4D-STEM scan while the microscope acquires it."};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("bragglive ") + k_version);
  int exit_code = 0;
  for (const Entry& entry : k_entries) {
    CLI::App* sub = app.add_subcommand(entry.name, entry.help);
    sub->callback([&exit_code, run_it = entry.add(*sub)] { exit_code = run_it(); });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "bragglive: %s (bragglive --help tells more)\n", error.what());
    return k_exit_usage;
  }
  return exit_code;
}

}  // namespace bragglive::command

int main(int argc, char** argv) {
  return bragglive::command::run(argc, argv);
}
