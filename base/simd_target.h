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
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif
#else
#define AISP_X86 0
#endif

#if defined(__clang__)
#define AISP_TARGET_BEGIN_AVX2                                                       \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c,bmi,bmi2\"))), " \
          "apply_to=function)")
#define AISP_TARGET_BEGIN_AVX512                                                     \
  _Pragma(                                                                           \
      "clang attribute push(__attribute__((target(\"avx2,fma,f16c,bmi,bmi2,avx512f,"  \
      "avx512bw,avx512dq,avx512vl\"))), apply_to=function)")
#define AISP_TARGET_BEGIN_AVX512_VNNI                                                \
  _Pragma(                                                                           \
      "clang attribute push(__attribute__((target(\"avx2,fma,f16c,bmi,bmi2,avx512f,"  \
      "avx512bw,avx512dq,avx512vl,avx512vnni\"))), apply_to=function)")
#define AISP_TARGET_BEGIN_AVX512_BF16                                                \
  _Pragma(                                                                           \
      "clang attribute push(__attribute__((target(\"avx2,fma,f16c,bmi,bmi2,avx512f,"  \
      "avx512bw,avx512dq,avx512vl,avx512bf16\"))), apply_to=function)")
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
