#include "core/bloch/scan/scan_file.hpp"

#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <zlib.h>

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/bloch/scan/scan_truth.hpp"
#include "core/hdf5/writer.hpp"

namespace bragglive {
namespace {

using hdf5::Dims;
using hdf5::Handle;
using hdf5::QuietErrors;
using hdf5::Writer;

constexpr const char* k_cube = "/datacube_root/datacube";

hid_t file_type(PixelType pixel) {
  switch (pixel) {
    case PixelType::u8:
      return H5T_STD_U8LE;
    case PixelType::u16:
      return H5T_STD_U16LE;
    default:
      return H5T_STD_U32LE;
  }
}

Handle new_dataset(hid_t file, const std::string& path, hid_t type, const Dims& dims, const Dims& chunk,
                   bool compress) {
  const Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
  const Handle links(H5Pcreate(H5P_LINK_CREATE)), creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
  if (compress) {
    H5Pset_shuffle(creation.get());
    H5Pset_deflate(creation.get(), 1);
  }
  return Handle(H5Dcreate2(file, path.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT));
}

// The filter pipeline of HDF5 (shuffle, then deflate), done here so that it runs on all threads.
struct Packer {
  std::vector<std::byte> pixels, shuffled, packed;
  void pack(std::size_t pixel_bytes) {
    const std::size_t n = pixels.size() / pixel_bytes;
    shuffled.resize(pixels.size());
    for (std::size_t b = 0; b < pixel_bytes; ++b)
      for (std::size_t i = 0; i < n; ++i) shuffled[b * n + i] = pixels[i * pixel_bytes + b];
    uLongf size = compressBound(static_cast<uLong>(shuffled.size()));
    packed.resize(size);
    compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(shuffled.data()),
              static_cast<uLong>(shuffled.size()), 1);
    packed.resize(size);
  }
};

// The planes of /truth, one scan row at a time.
class TruthPlanes {
 public:
  TruthPlanes(hid_t file, ScanShape scan) {
    const Dims flat{scan.rows, scan.cols}, deep{scan.rows, scan.cols, k_truth_grains};
    const Dims row{1, scan.cols}, deep_row{1, scan.cols, k_truth_grains};
    const auto add = [&](std::size_t i, const char* name, hid_t type, bool per_grain) {
      planes_[i] = new_dataset(file, std::string("/truth/") + name, type, per_grain ? deep : flat,
                               per_grain ? deep_row : row, true);
    };
    add(0, "grain_count", H5T_STD_U8LE, false);
    add(1, "phase", H5T_STD_I16LE, false);
    add(2, "system", H5T_STD_U8LE, false);
    add(3, "space_group", H5T_STD_U16LE, false);
    add(4, "grain", H5T_STD_I32LE, true);
    add(5, "thickness_nm", H5T_IEEE_F32LE, true);
    add(6, "weight", H5T_IEEE_F32LE, true);
  }
  bool write(const ScanTruth& t) const {
    return put(0, t.first_row, t.grain_count) && put(1, t.first_row, t.phase) &&
           put(2, t.first_row, t.system) && put(3, t.first_row, t.space_group) &&
           put(4, t.first_row, t.grain) && put(5, t.first_row, t.thickness_nm) &&
           put(6, t.first_row, t.weight);
  }

