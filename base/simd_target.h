// Target regions: compile one stretch of a file for a wider instruction set without -m flags, which
// would leak wide instructions into shared inline functions by link order.
// Use: include every header FIRST, then AISP_TARGET_BEGIN_AVX512 ... AISP_TARGET_END, with the code
// in a namespace of its own. Callers must have asked machine::cpu() for the feature.
#pragma once

#if defined(__x86_64__)
#define AISP_X86 1
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns about its own deliberately undefined registers (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif
#else
#define AISP_X86 0
#endif

#define AISP_PRAGMA(...) _Pragma(#__VA_ARGS__)
#if defined(__clang__)
#define AISP_TARGET_BEGIN(features) \
  AISP_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define AISP_TARGET_END AISP_PRAGMA(clang attribute pop)
#else
#define AISP_TARGET_BEGIN(features) \
  AISP_PRAGMA(GCC push_options)     \
  AISP_PRAGMA(GCC target(features))
#define AISP_TARGET_END AISP_PRAGMA(GCC pop_options)
#endif

// GCC else prefers 256-bit vectors where it vectorizes loops itself; Clang rejects the option here.
#if defined(__clang__)
#define AISP_PREFER_512
#else
#define AISP_PREFER_512 ",prefer-vector-width=512"
#endif

#define AISP_TARGET_BEGIN_AVX2 AISP_TARGET_BEGIN("avx2,fma,f16c,bmi,bmi2")
#define AISP_TARGET_BEGIN_AVX512 \
  AISP_TARGET_BEGIN("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl" AISP_PREFER_512)
#define AISP_TARGET_BEGIN_AVX512_VNNI \
  AISP_TARGET_BEGIN(                  \
      "avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni" AISP_PREFER_512)
#define AISP_TARGET_BEGIN_AVX512_BF16 \
  AISP_TARGET_BEGIN(                  \
      "avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16" AISP_PREFER_512)
