// The table of implementations, the choice and the threads: the only place that knows which
// architecture this is.
#include <array>

#include "base/check.h"
#include "kernels/transpose/blocks.h"
#include "kernels/transpose/simd.h"

namespace aisp::kernels::transpose {
namespace {

using Run = void (*)(const Request&, const Config&);

// Ranges of columns or rows for threads: four lines, the depth of a panel and of the prefetch.
constexpr std::int64_t kGrain = 64;

void run_portable(const Request& request, const Config&) {
  turn_blocks(request, {0, request.shape.rows, 0, request.shape.cols});
}

Request with_strides(Request request) {
  auto& [in, out] = request.strides;
  if (in == 0) in = request.shape.cols;
  if (out == 0) out = request.shape.rows;
  check(in >= request.shape.cols && out >= request.shape.rows,
        "transpose: a row stride is smaller than the row");
  return request;
}

}  // namespace

std::span<const Variant> variants() {
#if AISP_X86
  const Run avx2 = run_avx2, avx512 = run_avx512;
#else
  const Run avx2 = nullptr, avx512 = nullptr;
#endif
  static const std::array<Variant, 3> table = {{
      {"avx512", "needs AVX-512", [](const machine::Cpu& cpu) { return cpu.avx512; }, avx512},
      {"avx2", "needs AVX2", [](const machine::Cpu& cpu) { return cpu.avx2; }, avx2},
      {"portable", "", [](const machine::Cpu&) { return true; }, run_portable},
  }};
  return table;
}

const Variant& widest(const machine::Cpu& cpu) {
  for (const Variant& variant : variants()) {
    if (variant.can_run(cpu)) return variant;
  }
  check(false, "transpose: the portable variant runs everywhere");
  return variants().back();
}

void transpose(const Request& request) {
  const machine::Cpu& cpu = machine::cpu();
  widest(cpu).run(with_strides(request), choose_config(request.shape, cpu, 1));
}

void transpose(const Request& request, machine::ThreadPool& pool) {
  const machine::Cpu& cpu = machine::cpu();
  const Config config = choose_config(request.shape, cpu, pool.size());
  const Request whole = with_strides(request);
  const Variant& variant = widest(cpu);
  if (config.threads == 1) {
    variant.run(whole, config);
    return;
  }
  // By columns each thread writes rows of its own. Too few columns: by rows, in whole lines.
  const auto [rows, cols] = whole.shape;
  const bool by_columns = cols >= config.threads * kGrain;
  const std::int64_t count = by_columns ? cols : rows;
  const std::int64_t share = (count + config.threads - 1) / config.threads;
  const std::int64_t grain =
      (share + kGrain - 1) / kGrain * kGrain;  // at most config.threads parts
  pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    Request part = whole;
    part.in += by_columns ? begin : begin * whole.strides.in;
    part.out += by_columns ? begin * whole.strides.out : begin;
    (by_columns ? part.shape.cols : part.shape.rows) = end - begin;
    variant.run(part, config);
  });
}

}  // namespace aisp::kernels::transpose
