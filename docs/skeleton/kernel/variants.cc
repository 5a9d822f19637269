// The table of implementations and the choice: the only place that knows which architecture this
// is.
#include <array>

#include "base/check.h"
#include "docs/skeleton/kernel/simd.h"

namespace aisp::skeleton::kernel {
std::span<const Variant> variants() {
#if AISP_X86
  const Run run_avx2 = avx2::kRun, run_avx512 = avx512::kRun;
#else
  const Run run_avx2 = nullptr, run_avx512 = nullptr;
#endif
  static const std::array<Variant, 3> table = {{
      {"avx512", "needs AVX-512", [](const machine::Cpu& cpu) { return cpu.avx512; }, run_avx512},
      {"avx2", "needs AVX2", [](const machine::Cpu& cpu) { return cpu.avx2; }, run_avx2},
      {"portable", "", [](const machine::Cpu&) { return true; }, portable::kRun},
  }};
  return table;
}

void scaled_add(float alpha, const Arrays& arrays) {
  check(arrays.x.size() == arrays.y.size() && arrays.x.size() == arrays.out.size(),
        "scaled_add: x, y and out have one length");
  const auto count = static_cast<std::int64_t>(arrays.x.size());
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    variant.run(alpha, arrays, choose_config(count, machine::cpu()));
    return;
  }
}

}  // namespace aisp::skeleton::kernel
