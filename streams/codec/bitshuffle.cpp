#include "streams/codec/bitshuffle.hpp"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#define BRAGGLIVE_AVX2 __attribute__((target("avx2")))
#endif

namespace bragglive {
namespace {

// An 8x8 bit matrix (row = byte, column = bit) transposed by three rounds of swaps (Warren, Hacker's Delight,
// 7-3).
inline std::uint64_t transpose_8x8(std::uint64_t x) {
  std::uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAULL;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCULL;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0ULL;
  return x ^ t ^ (t << 28);
}

}  // namespace

namespace detail {

void bit_unshuffle_scalar(const std::byte* planes, std::byte* out, std::size_t elements,
                          std::size_t element_size, std::size_t first_group) {
  const std::size_t groups = elements / 8;
  for (std::size_t byte = 0; byte < element_size; ++byte) {
    const std::byte* rows = planes + 8 * byte * groups;
    for (std::size_t group = first_group; group < groups; ++group) {
      std::uint64_t matrix = 0;
      for (std::size_t k = 0; k < 8; ++k)
        matrix |= static_cast<std::uint64_t>(rows[k * groups + group]) << (8 * k);
      matrix = transpose_8x8(matrix);
      std::byte* to = out + 8 * group * element_size + byte;
      for (std::size_t k = 0; k < 8; ++k)
        to[k * element_size] = static_cast<std::byte>((matrix >> (8 * k)) & 0xff);
    }
  }
}

void bit_shuffle_scalar(const std::byte* in, std::byte* planes, std::size_t elements,
                        std::size_t element_size, std::size_t first_group) {
  const std::size_t groups = elements / 8;
  for (std::size_t byte = 0; byte < element_size; ++byte) {
    std::byte* rows = planes + 8 * byte * groups;
    for (std::size_t group = first_group; group < groups; ++group) {
      const std::byte* from = in + 8 * group * element_size + byte;
      std::uint64_t matrix = 0;
      for (std::size_t k = 0; k < 8; ++k)
        matrix |= static_cast<std::uint64_t>(from[k * element_size]) << (8 * k);
      matrix = transpose_8x8(matrix);
      for (std::size_t k = 0; k < 8; ++k)
        rows[k * groups + group] = static_cast<std::byte>((matrix >> (8 * k)) & 0xff);
    }
  }
}

}  // namespace detail

#if defined(__x86_64__)
namespace {

constexpr std::size_t k_groups_at_once = 32;  // one vector of each plane

BRAGGLIVE_AVX2 inline __m256i swap_bits(__m256i x, int distance, std::uint64_t mask) {
  const __m256i m = _mm256_set1_epi64x(static_cast<long long>(mask));
  const __m256i t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, distance)), m);
  return _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, distance)));
}

BRAGGLIVE_AVX2 inline __m256i transpose_8x8(__m256i x) {
  x = swap_bits(x, 7, 0x00AA00AA00AA00AAULL);
  x = swap_bits(x, 14, 0x0000CCCC0000CCCCULL);
  return swap_bits(x, 28, 0x00000000F0F0F0F0ULL);
}

// One byte of 256 elements: eight planes in, eight vectors out; vector i holds groups 2i, 2i+1 (low half) and
// 16+2i, 17+2i (high half).
BRAGGLIVE_AVX2 inline void gather_byte(const std::byte* rows, std::size_t stride, __m256i out[8]) {
  __m256i p[8];
  for (std::size_t k = 0; k < 8; ++k)
    p[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows + k * stride));
  __m256i pair_lo[4], pair_hi[4];
  for (std::size_t k = 0; k < 4; ++k) {
    pair_lo[k] = _mm256_unpacklo_epi8(p[2 * k], p[2 * k + 1]);
    pair_hi[k] = _mm256_unpackhi_epi8(p[2 * k], p[2 * k + 1]);
  }
  for (std::size_t half = 0; half < 2; ++half) {
    const __m256i* pair = half ? pair_hi : pair_lo;
    const __m256i a_lo = _mm256_unpacklo_epi16(pair[0], pair[1]),
                  a_hi = _mm256_unpackhi_epi16(pair[0], pair[1]);
    const __m256i b_lo = _mm256_unpacklo_epi16(pair[2], pair[3]),
                  b_hi = _mm256_unpackhi_epi16(pair[2], pair[3]);
    out[4 * half + 0] = transpose_8x8(_mm256_unpacklo_epi32(a_lo, b_lo));
    out[4 * half + 1] = transpose_8x8(_mm256_unpackhi_epi32(a_lo, b_lo));
    out[4 * half + 2] = transpose_8x8(_mm256_unpacklo_epi32(a_hi, b_hi));
    out[4 * half + 3] = transpose_8x8(_mm256_unpackhi_epi32(a_hi, b_hi));
  }
}

