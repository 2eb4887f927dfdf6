#include "core/bloch/kernels.hpp"

#include <cstdlib>

#include "core/bloch/kernels_sets.hpp"

namespace bragglive {
namespace {

enum class Isa { baseline, avx2, avx512 };

// BRAGGLIVE_ISA=avx2 or baseline holds the choice down, for tests and comparisons.
Isa choose() {
#if defined(__x86_64__)
  const char* wish = std::getenv("BRAGGLIVE_ISA");
  const std::string_view limit = wish ? wish : "";
  if (limit == "baseline") return Isa::baseline;
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (has_avx2 && has_avx512 && limit != "avx2") return Isa::avx512;
  if (has_avx2) return Isa::avx2;
#endif
  return Isa::baseline;
}

Isa chosen() {
  static const Isa isa = choose();
  return isa;
}

}  // namespace

template <>
const Kernels<float>& kernels<float>() {
#if defined(__x86_64__)
  if (chosen() == Isa::avx512) return avx512::float_set();
  if (chosen() == Isa::avx2) return avx2::float_set();
#endif
  return baseline::float_set();
}

template <>
const Kernels<double>& kernels<double>() {
#if defined(__x86_64__)
  if (chosen() == Isa::avx512) return avx512::double_set();
  if (chosen() == Isa::avx2) return avx2::double_set();
#endif
  return baseline::double_set();
}

std::string_view instruction_set() {
  switch (chosen()) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::baseline:
      break;
  }
  return "baseline";
}

}  // namespace bragglive
