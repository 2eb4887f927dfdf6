// One source for several instruction sets: bodies are inlined into functions that carry the target attribute.
#pragma once

#define BL_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__) && defined(__GNUC__)
#define BL_SIMD_X86 1
#define BL_AVX2 [[gnu::target("avx2,fma,prefer-vector-width=256")]]
#define BL_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")]]
#endif

namespace bragglive::detail {

enum class SimdLevel { plain, avx2, avx512 };

inline SimdLevel simd_level() {
#ifdef BL_SIMD_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    return SimdLevel::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return SimdLevel::avx2;
#endif
  return SimdLevel::plain;
}

}  // namespace bragglive::detail