BRAGGLIVE_AVX2 inline void store_halves(__m256i v, std::byte* low, std::byte* high) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(low), _mm256_castsi256_si128(v));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(high), _mm256_extracti128_si256(v, 1));
}

BRAGGLIVE_AVX2 void unshuffle_avx2(const std::byte* planes, std::byte* out, std::size_t groups,
                                   std::size_t element_size) {
  const std::size_t plane_set = 8 * groups, group_bytes = 8 * element_size;
  __m256i v[4][8];
  for (std::size_t g = 0; g + k_groups_at_once <= groups; g += k_groups_at_once) {
    for (std::size_t b = 0; b < element_size; ++b) gather_byte(planes + b * plane_set + g, groups, v[b]);
    for (std::size_t i = 0; i < 8; ++i) {
      std::byte* low = out + (g + 2 * i) * group_bytes;
      std::byte* high = out + (g + 16 + 2 * i) * group_bytes;
      if (element_size == 1) {
        store_halves(v[0][i], low, high);
        continue;
      }
      const __m256i lo = _mm256_unpacklo_epi8(v[0][i], v[1][i]), hi = _mm256_unpackhi_epi8(v[0][i], v[1][i]);
      if (element_size == 2) {
        store_halves(lo, low, high);
        store_halves(hi, low + 16, high + 16);
        continue;
      }
      const __m256i lo2 = _mm256_unpacklo_epi8(v[2][i], v[3][i]),
                    hi2 = _mm256_unpackhi_epi8(v[2][i], v[3][i]);
      store_halves(_mm256_unpacklo_epi16(lo, lo2), low, high);
      store_halves(_mm256_unpackhi_epi16(lo, lo2), low + 16, high + 16);
      store_halves(_mm256_unpacklo_epi16(hi, hi2), low + 32, high + 32);
      store_halves(_mm256_unpackhi_epi16(hi, hi2), low + 48, high + 48);
    }
  }
}

// Byte `b` of 32 consecutive elements in one vector.
BRAGGLIVE_AVX2 inline __m256i take_byte(const std::byte* in, std::size_t element_size, std::size_t b) {
  const __m256i* from = reinterpret_cast<const __m256i*>(in);
  if (element_size == 1) return _mm256_loadu_si256(from);
  const int shift = static_cast<int>(8 * b);
  if (element_size == 2) {
    const __m256i mask = _mm256_set1_epi16(0xff);
    const __m256i a = _mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(from), shift), mask);
    const __m256i c = _mm256_and_si256(_mm256_srli_epi16(_mm256_loadu_si256(from + 1), shift), mask);
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(a, c), 0xd8);
  }
  const __m256i mask = _mm256_set1_epi32(0xff);
  __m256i q[4];
  for (int i = 0; i < 4; ++i)
    q[i] = _mm256_and_si256(_mm256_srli_epi32(_mm256_loadu_si256(from + i), shift), mask);
  const __m256i packed =
      _mm256_packus_epi16(_mm256_packus_epi32(q[0], q[1]), _mm256_packus_epi32(q[2], q[3]));
  return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

BRAGGLIVE_AVX2 void shuffle_avx2(const std::byte* in, std::byte* planes, std::size_t groups,
                                 std::size_t element_size) {
  for (std::size_t b = 0; b < element_size; ++b)
    for (std::size_t g = 0; g + 4 <= groups; g += 4) {
      __m256i v = take_byte(in + 8 * g * element_size, element_size, b);
      for (std::size_t k = 8; k-- > 0;) {
        const int bits = _mm256_movemask_epi8(v);
        std::memcpy(planes + (8 * b + k) * groups + g, &bits, 4);
        v = _mm256_add_epi8(v, v);
      }
    }
}

bool have_avx2() {
  static const bool yes = __builtin_cpu_supports("avx2") != 0;
  return yes;
}

}  // namespace
#endif

void bit_unshuffle(const std::byte* planes, std::byte* out, std::size_t elements, std::size_t element_size) {
  std::size_t done = 0;
#if defined(__x86_64__)
  if (have_avx2()) {
    const std::size_t groups = elements / 8;
    unshuffle_avx2(planes, out, groups, element_size);
    done = groups - groups % k_groups_at_once;
  }
#endif
  detail::bit_unshuffle_scalar(planes, out, elements, element_size, done);
}

void bit_shuffle(const std::byte* in, std::byte* planes, std::size_t elements, std::size_t element_size) {
  std::size_t done = 0;
#if defined(__x86_64__)
  if (have_avx2()) {
    const std::size_t groups = elements / 8;
    shuffle_avx2(in, planes, groups, element_size);
    done = groups - groups % 4;
  }
#endif
  detail::bit_shuffle_scalar(in, planes, elements, element_size, done);
}

}  // namespace bragglive
