// The table of implementations; the only place that knows which architecture this is.
#include "kernels/gemm/variants.h"

#include <array>

#include "base/error.h"
#include "kernels/gemm/simd.h"

namespace aisp::kernels::gemm {
namespace {

Variant row(std::string_view name, std::string_view requirement,
            bool (*can_run)(const machine::Cpu&), const SimdFunctions& functions) {
  return {name,           requirement, can_run, functions.tile, functions.pack_a, functions.pack_b,
          functions.block};
}

#if AISP_X86
const SimdFunctions& avx512_functions = avx512::kFunctions;
const SimdFunctions& avx2_functions = avx2::kFunctions;
#else
const SimdFunctions avx512_functions = {};
const SimdFunctions avx2_functions = {};
#endif

}  // namespace

std::span<const Variant> variants() {
  static const std::array<Variant, 3> table = {
      row(
          "avx512", "needs AVX-512 (F, BW, DQ, VL)",
          [](const machine::Cpu& cpu) { return cpu.avx512; }, avx512_functions),
      row(
          "avx2", "needs AVX2 and FMA", [](const machine::Cpu& cpu) { return cpu.avx2; },
          avx2_functions),
      row(
          "portable", "", [](const machine::Cpu&) { return true; }, portable::kFunctions)};
  return table;
}

const Variant& find_variant(std::string_view name, const machine::Cpu& cpu) {
  std::string known;
  for (const Variant& variant : variants()) {
    if (name.empty() && variant.can_run(cpu)) return variant;
    if (name == variant.name) {
      if (variant.can_run(cpu)) return variant;
      throw Error(variant.why_not(cpu), "gemm variant " + std::string(name),
                  "choose another variant, or none for the widest that can run");
    }
    known += known.empty() ? "" : ", ";
    known += variant.name;
  }
  throw Error("no such gemm variant", std::string(name), "known are " + known);
}

}  // namespace aisp::kernels::gemm
