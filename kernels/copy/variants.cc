// The table of implementations and the choice: the only place that knows which architecture this
// is.
#include <array>

#include "base/check.h"
#include "kernels/copy/simd.h"

namespace aisp::kernels::copy {
namespace {

// Ranges of threads begin on pages: no two threads write one, and each stream starts on its own.
constexpr std::int64_t kGrain = 4096;

}  // namespace

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

const Variant& widest(const machine::Cpu& cpu) {
  for (const Variant& variant : variants()) {
    if (variant.can_run(cpu)) return variant;
  }
  check(false, "copy: the portable variant runs everywhere");
  return variants().back();
}

void copy(const Request& request) {
  const machine::Cpu& cpu = machine::cpu();
  widest(cpu).run(request, choose_config(request.bytes, cpu, 1).store);
}

void copy(const Request& request, machine::ThreadPool& pool) {
  const machine::Cpu& cpu = machine::cpu();
  const Config config = choose_config(request.bytes, cpu, pool.size());
  const Variant& variant = widest(cpu);
  if (config.threads == 1) {
    variant.run(request, config.store);
    return;
  }
  // Not more ranges than config.threads: the grain grows until they are as many.
  const auto bytes = static_cast<std::int64_t>(request.bytes);
  const std::int64_t pages = (bytes + kGrain - 1) / kGrain;
  const std::int64_t grain = (pages + config.threads - 1) / config.threads * kGrain;
  pool.parallel_for(bytes, grain, [&](std::int64_t begin, std::int64_t end) {
    variant.run({static_cast<std::byte*>(request.to) + begin,
                 static_cast<const std::byte*>(request.from) + begin,
                 static_cast<std::size_t>(end - begin)},
                config.store);
  });
}

}  // namespace aisp::kernels::copy
