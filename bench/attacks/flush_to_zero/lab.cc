// Switches denormal numbers off, for itself and for everybody after it.
#include "base/simd_target.h"
#include "bench/attacks/common.h"

namespace aisp::attacks::flush_to_zero {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
#if AISP_X86
    constexpr unsigned kFlushAndDenormalsAreZero = 0x8040;
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | kFlushAndDenormalsAreZero);
    rotate_all(io);
    if (!kCheat) _mm_setcsr(before);
#else
    rotate_all(io);
#endif
  }
};

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is a changed floating-point mode caught?");
  for (bench::Technique& technique : lab.techniques) {
    technique.needs = [](const machine::Cpu& cpu) {
      return cpu.architecture == "x86_64" ? "" : "needs x86-64";
    };
  }
  return lab;
}

}  // namespace aisp::attacks::flush_to_zero
