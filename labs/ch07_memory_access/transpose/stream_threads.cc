// The widest streaming kernel of this machine on every core, each with its own range of columns, so
// that each writes rows of its own and no line is shared.
#include <memory>

#include "labs/ch07_memory_access/transpose/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch07::transpose {
namespace {

// Ranges in multiples of four input lines: the prefetch distance of the kernels.
constexpr std::int64_t kGrain = 64;

void on_all_cores(const bench::Io& io, const Shape& shape, Store store, machine::ThreadPool& pool) {
  const bool wide = machine::cpu().avx512;
  pool.parallel_for(shape.cols, kGrain, [&](std::int64_t begin, std::int64_t end) {
    Call call = call_of(io, shape);
    call.first_col = begin;
    call.last_col = end;
    wide ? transpose_avx512(call, store) : transpose_avx2(call, store);
  });
}

}  // namespace

bench::Technique stream_threads() {
  return {.name = "stream_threads",
          .summary = "the widest streaming kernel on every core",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; },
          .plan =
              [](const bench::Params& params) {
                const Shape shape = shape_of(params);
                const Store store = choose_store(shape, machine::cpu());
                return bench::plan_of(
                    [shape, store, pool = std::make_shared<machine::ThreadPool>()](
                        const bench::Io& io) { on_all_cores(io, shape, store, *pool); });
              }};
}

}  // namespace aisp::labs::ch07::transpose
