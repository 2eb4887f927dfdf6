// The inner loops for avx2.
#include "core/bloch/kernels_sets.hpp"

#define BRAGGLIVE_VECTOR_BYTES 32

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")

namespace bragglive::avx2 {
namespace {
#include "core/bloch/kernels_body.hpp"
}  // namespace
const Kernels<float>& float_set() {
  return k_table<float>;
}
const Kernels<double>& double_set() {
  return k_table<double>;
}
}  // namespace bragglive::avx2

#pragma GCC pop_options
#endif
