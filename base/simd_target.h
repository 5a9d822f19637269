// Target regions: compile one stretch of a file for a wider instruction set without -m flags, which
// would leak wide instructions into shared inline functions by link order.
// Use: include every header FIRST, then AISP_TARGET_BEGIN_AVX512 ... AISP_TARGET_END, with the code
// in a namespace of its own. Callers must have asked machine::cpu() for the feature.
#pragma once

#if defined(__x86_64__)
#define AISP_X86 1
// GCC 12 warns about its own deliberately undefined registers (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#define AISP_X86 0
#endif

#if defined(__clang__)
#define AISP_PRAGMA(...) _Pragma(#__VA_ARGS__)
#define AISP_CLANG_TARGET(features) \
  AISP_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define AISP_TARGET_BEGIN_AVX2 AISP_CLANG_TARGET("avx2,fma,f16c,bmi,bmi2")
#define AISP_TARGET_BEGIN_AVX512 \
  AISP_CLANG_TARGET("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl")
#define AISP_TARGET_BEGIN_AVX512_VNNI \
  AISP_CLANG_TARGET("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#define AISP_TARGET_BEGIN_AVX512_BF16 \
  AISP_CLANG_TARGET("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
#define AISP_TARGET_END _Pragma("clang attribute pop")
#else
#define AISP_TARGET_BEGIN_AVX2 \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c,bmi,bmi2\")")
#define AISP_TARGET_BEGIN_AVX512                 \
  _Pragma("GCC push_options") _Pragma(           \
      "GCC target(\"avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512\")")
#define AISP_TARGET_BEGIN_AVX512_VNNI            \
  _Pragma("GCC push_options") _Pragma(           \
      "GCC target(\"avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni\")")
#define AISP_TARGET_BEGIN_AVX512_BF16            \
  _Pragma("GCC push_options") _Pragma(           \
      "GCC target(\"avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16\")")
#define AISP_TARGET_END _Pragma("GCC pop_options")
#endif
