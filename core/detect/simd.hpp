// One source for several instruction sets: bodies are inlined into functions
// that carry the target attribute.
#pragma once
#include <cstdint>

#define BL_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__) && defined(__GNUC__)
#define BL_SIMD_X86 1
#define BL_AVX2 [[gnu::target("avx2,fma,prefer-vector-width=256")]]
#define BL_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")]]
#else
#define BL_AVX2
#define BL_AVX512
#endif
#define BL_FOR_EACH_SET(build) build(plain, ) build(avx2, BL_AVX2) build(avx512, BL_AVX512)

namespace bragglive {

// `best`: what the processor at hand can do.
enum class InstructionSet : std::uint8_t { best, plain, avx2, avx512 };

namespace detail {

inline bool has(InstructionSet set) {
#ifdef BL_SIMD_X86
  if (set == InstructionSet::avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (set == InstructionSet::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return set == InstructionSet::best || set == InstructionSet::plain;
}

// The member of three that belongs to `set`.
template <class T>
const T& choose(InstructionSet set, const T& plain, const T& avx2, const T& avx512) {
  const bool best = set == InstructionSet::best;
  if (set == InstructionSet::avx512 || (best && has(InstructionSet::avx512))) return avx512;
  if (set == InstructionSet::avx2 || (best && has(InstructionSet::avx2))) return avx2;
  return plain;
}

}  // namespace detail
}  // namespace bragglive
