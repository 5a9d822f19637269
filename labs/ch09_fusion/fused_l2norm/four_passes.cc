// sqrt(x*x + y*y) as eager PyTorch or NumPy runs it: each operation one vectorised pass with its
// own result array. The arrays are made once, as their caching allocators would hand them out
// again. Each pass uses the widest instruction set, as both libraries do, so that what the other
// techniques gain is fusion alone. Source: NumPy
// numpy/_core/src/umath/loops_unary_fp.dispatch.c.src (SIMD sqrt per instruction set).
#include <cmath>
#include <memory>
#include <vector>

#include "base/simd_target.h"
#include "labs/ch09_fusion/fused_l2norm/problem.h"

namespace aisp::labs::ch09::fused_l2norm {
namespace {

struct Passes {
  void (*square)(const float* a, float* out, std::size_t n);
  void (*add)(const float* a, const float* b, float* out, std::size_t n);
  void (*root)(const float* a, float* out, std::size_t n);
};

// The loops over squares and sums vectorise by themselves at the width of their target region. A
// root does not: the library function may set errno, so the compiler keeps it scalar.
namespace plain {
void square(const float* __restrict a, float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i] * a[i];
}
void add(const float* __restrict a, const float* __restrict b, float* __restrict out,
         std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
}
void root(const float* __restrict a, float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = std::sqrt(a[i]);
}
}  // namespace plain

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
void square(const float* __restrict a, float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i] * a[i];
}
void add(const float* __restrict a, const float* __restrict b, float* __restrict out,
         std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
}
void root(const float* __restrict a, float* __restrict out, std::size_t n) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, _mm256_sqrt_ps(_mm256_loadu_ps(a + i)));
  for (; i < n; ++i) out[i] = std::sqrt(a[i]);
}
}  // namespace avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {
void square(const float* __restrict a, float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i] * a[i];
}
void add(const float* __restrict a, const float* __restrict b, float* __restrict out,
         std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
}
void root(const float* __restrict a, float* __restrict out, std::size_t n) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps(out + i, _mm512_maskz_sqrt_ps(0xffff, _mm512_loadu_ps(a + i)));
  for (; i < n; ++i) out[i] = std::sqrt(a[i]);
}
}  // namespace avx512
AISP_TARGET_END
#endif

Passes choose_passes(const machine::Cpu& cpu) {
#if AISP_X86
  if (cpu.avx512) return {avx512::square, avx512::add, avx512::root};
  if (cpu.avx2) return {avx2::square, avx2::add, avx2::root};
#endif
  return {plain::square, plain::add, plain::root};
}

struct Temporaries {
  std::vector<float> xx, yy, sum;
};

}  // namespace

bench::Technique four_passes() {
  return {
      .name = "four_passes",
      .summary = "square, square, add, root: four vectorised passes, three temporaries",
      .plan = [](const bench::Params& params) {
        const auto n = static_cast<std::size_t>(params["n"]);
        auto t = std::make_shared<Temporaries>(
            Temporaries{std::vector<float>(n), std::vector<float>(n), std::vector<float>(n)});
        return bench::plan_of([t, n, passes = choose_passes(machine::cpu())](const bench::Io& io) {
          passes.square(io.in<float>(0).data(), t->xx.data(), n);
          passes.square(io.in<float>(1).data(), t->yy.data(), n);
          passes.add(t->xx.data(), t->yy.data(), t->sum.data(), n);
          passes.root(t->sum.data(), io.out<float>(0).data(), n);
        });
      }};
}

}  // namespace aisp::labs::ch09::fused_l2norm
