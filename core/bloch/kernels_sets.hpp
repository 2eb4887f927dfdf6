// One function table per instruction set; internal to kernels.cpp.
#pragma once
#include "core/bloch/kernels.hpp"

namespace bragglive {
namespace baseline {
const Kernels<float>& float_set();
const Kernels<double>& double_set();
}  // namespace baseline
#if defined(__x86_64__)
namespace avx2 {
const Kernels<float>& float_set();
const Kernels<double>& double_set();
}  // namespace avx2
namespace avx512 {
const Kernels<float>& float_set();
const Kernels<double>& double_set();
}  // namespace avx512
#endif
}  // namespace bragglive
