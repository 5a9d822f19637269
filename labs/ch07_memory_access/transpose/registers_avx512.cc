// 16 x 16 blocks turned in AVX-512 registers, written through the caches: every load takes a whole
// input line and every store fills a whole output line, but each output line is first read from
// memory to be overwritten.
#include "base/simd_target.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Technique registers_avx512() {
  return {.name = "registers_avx512",
          .summary = "16 x 16 blocks turned in registers, cached stores",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx512 ? "" : "needs AVX-512"; },
          .plan =
              [](const bench::Params& params) {
                return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
                  transpose_avx512(call_of(io, shape), Store::kCached);
                });
              }};
}

}  // namespace aisp::labs::ch07::transpose