 private:
  template <class T>
  bool put(std::size_t plane, std::uint32_t row, const std::vector<T>& values) const {
    const Handle& dataset = planes_[plane];
    if (!dataset) return false;
    const Handle space(H5Dget_space(dataset.get()));
    std::array<hsize_t, 3> count{}, start{row, 0, 0};
    const int rank = H5Sget_simple_extent_dims(space.get(), count.data(), nullptr);
    count[0] = 1;
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    const Handle memory(H5Screate_simple(rank, count.data(), nullptr));
    return H5Dwrite(dataset.get(), hdf5::native_type<T>(), memory.get(), space.get(), H5P_DEFAULT,
                    values.data()) >= 0;
  }
  std::array<Handle, 7> planes_;
};

bool make_group(hid_t file, const std::string& path) {
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  return bool(Handle(H5Gcreate2(file, path.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT)));
}

// Keeps the first failure of a row of writes.
class Steps {
 public:
  explicit Steps(Writer& writer) : writer_(writer) {}
  template <class... Args>
  void attribute(Args&&... args) {
    if (result_) result_ = writer_.attribute(std::forward<Args>(args)...);
  }
  template <class T>
  void values(const std::string& path, const std::vector<T>& v, const Dims& dims) {
    if (result_) result_ = writer_.dataset<T>(path, v, dims);
  }
  void group(const std::string& path) {
    if (result_ && !make_group(writer_.file(), path))
      result_ = fail(ErrorArea::file, "cannot make the group {}", path);
  }
  void scalar(const std::string& path, double value) {
    if (!result_) return;
    const Handle space(H5Screate(H5S_SCALAR));
    const Handle dataset(H5Dcreate2(writer_.file(), path.c_str(), H5T_IEEE_F64LE, space.get(), H5P_DEFAULT,
                                    H5P_DEFAULT, H5P_DEFAULT));
    if (!dataset || H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) < 0)
      result_ = fail(ErrorArea::file, "cannot write {}", path);
    attribute(path, "type", std::string("number"));
  }
  void text(const std::string& path, const std::string& value) {
    if (!result_) return;
    const Handle space(H5Screate(H5S_SCALAR)), type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    const Handle dataset(H5Dcreate2(writer_.file(), path.c_str(), type.get(), space.get(), H5P_DEFAULT,
                                    H5P_DEFAULT, H5P_DEFAULT));
    const char* pointer = value.c_str();
    if (!dataset || H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &pointer) < 0)
      result_ = fail(ErrorArea::file, "cannot write {}", path);
    attribute(path, "type", std::string("string"));
  }
  Expected<void> result() const { return result_; }

 private:
  Writer& writer_;
  Expected<void> result_;
};

// The groups and names that emdfile looks for.
void write_emd(Steps& steps, const ScanSimulation& simulation) {
  const Calibration c = simulation.calibration();
  const std::string cube = k_cube, bundle = "/datacube_root/metadatabundle",
                    calibration = bundle + "/calibration";
  steps.attribute("/", "emd_group_type", std::string("file"));
  steps.attribute("/", "version_major", std::int64_t{1});
  steps.attribute("/", "version_minor", std::int64_t{0});
  steps.attribute("/", "authoring_program", std::string("bragglive"));
  steps.attribute("/datacube_root", "emd_group_type", std::string("root"));
  steps.attribute("/datacube_root", "python_class", std::string("Root"));
  steps.attribute(cube, "emd_group_type", std::string("array"));
  steps.attribute(cube, "python_class", std::string("DataCube"));
  steps.attribute(cube + "/data", "units", std::string("counts"));
  steps.attribute(cube + "/data", "calibration", to_toml(c));
  steps.attribute(cube + "/data", "specimen", simulation.recipe().title);
  const double step = c.scan_step_nm, q = c.pixel_size_inv_angstrom;
  const struct {
    const char *name, *label, *units;
    double spacing;
  } dims[] = {{"dim0", "Rx", "nm", step},
              {"dim1", "Ry", "nm", step},
              {"dim2", "Qx", "A^-1", q},
              {"dim3", "Qy", "A^-1", q}};
  for (const auto& dim : dims) {
    const std::string path = cube + "/" + dim.name;
    steps.values<double>(path, {0.0, dim.spacing}, {2});  // two values stand for a linear axis
    steps.attribute(path, "name", std::string(dim.label));
    steps.attribute(path, "units", std::string(dim.units));
  }
  steps.group(calibration);
  steps.attribute(bundle, "emd_group_type", std::string("metadatabundle"));
  steps.attribute(calibration, "emd_group_type", std::string("metadata"));
  steps.attribute(calibration, "python_class", std::string("Calibration"));
  steps.scalar(calibration + "/Q_pixel_size", q);
  steps.text(calibration + "/Q_pixel_units", "A^-1");
  steps.scalar(calibration + "/R_pixel_size", step);
  steps.text(calibration + "/R_pixel_units", "nm");
}

