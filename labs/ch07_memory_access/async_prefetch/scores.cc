// The three instruction sets around scores_body.inc, and the choice. Headers come before the
// regions, so that nothing shared is compiled for a wider machine.
#include <cstring>
#include <utility>

#include "kernels/simd/vectors.h"
#include "labs/ch07_memory_access/async_prefetch/problem.h"

namespace aisp::labs::ch07::async_prefetch {

namespace portable {
namespace {
using kernels::simd::portable::V;
#include "labs/ch07_memory_access/async_prefetch/scores_body.inc"
}  // namespace
}  // namespace portable
void run_portable(const Call& call, Load load) { portable::run(call, load); }

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {
using kernels::simd::avx2::V;
#include "labs/ch07_memory_access/async_prefetch/scores_body.inc"
}  // namespace
}  // namespace avx2
void run_avx2(const Call& call, Load load) { avx2::run(call, load); }
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {
using kernels::simd::avx512::V;
#include "labs/ch07_memory_access/async_prefetch/scores_body.inc"
}  // namespace
}  // namespace avx512
void run_avx512(const Call& call, Load load) { avx512::run(call, load); }
AISP_TARGET_END
#else
void run_avx2(const Call& call, Load load) { run_portable(call, load); }
void run_avx512(const Call& call, Load load) { run_portable(call, load); }
#endif

Run choose_run(const machine::Cpu& cpu) {
  if (cpu.avx512) return run_avx512;
  if (cpu.avx2) return run_avx2;
  return run_portable;
}

}  // namespace aisp::labs::ch07::async_prefetch
