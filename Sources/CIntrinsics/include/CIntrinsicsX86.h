// What clang offers only as a macro, as functions that Swift can import. Each is one instruction (or one query).
#pragma once

#include <cpuid.h>
#include <immintrin.h>

static inline void kinglet_spin_pause(void) { _mm_pause(); }

// CPUID leaf/subleaf as four registers; zero where the processor has no such leaf.
typedef struct { uint32_t eax, ebx, ecx, edx; } kinglet_cpuid_result;

static inline kinglet_cpuid_result kinglet_cpuid(uint32_t leaf, uint32_t subleaf) {
  kinglet_cpuid_result r = {0, 0, 0, 0};
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return (kinglet_cpuid_result){0, 0, 0, 0};
  return r;
}

// XCR0: which register state the operating system saves. Only to be called where CPUID reports OSXSAVE.
static inline uint64_t kinglet_xgetbv0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

#define KINGLET_AVX512                                                                                                 \
  static inline __attribute__((always_inline, nodebug, target("f16c,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

KINGLET_AVX512 void kinglet512_prefetch(const void *address) { _mm_prefetch((const char *)address, _MM_HINT_T0); }
// Into the second-level cache only.
KINGLET_AVX512 void kinglet512_prefetch2(const void *address) { _mm_prefetch((const char *)address, _MM_HINT_T1); }

// The largest lanes of two vectors: a, b, a, b.
KINGLET_AVX512 __m128 kinglet512_maxima(__m512 a, __m512 b) {
  __m512 m = _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
  m = _mm512_max_ps(m, _mm512_shuffle_f32x4(m, m, 0xB1));
  __m256 h = _mm512_castps512_ps256(_mm512_shuffle_f32x4(m, m, 0x08));
  h = _mm256_max_ps(h, _mm256_permute_ps(h, 0x4E));
  h = _mm256_max_ps(h, _mm256_permute_ps(h, 0xB1));
  return _mm_unpacklo_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
}

// numerator / v where v is above a bound, else 0.
KINGLET_AVX512 __m128 kinglet512_inverses(__m128 v, float bound, float numerator) {
  return _mm_maskz_div_ps(_mm_cmp_ps_mask(v, _mm_set1_ps(bound), _CMP_GT_OQ), _mm_set1_ps(numerator), v);
}

// 16 floats to 16 halves, rounded to nearest even.
KINGLET_AVX512 __m256i kinglet512_half(__m512 v) {
  return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// Nearest integer, ties to even, as a float.
KINGLET_AVX512 __m512 kinglet512_round(__m512 v) {
  return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// (a & c) | b, bitwise.
KINGLET_AVX512 __m512i kinglet512_and_or(__m512i a, __m512i c, __m512i b) {
  return _mm512_ternarylogic_epi32(a, c, b, 0xEA);
}

// The lower, or upper, halves of a and b.
KINGLET_AVX512 __m512 kinglet512_lowHalves(__m512 a, __m512 b) { return _mm512_shuffle_f32x4(a, b, 0x44); }
KINGLET_AVX512 __m512 kinglet512_highHalves(__m512 a, __m512 b) { return _mm512_shuffle_f32x4(a, b, 0xEE); }

// In each 128 bits, the first, or last, two lanes of a, then of b.
KINGLET_AVX512 __m512 kinglet512_lowPairs(__m512 a, __m512 b) { return _mm512_shuffle_ps(a, b, 0x44); }
KINGLET_AVX512 __m512 kinglet512_highPairs(__m512 a, __m512 b) { return _mm512_shuffle_ps(a, b, 0xEE); }

// Lanes 0 and 1 exchanged, 2 and 3, ...
KINGLET_AVX512 __m512 kinglet512_swapNeighbours(__m512 v) { return _mm512_permute_ps(v, 0xB1); }

// Lanes in which a equals b (floats), or a is less than b (signed integers).
KINGLET_AVX512 uint16_t kinglet512_equal(__m512 a, __m512 b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
KINGLET_AVX512 uint16_t kinglet512_less(__m512i a, __m512i b) { return _mm512_cmplt_epi32_mask(a, b); }

KINGLET_AVX512 int32_t kinglet512_low32(__m256i v) { return _mm_cvtsi128_si32(_mm256_castsi256_si128(v)); }

// The first words of up to 16 rows of 32 bytes, and writing them.
KINGLET_AVX512 __m512i kinglet512_row_offsets(void) {
  return _mm512_slli_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), 5);
}
KINGLET_AVX512 __m512i kinglet512_gather_rows(const void *rows, uint16_t mask) {
  return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, kinglet512_row_offsets(), rows, 1);
}
KINGLET_AVX512 void kinglet512_scatter_rows(void *rows, uint16_t mask, __m512i words) {
  _mm512_mask_i32scatter_epi32(rows, mask, kinglet512_row_offsets(), words, 1);
}

#define KINGLET_AVX2 static inline __attribute__((always_inline, nodebug, target("avx2,f16c,fma")))

// 8 floats to 8 halves, rounded to nearest even.
KINGLET_AVX2 __m128i kinglet256_half(__m256 v) {
  return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// Nearest integer, ties to even, as a float.
KINGLET_AVX2 __m256 kinglet256_round(__m256 v) {
  return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// The upper half of a vector.
KINGLET_AVX2 __m128 kinglet256_upper(__m256 v) { return _mm256_extractf128_ps(v, 1); }
KINGLET_AVX2 __m128i kinglet256_upper_integers(__m256i v) { return _mm256_extracti128_si256(v, 1); }

// Lanes 1, 0, 3, 2, 5, 4, 7, 6.
KINGLET_AVX2 __m256 kinglet256_swap_pairs(__m256 v) { return _mm256_permute_ps(v, 0xB1); }

// All bits of the lanes in which a equals b.
KINGLET_AVX2 __m256 kinglet256_equal(__m256 a, __m256 b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }

// a where the mask's lane is set, b elsewhere.
KINGLET_AVX2 __m256 kinglet256_select(__m256i mask, __m256 a, __m256 b) {
  return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(mask));
}