void write_grains(Steps& steps, const ScanSimulation& simulation) {
  const auto& grains = simulation.grains();
  std::vector<std::uint32_t> phase;
  std::vector<float> rotation, thickness;
  for (const Grain& grain : grains) {
    phase.push_back(grain.phase);
    thickness.push_back(static_cast<float>(grain.max_thickness_nm));
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) rotation.push_back(static_cast<float>(grain.rotation(i, j)));
  }
  steps.values("/truth/grains/phase", phase, {grains.size()});
  steps.values("/truth/grains/rotation", rotation, {grains.size(), 3, 3});
  steps.values("/truth/grains/max_thickness_nm", thickness, {grains.size()});
  nlohmann::json phases = nlohmann::json::array();
  for (const TruthPhase& p : truth_phases(simulation.recipe()))
    phases.push_back({{"name", p.name},
                      {"system", std::string(name_of(p.system))},
                      {"space_group", p.space_group},
                      {"lattice", {p.cell.a, p.cell.b, p.cell.c, p.cell.alpha, p.cell.beta, p.cell.gamma}}});
  steps.attribute("/truth", "phases", phases.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  steps.attribute("/truth", "recipe", simulation.recipe().text);
  steps.attribute("/truth", "seed", static_cast<std::int64_t>(simulation.recipe().seed));
}

// Renders and packs one scan row on all threads; row[col].packed (or .pixels) is what goes into the file.
void render_row(const ScanSimulation& simulation, std::uint32_t row, bool compress,
                std::vector<Packer>& frames,
                tbb::enumerable_thread_specific<ScanSimulation::Scratch>& scratches) {
  const std::size_t pixel_bytes = bytes_per_pixel(simulation.recipe().detector.pixel);
  tbb::parallel_for(std::size_t{0}, frames.size(), [&](std::size_t col) {
    Packer& frame = frames[col];
    frame.pixels.resize(simulation.frame_bytes());
    simulation.frame(std::uint64_t{row} * frames.size() + col, scratches.local(), frame.pixels);
    if (compress) frame.pack(pixel_bytes);
  });
}

}  // namespace

Expected<void> write_scan_file(const ScanSimulation& simulation, const std::filesystem::path& file,
                               const ScanFileOptions& options,
                               const std::function<void(std::uint32_t)>& rows_done) {
  const QuietErrors quiet;
  auto writer = Writer::create(file);
  if (!writer) return tl::unexpected(writer.error());
  const ScanShape scan = simulation.recipe().scan;
  const FrameShape frame = simulation.recipe().detector.geometry.detector;
  const Handle data = new_dataset(
      writer->file(), std::string(k_cube) + "/data", file_type(simulation.recipe().detector.pixel),
      {scan.rows, scan.cols, frame.rows, frame.cols}, {1, 1, frame.rows, frame.cols}, options.compress);
  const TruthPlanes planes(writer->file(), scan);
  std::vector<Packer> frames(scan.cols);
  tbb::enumerable_thread_specific<ScanSimulation::Scratch> scratches;
  ScanSimulation::Scratch own;
  tbb::task_arena arena(options.threads == 0 ? tbb::task_arena::automatic
                                             : static_cast<int>(options.threads));
  for (std::uint32_t row = 0; row < scan.rows; ++row) {
    arena.execute([&] { render_row(simulation, row, options.compress, frames, scratches); });
    bool written = bool(data) && planes.write(scan_truth(simulation, row, 1, own));
    for (std::size_t col = 0; written && col < frames.size(); ++col) {
      const std::array<hsize_t, 4> at{row, col, 0, 0};
      const auto& bytes = options.compress ? frames[col].packed : frames[col].pixels;
      written = H5Dwrite_chunk(data.get(), H5P_DEFAULT, 0, at.data(), bytes.size(), bytes.data()) >= 0;
    }
    if (!written)
      return fail(ErrorArea::file, "cannot write row {} of {}: is the disk full?", row, file.string());
    if (rows_done) rows_done(row + 1);
  }
  Steps steps(*writer);
  write_emd(steps, simulation);
  write_grains(steps, simulation);
  if (auto ok = steps.result(); !ok) return ok;
  return writer->commit();
}

}  // namespace bragglive
