// The receiver reads the sender's buffer: one copy, nothing in between. What peer access between
// GPUs does, and threads or processes that share their memory (XPMEM).
#include <cstring>

#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {

bench::Technique direct_pull() {
  return {.name = "direct_pull",
          .summary = "the receiver copies straight out of the sender's buffer",
          .threads = 2,
          .plan = [](const bench::Params&) {
            return bench::plan_of([workers = std::make_unique<Workers>()](const bench::Io& io) {
              const auto in = source(io);
              const auto out = destination(io);
              workers->run([] {}, [&] { std::memcpy(out.data(), in.data(), in.size()); });
            });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
