// Functions for processors whose AVX-512 gathers are fast.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define BL_HAS_GATHER 1
// GCC 12 warns of its own header (PR 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#define BL_GATHER [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,bmi2")]]
#define BL_GATHER_INLINE [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,bmi2"), gnu::always_inline]] inline
#else
#define BL_HAS_GATHER 0
#endif

namespace bragglive::detail {

// Whether BL_GATHER functions may be called.
inline bool can_gather() noexcept {
#if BL_HAS_GATHER
  // AVX-512 BF16 is not used. Intel's processors that have it gather at full speed; on older ones the
  // microcode against reading stale vector registers (Downfall, 2023) makes a gather slower than its loads
  // one by one.
  static const bool can = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx512bf16");
  return can;
#else
  return false;
#endif
}

}  // namespace bragglive::detail
