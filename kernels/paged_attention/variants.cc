// The table of implementations; the only place that knows which architecture this is.
#include "kernels/paged_attention/variants.h"

#include "base/error.h"
#include "kernels/paged_attention/simd.h"

namespace aisp::kernels::paged_attention {
namespace {

Variant row(std::string_view name, std::string_view requirement,
            bool (*can_run)(const machine::Cpu&), Variant functions) {
  functions.name = name;
  functions.requirement = requirement;
  functions.can_run = can_run;
  return functions;
}

}  // namespace

std::span<const Variant> variants() {
#if AISP_X86
  const Variant zmm = avx512_vnni::functions(), ymm = avx2::functions();
#else
  const Variant zmm, ymm;
#endif
  static const std::array<Variant, 3> table = {
      row(
          "avx512_vnni", "needs AVX-512 VNNI",
          [](const machine::Cpu& cpu) { return cpu.avx512_vnni; }, zmm),
      row(
          "avx2", "needs AVX2 and FMA", [](const machine::Cpu& cpu) { return cpu.avx2; }, ymm),
      row(
          "portable", "", [](const machine::Cpu&) { return true; }, portable::functions())};
  return table;
}

const Variant& find_variant(std::string_view name, const machine::Cpu& cpu) {
  std::string known;
  for (const Variant& variant : variants()) {
    if (name.empty() && variant.can_run(cpu)) return variant;
    if (name == variant.name) {
      if (variant.can_run(cpu)) return variant;
      throw Error(variant.why_not(cpu), "paged_attention variant " + std::string(name),
                  "choose another variant, or none for the widest that can run");
    }
    known += known.empty() ? "" : ", ";
    known += variant.name;
  }
  throw Error("no such paged_attention variant", std::string(name), "known are " + known);
}

}  // namespace aisp::kernels::paged_attention
