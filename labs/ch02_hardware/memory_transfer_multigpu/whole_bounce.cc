// The baseline: everything is copied into a buffer in between, then everything out of it. What
// `x.cpu().to(other)` does between GPUs without peer access, and what a send through a shared
// segment does when it waits for the whole message.
// Source: PyTorch, Tensor.to() across devices without peer access; the two-step copies of CUDA
// programs that cudaDeviceCanAccessPeer sends through the host.
#include <cstring>

#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {

bench::Technique whole_bounce() {
  return {.name = "whole_bounce",
          .summary = "the sender copies all of it into a buffer, then the receiver copies it out",
          .threads = 2,
          .plan = [](const bench::Params& p) {
            auto workers = std::make_unique<Workers>();
            Bounce bounce(static_cast<std::size_t>(p["count"]) * sizeof(float), *workers);
            return bench::plan_of(
                [workers = std::move(workers), bounce = std::move(bounce)](const bench::Io& io) {
                  const auto in = source(io);
                  const auto out = destination(io);
                  workers->sender_then_receiver(
                      [&] { std::memcpy(bounce.data(), in.data(), in.size()); },
                      [&] { std::memcpy(out.data(), bounce.data(), out.size()); });
                });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
