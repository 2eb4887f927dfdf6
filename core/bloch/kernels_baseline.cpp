// The inner loops for baseline.
#include "core/bloch/kernels_sets.hpp"

#define BRAGGLIVE_VECTOR_BYTES 16

namespace bragglive::baseline {
namespace {
#include "core/bloch/kernels_body.hpp"
}  // namespace
const Kernels<float>& float_set() {
  return k_table<float>;
}
const Kernels<double>& double_set() {
  return k_table<double>;
}
}  // namespace bragglive::baseline
