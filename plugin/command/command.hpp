// One subcommand per file: each adds its options to the parser and hands back what to run.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>

#include "core/frame/error.hpp"

namespace bragglive::command {

constexpr int k_exit_usage = 2;      // wrong options
constexpr int k_exit_bad_input = 3;  // bad input or connection

// Returns the exit code. Results go to stdout, everything else to stderr.
using Run = std::function<int()>;

// Prints one line "bragglive: …" on stderr and returns the exit code that belongs to the error.
int report(const Error& error);

// Options live as long as the parser: keep them in a shared_ptr captured by the returned function.
Run add_bloch(CLI::App& app);
Run add_simulate(CLI::App& app);
Run add_scan_simulate(CLI::App& app);
Run add_demo_summary(CLI::App& app);
Run add_calibrate(CLI::App& app);
Run add_detect(CLI::App& app);
Run add_evaluate(CLI::App& app);
Run add_features(CLI::App& app);
Run add_predict(CLI::App& app);
Run add_train(CLI::App& app);
Run add_label(CLI::App& app);
Run add_send(CLI::App& app);
Run add_convert(CLI::App& app);
Run add_inspect(CLI::App& app);

}  // namespace bragglive::command
