#include "streams/recordings/hdf5_layout.hpp"

#include <algorithm>
#include <array>

namespace bragglive::hdf5 {
namespace {

constexpr std::size_t k_max_candidates = 200;
constexpr std::size_t k_max_text = std::size_t{1} << 20;  // a calibration may list many dead pixels

struct Candidate {
  std::string path;
  std::vector<std::uint64_t> shape;
};

std::vector<std::uint64_t> shape_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset));
  const int rank = space ? H5Sget_simple_extent_ndims(space.get()) : -1;
  if (rank < 0 || rank > H5S_MAX_RANK) return {};
  std::array<hsize_t, H5S_MAX_RANK> dims{};
  H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
  return {dims.begin(), dims.begin() + rank};
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

herr_t collect(hid_t file, const char* path, const H5O_info_t* info, void* into) noexcept {
  if (info->type != H5O_TYPE_DATASET) return 0;
  auto& candidates = *static_cast<std::vector<Candidate>*>(into);
  const Handle dataset(H5Dopen2(file, path, H5P_DEFAULT));
  if (!dataset) return 0;
  const Handle type(H5Dget_type(dataset.get()));
  auto shape = shape_of(dataset.get());
  // A diffraction pattern is at least 8 pixels wide: tables and colour images are not scans.
  if (shape.size() < 3 || shape.size() > 4 || !pixel_format_of(type.get())) return 0;
  if (shape[shape.size() - 1] < 8 || shape[shape.size() - 2] < 8) return 0;
  candidates.push_back({std::string("/") + path, std::move(shape)});
  return candidates.size() < k_max_candidates ? 0 : 1;
}

bool is_data_cube(hid_t file, const std::string& dataset_path) {
  const Handle group(H5Gopen2(
      file, dataset_path.substr(0, std::max<std::size_t>(dataset_path.rfind('/'), 1)).c_str(), H5P_DEFAULT));
  if (!group) return false;
  const auto attributes = attributes_of(group.get());
  const auto python_class = attributes.find("python_class");
  return python_class != attributes.end() && python_class->second == "DataCube";
}

bool is_fpd(const std::string& path) {
  return path == "/fpd_expt/fpd_data/data";
}

template <class Test>
void prefer(std::vector<Candidate>& candidates, Test test) {
  if (std::any_of(candidates.begin(), candidates.end(), test))
    std::erase_if(candidates, [&](const Candidate& c) { return !test(c); });
}

// One text or number; `read(type, into)` is H5Aread or H5Dread.
template <class Read>
std::string one_value(const Handle& type, const Handle& space, Read read) {
  if (!type || !space || H5Sget_simple_extent_npoints(space.get()) != 1) return {};
  if (H5Tget_class(type.get()) == H5T_STRING) {
    if (H5Tis_variable_str(type.get()) > 0) {
      char* text = nullptr;
      if (read(type.get(), static_cast<void*>(&text)) < 0 || text == nullptr) return {};
      const std::string value(text, strnlen(text, k_max_text));
      H5free_memory(text);
      return value;
    }
    const std::size_t size = H5Tget_size(type.get());
    if (size > k_max_text) return {};
    std::string value(size, '\0');
    if (read(type.get(), static_cast<void*>(value.data())) < 0) return {};
    return value.substr(0, value.find('\0'));
  }
  double number = 0;
  if ((H5Tget_class(type.get()) != H5T_FLOAT && H5Tget_class(type.get()) != H5T_INTEGER) ||
      read(H5T_NATIVE_DOUBLE, static_cast<void*>(&number)) < 0)
    return {};
  return fmt::format("{}", number);
}

std::string attribute_text(hid_t attribute) {
  const Handle type(H5Aget_type(attribute)), space(H5Aget_space(attribute));
  return one_value(type, space, [&](hid_t memory, void* into) { return H5Aread(attribute, memory, into); });
}

}  // namespace

