// The direct copy with non-temporal stores: the destination is not read before it is overwritten,
// and the caches keep what they have.
#include "kernels/copy/copy.h"
#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {

bench::Technique direct_streaming() {
  return {.name = "direct_streaming",
          .summary = "the receiver's direct copy, non-temporal stores",
          .threads = 2,
          .plan = [](const bench::Params&) {
            return bench::plan_of(
                [workers = std::make_unique<Workers>(),
                 copy = kernels::copy::widest(machine::cpu()).run](const bench::Io& io) {
                  const auto in = source(io);
                  const auto out = destination(io);
                  workers->run(
                      [] {},
                      [&] {
                        copy({out.data(), in.data(), in.size()}, kernels::copy::Store::kStreaming);
                      });
                });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
