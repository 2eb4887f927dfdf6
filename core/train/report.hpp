// The evaluation as report.json (cli.md) and as a page with its plots inside.
#pragma once
#include <filesystem>
#include <string>

#include "core/train/evaluation.hpp"

namespace bragglive {

struct ReportContext {
  std::string settings = "{}";  // JSON object: model, data sets, noise, seed
  std::string title = "bragglive evaluation";
};

std::string report_json(const Evaluation& evaluation, const ReportContext& context);
std::string report_html(const Evaluation& evaluation, const ReportContext& context);

// Makes the folder and writes report.json and report.html into it.
Expected<void> write_report_files(const std::filesystem::path& folder, const std::string& json,
                                  const std::string& html);
Expected<void> write_report(const std::filesystem::path& folder, const Evaluation& evaluation,
                            const ReportContext& context);

}  // namespace bragglive
