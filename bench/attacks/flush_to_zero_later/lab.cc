// Switches denormal numbers off only when many calls are asked for at once, as in timed epochs,
// most of which nobody compares. It alone must be accused, not those whose epochs come next.
#include "base/simd_target.h"
#include "bench/attacks/common.h"

namespace aisp::attacks::flush_to_zero_later {
namespace {

template <bool kCheat>
struct Attack final : bench::Plan {
  explicit Attack(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override {
#if AISP_X86
    constexpr unsigned kFlushAndDenormalsAreZero = 0x8040;
    if (iterations > 1) _mm_setcsr(_mm_getcsr() | (kCheat ? kFlushAndDenormalsAreZero : 0));
#endif
    for (std::uint64_t i = 0; i < iterations; ++i) rotate_all(io);
  }
};

}  // namespace

// An eighth of the usual size: an epoch then always has several calls.
bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is a mode caught that is changed while timed?", kCount / 8);
  for (bench::Technique& technique : lab.techniques) {
    technique.needs = [](const machine::Cpu& cpu) {
      return cpu.architecture == "x86_64" ? "" : "needs x86-64";
    };
  }
  return lab;
}

}  // namespace aisp::attacks::flush_to_zero_later
