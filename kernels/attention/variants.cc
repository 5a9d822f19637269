// The table of implementations; the only place that knows which architecture this is.
#include "kernels/attention/variants.h"

#include <array>

#include "base/error.h"

namespace aisp::kernels::attention {

std::span<const Variant> variants() {
#if AISP_X86
  const SimdFunctions &on_avx2 = avx2::kFunctions, &on_avx512 = avx512::kFunctions;
#else
  const SimdFunctions on_avx2, on_avx512;
#endif
  static const std::array<Variant, 3> table = {{
      {"avx512", "needs AVX-512", [](const machine::Cpu& cpu) { return cpu.avx512; }, on_avx512},
      {"avx2", "needs AVX2", [](const machine::Cpu& cpu) { return cpu.avx2; }, on_avx2},
      {"portable", "", [](const machine::Cpu&) { return true; }, portable::kFunctions},
  }};
  return table;
}

const Variant& find_variant(std::string_view name, const machine::Cpu& cpu) {
  std::string known;
  for (const Variant& variant : variants()) {
    if (name.empty() && variant.can_run(cpu)) return variant;
    if (name == variant.name) {
      if (variant.can_run(cpu)) return variant;
      throw Error(variant.why_not(cpu), "attention variant " + std::string(name),
                  "choose another variant, or none for the widest that can run");
    }
    known += (known.empty() ? "" : ", ") + std::string(variant.name);
  }
  throw Error("no such attention variant", std::string(name), "known are " + known);
}

}  // namespace aisp::kernels::attention
