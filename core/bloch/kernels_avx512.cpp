// The inner loops for avx512.
#include "core/bloch/kernels_sets.hpp"

#define BRAGGLIVE_VECTOR_BYTES 64

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,prefer-vector-width=512")

namespace bragglive::avx512 {
namespace {
#include "core/bloch/kernels_body.hpp"
}  // namespace
const Kernels<float>& float_set() {
  return k_table<float>;
}
const Kernels<double>& double_set() {
  return k_table<double>;
}
}  // namespace bragglive::avx512

#pragma GCC pop_options
#endif