std::optional<PixelFormat> pixel_format_of(hid_t type) {
  PixelFormat format;
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      format.kind = H5Tget_sign(type) == H5T_SGN_NONE ? PixelFormat::Kind::unsigned_integer
                                                      : PixelFormat::Kind::signed_integer;
      break;
    case H5T_FLOAT:
      format.kind = PixelFormat::Kind::floating;
      break;
    default:
      return std::nullopt;
  }
  format.bytes = H5Tget_size(type);
  format.big_endian = H5Tget_order(type) == H5T_ORDER_BE;
  if (!format.pixel_type()) return std::nullopt;
  return format;
}

Expected<DatasetLayout> layout_of(hid_t dataset, const std::string& path) {
  DatasetLayout layout;
  layout.path = path;
  layout.shape = shape_of(dataset);
  const Handle type(H5Dget_type(dataset));
  const auto format = pixel_format_of(type.get());
  if (!format) return fail(ErrorArea::format, "{} holds no numbers that could be pixels", path);
  layout.format = *format;
  const Handle create(H5Dget_create_plist(dataset));
  const int filters = std::max(H5Pget_nfilters(create.get()), 0);
  for (unsigned i = 0; i < static_cast<unsigned>(filters); ++i) {
    std::size_t values = 0;
    unsigned flags = 0, config = 0;
    layout.filters.push_back(H5Pget_filter2(create.get(), i, &flags, &values, nullptr, 0, nullptr, &config));
  }
  if (H5Pget_layout(create.get()) == H5D_CHUNKED) {
    layout.chunk.resize(layout.shape.size());
    std::array<hsize_t, H5S_MAX_RANK> dims{};
    H5Pget_chunk(create.get(), H5S_MAX_RANK, dims.data());
    std::copy_n(dims.begin(), layout.chunk.size(), layout.chunk.begin());
  } else if (H5Pget_layout(create.get()) == H5D_CONTIGUOUS && H5Pget_external_count(create.get()) == 0) {
    const haddr_t offset = H5Dget_offset(dataset);
    if (offset != HADDR_UNDEF) layout.offset = offset;
  }
  return layout;
}

Expected<std::string> find_scan_dataset(hid_t file, const std::string& name, const std::string& wanted) {
  const QuietErrors quiet;
  std::vector<Candidate> candidates;
  if (!wanted.empty()) {
    const std::string path = wanted.starts_with('/') ? wanted : "/" + wanted;
    const Handle dataset(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
    if (dataset) return path;
  }
  H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, collect, &candidates, H5O_INFO_BASIC);
  const auto list = [&candidates] {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(candidates.size(), 8); ++i)
      text +=
          fmt::format("{}{} ({})", i == 0 ? "" : ", ", candidates[i].path, shape_text(candidates[i].shape));
    return candidates.empty() ? std::string("nothing that looks like a scan") : text;
  };
  if (!wanted.empty())
    return fail(ErrorArea::file, "{} has no dataset '{}'; it has {}", name, wanted, list());
  prefer(candidates, [&](const Candidate& c) { return is_data_cube(file, c.path); });
  prefer(candidates, [](const Candidate& c) { return is_fpd(c.path); });
  prefer(candidates, [](const Candidate& c) { return c.shape.size() == 4; });
  if (candidates.empty()) return fail(ErrorArea::format, "{} holds no 3-D or 4-D dataset of frames", name);
  if (candidates.size() > 1)
    return fail(ErrorArea::usage, "{} holds several scans: {}; name one, as in {}:{}", name, list(), name,
                candidates[0].path);
  return candidates[0].path;
}

std::string scalar_text(hid_t dataset) {
  const Handle type(H5Dget_type(dataset)), space(H5Dget_space(dataset));
  return one_value(type, space, [&](hid_t memory, void* into) {
    return H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, into);
  });
}

std::map<std::string, std::string> attributes_of(hid_t object) {
  std::map<std::string, std::string> attributes;
  const auto add = [](hid_t owner, const char* name, const H5A_info_t*, void* into) noexcept -> herr_t {
    const Handle attribute(H5Aopen(owner, name, H5P_DEFAULT));
    if (!attribute) return 0;
    std::string text = attribute_text(attribute.get());
    if (!text.empty()) (*static_cast<std::map<std::string, std::string>*>(into))[name] = std::move(text);
    return 0;
  };
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &attributes);
  return attributes;
}

}  // namespace bragglive::hdf5
