/* What every generated C file begins with: vectors of LANES floats (4, 8 or 16; the file defines it), and the
   operations that C's vector extension lacks. Every operation but multiply_add rounds the same on every machine;
   kernels are compiled without contraction. */

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));
typedef vf unaligned_f __attribute__((aligned(4), may_alias));
typedef vi unaligned_i __attribute__((aligned(4), may_alias));
typedef intptr_t integer;
typedef void (*kernel_function)(float *const *, const uint32_t *, const uint32_t *, float *, integer);
/* A library of Windows tells nobody but itself what is in it, unless asked. */
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif
#define INLINE static inline __attribute__((always_inline, unused))
#define EACH_LANE for (int l = 0; l < LANES; l++)

/* Bits, splats, loads and stores. */

INLINE float float_of(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
INLINE int32_t int_of(float x) { int32_t bits; memcpy(&bits, &x, 4); return bits; }
INLINE vf splat_f(float x) { return x - (vf){0}; }
INLINE vi splat_i(int32_t x) { return x - (vi){0}; }
INLINE vf load_f(const float *p) { return *(const unaligned_f *)p; }
INLINE vi load_i(const float *p) { return *(const unaligned_i *)p; }
INLINE vf splat_load_f(const float *p) { return splat_f(*p); }
INLINE vi splat_load_i(const float *p) { return splat_i(int_of(*p)); }
INLINE void store(float *p, vf x) { *(unaligned_f *)p = x; }

#if defined(__AVX512F__) && LANES == 16

/* AVX-512. */

#define ROUNDED(x, mode) (vf)_mm512_roundscale_ps((__m512)(x), (mode) | _MM_FROUND_NO_EXC)

INLINE void store_first(float *p, vf x, int count) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)x);
}
INLINE vf multiply_add(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE vf op_sqrt(vf x) { return (vf)_mm512_sqrt_ps((__m512)x); }
INLINE vf op_floor(vf x) { return ROUNDED(x, _MM_FROUND_TO_NEG_INF); }
INLINE vf op_round(vf x) { return ROUNDED(x, _MM_FROUND_TO_NEAREST_INT); }
INLINE vi op_truncate(vf x) { return (vi)_mm512_cvttps_epi32((__m512)x); }
INLINE vf op_toFloat(vi x) { return (vf)_mm512_cvtepi32_ps((__m512i)x); }
INLINE vf op_maximum(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vf op_minimum(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE int any_lane(vi mask) { return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0; }
INLINE vf lookup(const float *table, vi at) {
  return (vf)_mm512_permutex2var_ps(_mm512_load_ps(table), (__m512i)at, _mm512_load_ps(table + 16));
}

#else

INLINE void store_first(float *p, vf x, int count) { memcpy(p, &x, (size_t)count * 4); }

#if defined(__AVX2__) && LANES == 8
/* The octaves of normal draws: all but one in 256 lie from 22 to 29, where one permutation of a register finds them. A
   gather takes several times as long. */
INLINE vf lookup(const float *table, vi at) {
  vi place = (at & 31) - 22;
  if (__builtin_expect(_mm256_testz_si256((__m256i)place, (__m256i)splat_i(~7)), 1))
    return (vf)_mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 22), (__m256i)place);
  return (vf)_mm256_i32gather_ps(table, (__m256i)(at & 31), 4);
}
#elif LANES == 4
INLINE vf lookup(const float *table, vi at) {
  return (vf){table[at[0] & 31], table[at[1] & 31], table[at[2] & 31], table[at[3] & 31]};
}
#else
INLINE vf lookup(const float *table, vi at) { vf r; EACH_LANE r[l] = table[at[l] & 31]; return r; }
#endif

#if defined(__AVX__) && LANES == 8

/* AVX. */

#if defined(__FMA__)
INLINE vf multiply_add(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
#else
INLINE vf multiply_add(vf a, vf b, vf c) { return a * b + c; }
#endif
INLINE int any_lane(vi mask) { return _mm256_movemask_ps((__m256)mask) != 0; }
INLINE vf op_sqrt(vf x) { return (vf)_mm256_sqrt_ps((__m256)x); }
INLINE vf op_floor(vf x) { return (vf)_mm256_floor_ps((__m256)x); }
INLINE vf op_round(vf x) {
  return (vf)_mm256_round_ps((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vi op_truncate(vf x) { return (vi)_mm256_cvttps_epi32((__m256)x); }
INLINE vf op_toFloat(vi x) { return (vf)_mm256_cvtepi32_ps((__m256i)x); }
INLINE vf op_maximum(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vf op_minimum(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }

#elif defined(__aarch64__) && LANES == 4

/* NEON. Its conversion saturates where that of x86 gives the smallest number; its maximum of a number and NaN is NaN,
   where x86 has the second operand, so that comparing and selecting stand for it. */

INLINE vf multiply_add(vf a, vf b, vf c) {
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
INLINE int any_lane(vi mask) { return vmaxvq_u32((uint32x4_t)mask) != 0; }
INLINE vf op_sqrt(vf x) { return (vf)vsqrtq_f32((float32x4_t)x); }
INLINE vf op_floor(vf x) { return (vf)vrndmq_f32((float32x4_t)x); }
INLINE vf op_round(vf x) { return (vf)vrndnq_f32((float32x4_t)x); }
INLINE vi op_truncate(vf x) {
  const vi is_inside = (vf)vabsq_f32((float32x4_t)x) < splat_f(2147483648.0f);
  return ((vi)vcvtq_s32_f32((float32x4_t)x) & is_inside) | (splat_i(INT32_MIN) & ~is_inside);
}
INLINE vf op_toFloat(vi x) { return (vf)vcvtq_f32_s32((int32x4_t)x); }
INLINE vf op_maximum(vf a, vf b) { vi m = a > b; return (vf)(((vi)a & m) | ((vi)b & ~m)); }
INLINE vf op_minimum(vf a, vf b) { vi m = a < b; return (vf)(((vi)a & m) | ((vi)b & ~m)); }

#elif defined(__SSE4_1__) && LANES == 4

/* SSE 4.1, which has no fused multiply-add. */

INLINE vf multiply_add(vf a, vf b, vf c) { return a * b + c; }
INLINE int any_lane(vi mask) { return _mm_movemask_ps((__m128)mask) != 0; }
INLINE vf op_sqrt(vf x) { return (vf)_mm_sqrt_ps((__m128)x); }
INLINE vf op_floor(vf x) { return (vf)_mm_floor_ps((__m128)x); }
INLINE vf op_round(vf x) { return (vf)_mm_round_ps((__m128)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vi op_truncate(vf x) { return (vi)_mm_cvttps_epi32((__m128)x); }
INLINE vf op_toFloat(vi x) { return (vf)_mm_cvtepi32_ps((__m128i)x); }
INLINE vf op_maximum(vf a, vf b) { return (vf)_mm_max_ps((__m128)a, (__m128)b); }
INLINE vf op_minimum(vf a, vf b) { return (vf)_mm_min_ps((__m128)a, (__m128)b); }

#else

/* Any machine. Truncation gives what x86 gives for numbers outside the range of 32 bits. */

#if defined(__FP_FAST_FMAF) && !defined(__x86_64__)
INLINE vf multiply_add(vf a, vf b, vf c) { vf r; EACH_LANE r[l] = fmaf(a[l], b[l], c[l]); return r; }
#else
INLINE vf multiply_add(vf a, vf b, vf c) { return a * b + c; }
#endif
INLINE int any_lane(vi mask) { int32_t any = 0; EACH_LANE any |= mask[l]; return any != 0; }
INLINE int32_t truncated(float x) {
  return x > -2147483648.0f && x < 2147483648.0f ? (int32_t)x : INT32_MIN;
}
INLINE vf op_sqrt(vf x) { vf r; EACH_LANE r[l] = sqrtf(x[l]); return r; }
INLINE vf op_floor(vf x) { vf r; EACH_LANE r[l] = floorf(x[l]); return r; }
INLINE vf op_round(vf x) { vf r; EACH_LANE r[l] = rintf(x[l]); return r; }
INLINE vi op_truncate(vf x) { vi r; EACH_LANE r[l] = truncated(x[l]); return r; }
INLINE vf op_toFloat(vi x) { vf r; EACH_LANE r[l] = (float)x[l]; return r; }
INLINE vf op_maximum(vf a, vf b) { vi m = a > b; return (vf)(((vi)a & m) | ((vi)b & ~m)); }
INLINE vf op_minimum(vf a, vf b) { vi m = a < b; return (vf)(((vi)a & m) | ((vi)b & ~m)); }

#endif
#endif

/* The same on every machine. */

INLINE vf op_negate(vf x) { return -x; }
INLINE vf op_abs(vf x) { return (vf)((vi)x & 0x7fffffff); }
INLINE vf op_select(vi m, vf a, vf b) { return (vf)(((vi)a & m) | ((vi)b & ~m)); }
INLINE vi op_selectInt(vi m, vi a, vi b) { return (a & m) | (b & ~m); }
INLINE vi op_maximumInt(vi a, vi b) { vi m = a > b; return (a & m) | (b & ~m); }
INLINE vi op_minimumInt(vi a, vi b) { vi m = a < b; return (a & m) | (b & ~m); }
INLINE vi op_floatBits(vf x) { return (vi)x; }
INLINE vf op_bitsFloat(vi x) { return (vf)x; }

/* Folds by halves: lane l with lane l + LANES / 2, and so on. A maximum that has met NaN stays NaN. */

INLINE vf larger(vf a, vf b) { vi m = (a > b) | (a != a); return op_select(m, a, b); }

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define FOLDS_IN_REGISTERS
#endif
#endif
#if defined(FOLDS_IN_REGISTERS)
#if LANES == 16
#define HALVES(FOLD) \
  FOLD(8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15) \
  FOLD(4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7) \
  FOLD(2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3) \
  FOLD(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
#elif LANES == 8
#define HALVES(FOLD) FOLD(4, 5, 6, 7, 4, 5, 6, 7) FOLD(2, 3, 2, 3, 2, 3, 2, 3) FOLD(1, 1, 1, 1, 1, 1, 1, 1)
#else
#define HALVES(FOLD) FOLD(2, 3, 2, 3) FOLD(1, 1, 1, 1)
#endif
#define FOLD_ADD(...) x += __builtin_shufflevector(x, x, __VA_ARGS__);
#define FOLD_LARGER(...) x = larger(x, __builtin_shufflevector(x, x, __VA_ARGS__));
INLINE vf fold_add(vf x) { HALVES(FOLD_ADD) return splat_f(x[0]); }
INLINE vf fold_maximum(vf x) { HALVES(FOLD_LARGER) return splat_f(x[0]); }
#else
INLINE vf fold_add(vf x) {
  for (int h = LANES / 2; h > 0; h /= 2)
    for (int l = 0; l < h; l++) x[l] = x[l] + x[l + h];
  return splat_f(x[0]);
}
INLINE vf fold_maximum(vf x) {
  for (int h = LANES / 2; h > 0; h /= 2)
    for (int l = 0; l < h; l++) x[l] = x[l] > x[l + h] || x[l] != x[l] ? x[l] : x[l + h];
  return splat_f(x[0]);
}
#endif

static const vi lane_numbers __attribute__((unused)) = {
#if LANES == 16
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#elif LANES == 8
  0, 1, 2, 3, 4, 5, 6, 7
#elif LANES == 4
  0, 1, 2, 3
#else
#error "LANES must be 4, 8 or 16"
#endif
};
