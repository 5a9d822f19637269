// The table of implementations and the choice: the only place that knows which architecture this
// is.
#include <array>

#include "base/check.h"
#include "kernels/softmax/simd.h"

namespace aisp::kernels::softmax {

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

const Variant& choose_variant(const machine::Cpu& cpu) {
  for (const Variant& variant : variants()) {
    if (variant.can_run(cpu)) return variant;
  }
  return variants().back();
}

void softmax(const Rows& rows, machine::ThreadPool* pool) {
  check(rows.rows >= 0 && rows.n >= 0, "softmax: sizes must not be negative");
  const Variant& variant = choose_variant(machine::cpu());
  const Config config = choose_config(rows.rows, rows.n, machine::cpu());
  if (pool == nullptr) {
    variant.run(rows, config);
    return;
  }
  pool->parallel_for(rows.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    Rows part = rows;
    part.x += begin * (rows.x_stride != 0 ? rows.x_stride : rows.n);
    part.y += begin * (rows.y_stride != 0 ? rows.y_stride : rows.n);
    part.rows = end - begin;
    variant.run(part, config);
  });
}

}  // namespace aisp::kernels::softmax
