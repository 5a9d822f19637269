// Returns with the upper halves of the vector registers in use: SSE code that runs next must merge
// with them at every instruction.
#include "base/simd_target.h"
#include "bench/attacks/common.h"

namespace aisp::attacks::dirty_uppers {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
#if AISP_X86
    asm volatile("vpcmpeqd %%ymm15, %%ymm15, %%ymm15" ::: "xmm15");
    if (!kCheat) asm volatile("vzeroupper" ::: "xmm15");
#endif
  }
};

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Are dirty upper vector halves caught?");
  for (bench::Technique& technique : lab.techniques) {
    technique.needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; };
  }
  return lab;
}

}  // namespace aisp::attacks::dirty_uppers
