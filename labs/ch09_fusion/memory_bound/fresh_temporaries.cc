// LayerNorm written as an expression in a framework's eager mode (or in NumPy):
//   c = x - x.mean(-1);  y = c * rsqrt((c * c).mean(-1) + epsilon) * weight + bias
// Every operation is one pass with a result array of its own, allocated then and freed after its
// last use, as PyTorch on a CPU does (posix_memalign without a cache of its own): arrays of 32 MiB
// and more come from the kernel each time, page by page. Each pass has the widest vectors, as in
// these libraries, so that what other techniques gain is passes and allocations alone.
// Source: PyTorch, c10/core/impl/alloc_cpu.cpp; "Annotated Transformer", class LayerNorm.
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "kernels/simd/vectors.h"
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

namespace {
namespace portable {
using kernels::simd::portable::V;
#include "labs/ch09_fusion/memory_bound/passes.inc"
}  // namespace portable
#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
using kernels::simd::avx2::V;
#include "labs/ch09_fusion/memory_bound/passes.inc"
}  // namespace avx2
AISP_TARGET_END
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
using kernels::simd::avx512::V;
#include "labs/ch09_fusion/memory_bound/passes.inc"
}  // namespace avx512
AISP_TARGET_END
#endif

struct FreeFloats {
  void operator()(float* floats) const { std::free(floats); }
};
using Tensor = std::unique_ptr<float, FreeFloats>;

Tensor allocate(std::int64_t count) {
  const std::size_t bytes = (static_cast<std::size_t>(count) * sizeof(float) + 63) / 64 * 64;
  auto* floats = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (floats == nullptr) throw std::bad_alloc();
  return Tensor(floats);
}

void evaluate(const kernels::norm::Rows& a, const Passes& passes) {
  const std::int64_t count = a.rows * a.n;
  const Tensor mean = allocate(a.rows);
  passes.mean(a.x, mean.get(), a.rows, a.n);
  Tensor centered = allocate(count);
  passes.subtract_rows(a.x, mean.get(), centered.get(), a.rows, a.n);
  Tensor squares = allocate(count);
  passes.square(centered.get(), squares.get(), count);
  const Tensor variance = allocate(a.rows);
  passes.mean(squares.get(), variance.get(), a.rows, a.n);
  squares.reset();
  const Tensor factor = allocate(a.rows);
  inverse_root(variance.get(), factor.get(), a.rows);
  Tensor normalized = allocate(count);
  passes.multiply_rows(centered.get(), factor.get(), normalized.get(), a.rows, a.n);
  centered.reset();
  const Tensor scaled = allocate(count);
  passes.multiply_columns(normalized.get(), a.weight, scaled.get(), a.rows, a.n);
  normalized.reset();
  passes.add_columns(scaled.get(), a.bias, a.y, a.rows, a.n);
}

}  // namespace

Passes choose_passes(const machine::Cpu& cpu) {
#if AISP_X86
  if (cpu.avx512) return avx512::kPasses;
  if (cpu.avx2) return avx2::kPasses;
#endif
  return portable::kPasses;
}

void inverse_root(const float* variance, float* out, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r) out[r] = 1.0f / std::sqrt(variance[r] + kEpsilon);
}

bench::Technique fresh_temporaries() {
  return {.name = "fresh_temporaries",
          .summary = "an operation a pass, each with a fresh result array",
          .plan = [](const bench::Params& params) {
            return bench::plan_of(
                [params, passes = choose_passes(machine::cpu())](const bench::Io& io) {
                  evaluate(rows_of(params, io), passes);
                });
          }};
}

}  // namespace aisp::labs::ch09::memory_bound
