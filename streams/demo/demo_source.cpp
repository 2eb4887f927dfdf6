#include "streams/demo/demo_source.hpp"

#include "streams/recordings/recording.hpp"
#include "streams/replay/replay_source.hpp"

namespace bragglive {
namespace {

std::span<const std::byte> bytes_of(const std::vector<std::byte>& frame) {
  return frame;
}

// A recording whose frames are computed when they are asked for.
class SimulatedRecording final : public Recording {
 public:
  SimulatedRecording(ScanSimulation simulation, const std::string& address)
      : simulation_(std::move(simulation)) {
    const ScanRecipe& recipe = simulation_.recipe();
    info_.format = "simulated";
    info_.scan = recipe.scan;
    info_.scan_known = true;
    info_.frame = recipe.detector.geometry.detector;
    info_.pixel = recipe.detector.pixel;
    info_.frames = recipe.scan.positions();
    info_.metadata = {
        {"calibration", to_toml(simulation_.calibration())}, {"demo", address}, {"specimen", recipe.title}};
  }

  Expected<Payload> read(std::uint64_t frame) override { return render(frame, scratch_); }
  Expected<Payload> read_again(std::uint64_t frame) const override {
    ScanSimulation::Scratch scratch;  // any thread may ask
    return render(frame, scratch);
  }

 private:
  Expected<Payload> render(std::uint64_t frame, ScanSimulation::Scratch& scratch) const {
    if (frame >= info_.frames) return fail(ErrorArea::usage, "frame {} of {}", frame, info_.frames);
    std::vector<std::byte> pixels(simulation_.frame_bytes());
    simulation_.frame(frame, scratch, pixels);
    return Payload(std::move(pixels), bytes_of);
  }

  const ScanSimulation simulation_;
  ScanSimulation::Scratch scratch_;
};

// The shape belongs into the address: it changes the specimen.
std::string full_address(const std::string& uri, ScanShape scan) {
  std::string address = uri.substr(0, uri.find('?')) + fmt::format("?scan={}x{}", scan.rows, scan.cols);
  if (const std::size_t question = uri.find('?'); question != std::string::npos) {
    std::string_view query = std::string_view(uri).substr(question + 1);
    while (!query.empty()) {
      const std::string_view item = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(query.size(), item.size() + 1));
      if (!item.starts_with("scan=")) address += fmt::format("&{}", item);
    }
  }
  return address;
}

Expected<std::unique_ptr<FrameSource>> open_demo(const std::string& uri, const SourceOptions& options) {
  auto recipe = demo_recipe(uri, options.scan);
  if (!recipe) return tl::unexpected(recipe.error());
  auto simulation = ScanSimulation::create(std::move(*recipe));
  if (!simulation) return tl::unexpected(simulation.error());
  const std::string address = full_address(uri, simulation->recipe().scan);
  return make_replay(std::make_unique<SimulatedRecording>(std::move(*simulation), address), address, options);
}

}  // namespace

std::map<std::string, SourceFactory> demo_factories() {
  return {{"demo", open_demo}};
}

Expected<DemoTruth> demo_truth(const std::string& uri) {
  auto recipe = demo_recipe(uri);
  if (!recipe) return tl::unexpected(recipe.error());
  auto simulation = ScanSimulation::create(std::move(*recipe));
  if (!simulation) return tl::unexpected(simulation.error());
  ScanSimulation::Scratch scratch;
  const ScanShape scan = simulation->recipe().scan;
  return DemoTruth{scan, truth_phases(simulation->recipe()), scan_truth(*simulation, 0, scan.rows, scratch)};
}

}  // namespace bragglive
