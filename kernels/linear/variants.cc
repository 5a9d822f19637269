// The table of implementations; the only place that knows which architecture this is.
#include "kernels/linear/variants.h"

#include "base/error.h"
#include "kernels/linear/simd.h"

namespace aisp::kernels::linear {
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
  const Variant zmm_vnni = avx512_vnni::functions(), ymm_vnni = avx_vnni::functions();
  const Variant ymm = avx2::functions();
#else
  const Variant zmm_vnni, ymm_vnni, ymm;
#endif
  static const std::array<Variant, 4> table = {
      row(
          "avx512_vnni", "needs AVX-512 VNNI",
          [](const machine::Cpu& cpu) { return cpu.avx512_vnni; }, zmm_vnni),
      row(
          "avx_vnni", "needs AVX-VNNI",
          [](const machine::Cpu& cpu) { return cpu.avx_vnni && cpu.avx2; }, ymm_vnni),
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
      throw Error(variant.why_not(cpu), "linear variant " + std::string(name),
                  "choose another variant, or none for the widest that can run");
    }
    known += known.empty() ? "" : ", ";
    known += variant.name;
  }
  throw Error("no such linear variant", std::string(name), "known are " + known);
}

}  // namespace aisp::kernels::linear
