#include "streams/recordings/emd_layout.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace bragglive::hdf5 {
namespace {

void text(hid_t object, const char* name, const char* value) {
  const Handle type(H5Tcopy(H5T_C_S1)), space(H5Screate(H5S_SCALAR));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const Handle attribute(H5Acreate2(object, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
  H5Awrite(attribute.get(), type.get(), &value);
}

void number(hid_t object, const char* name, std::int64_t value) {
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle attribute(H5Acreate2(object, name, H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  H5Awrite(attribute.get(), H5T_NATIVE_INT64, &value);
}

// Two values stand for a linear axis.
void axis(hid_t cube, std::size_t index, const char* name) {
  const hsize_t two = 2;
  const std::array<double, 2> values = {0, 1};
  const Handle space(H5Screate_simple(1, &two, nullptr));
  const std::string path = fmt::format("dim{}", index);
  const Handle dim(
      H5Dcreate2(cube, path.c_str(), H5T_IEEE_F64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dwrite(dim.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  text(dim.get(), "name", name);
  text(dim.get(), "units", "pixels");
}

void entry(hid_t group, const char* name, double value) {
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle dataset(
      H5Dcreate2(group, name, H5T_IEEE_F64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
  text(dataset.get(), "type", "number");
}

void entry(hid_t group, const char* name, const char* value) {
  const Handle type(H5Tcopy(H5T_C_S1)), space(H5Screate(H5S_SCALAR));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const Handle dataset(
      H5Dcreate2(group, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
  text(dataset.get(), "type", "string");
}

}  // namespace

hid_t type_of(PixelType pixel) {
  switch (pixel) {
    case PixelType::u8:
      return H5T_NATIVE_UINT8;
    case PixelType::u16:
      return H5T_NATIVE_UINT16;
    case PixelType::u32:
      return H5T_NATIVE_UINT32;
    case PixelType::f32:
      return H5T_NATIVE_FLOAT;
  }
  return H5I_INVALID_HID;
}

Handle create_data_cube(hid_t file, ScanShape scan, FrameShape frame, PixelType pixel, hid_t creation) {
  const Handle root(H5Gcreate2(file, "datacube_root", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Handle cube(H5Gcreate2(root.get(), "datacube", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  text(file, "emd_group_type", "file");
  number(file, "version_major", 1);
  number(file, "version_minor", 0);
  text(file, "authoring_program", "bragglive");
  text(root.get(), "emd_group_type", "root");
  text(root.get(), "python_class", "Root");
  text(cube.get(), "emd_group_type", "array");
  text(cube.get(), "python_class", "DataCube");
  const std::array<hsize_t, 4> dims = {scan.rows, scan.cols, frame.rows, frame.cols};
  const Handle space(H5Screate_simple(4, dims.data(), nullptr));
  Handle data(
      H5Dcreate2(cube.get(), "data", type_of(pixel), space.get(), H5P_DEFAULT, creation, H5P_DEFAULT));
  if (!data) return data;
  text(data.get(), "units", "pixel intensity");
  const char* names[] = {"Rx", "Ry", "Qx", "Qy"};
  for (std::size_t index = 0; index < 4; ++index) axis(cube.get(), index, names[index]);
  return data;
}

void write_emd_calibration(hid_t file, double pixel_size_inv_angstrom, double scan_step_nm) {
  const Handle root(H5Gopen2(file, "datacube_root", H5P_DEFAULT));
  const Handle bundle(H5Gcreate2(root.get(), "metadatabundle", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Handle group(H5Gcreate2(bundle.get(), "calibration", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  text(bundle.get(), "emd_group_type", "metadatabundle");
  text(group.get(), "emd_group_type", "metadata");
  text(group.get(), "python_class", "Calibration");
  entry(group.get(), "Q_pixel_size", pixel_size_inv_angstrom);
  entry(group.get(), "Q_pixel_units", "A^-1");
  if (scan_step_nm <= 0) return;
  entry(group.get(), "R_pixel_size", scan_step_nm);
  entry(group.get(), "R_pixel_units", "nm");
}

}  // namespace bragglive::hdf5
