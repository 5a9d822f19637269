// The widest vectors with non-temporal stores and the sources prefetched 2 KiB ahead: an output
// line is not read before it is overwritten, 12 bytes an element instead of 16. Streams at every
// size, so that the table shows where it loses.
#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {

bench::Technique streaming() {
  return {.name = "streaming",
          .summary = "the widest vectors, stores past the caches, prefetch",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([add = choose_add(machine::cpu())](const bench::Io& io) {
                  add(arrays_of(io), true);
                });
              }};
}

}  // namespace aisp::labs::ch06::add
