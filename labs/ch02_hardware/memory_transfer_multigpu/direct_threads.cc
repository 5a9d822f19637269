// The direct copy by both workers, half of it each: the sender pushes, the receiver pulls.
#include "kernels/copy/copy.h"
#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {
namespace {

constexpr std::size_t kPage = 4096;  // no page is written by both

}  // namespace

bench::Technique direct_threads() {
  return {
      .name = "direct_threads",
      .summary = "the sender pushes one half, the receiver pulls the other, non-temporal stores",
      .threads = 2,
      .plan = [](const bench::Params&) {
        return bench::plan_of(
            [workers = std::make_unique<Workers>(),
             copy = kernels::copy::widest(machine::cpu()).run](const bench::Io& io) {
              const auto in = source(io);
              const auto out = destination(io);
              const std::size_t half = in.size() / 2 / kPage * kPage;
              const auto part = [&](std::size_t begin, std::size_t end) {
                copy({out.data() + begin, in.data() + begin, end - begin},
                     kernels::copy::Store::kStreaming);
              };
              workers->run([&] { part(0, half); }, [&] { part(half, in.size()); });
            });
      }};
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
