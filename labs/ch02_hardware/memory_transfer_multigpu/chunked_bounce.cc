// The bounce in pieces that stay in a cache: one worker copies each piece in and straight out
// again, so that the second copy reads from L2 and the buffer never goes to memory.
#include <algorithm>
#include <cstring>

#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {
namespace {

// A quarter of an L2 of 1 MiB: the piece survives the lines of source and destination that pass.
constexpr std::size_t kPiece = 256 << 10;

}  // namespace

bench::Technique chunked_bounce() {
  return {.name = "chunked_bounce",
          .summary = "one worker, 256 KiB at a time through a buffer that stays in L2",
          .threads = 2,
          .plan = [](const bench::Params&) {
            auto workers = std::make_unique<Workers>();
            Bounce bounce(kPiece, *workers);
            return bench::plan_of(
                [workers = std::move(workers), bounce = std::move(bounce)](const bench::Io& io) {
                  const auto in = source(io);
                  const auto out = destination(io);
                  workers->run([] {},
                               [&] {
                                 for (std::size_t at = 0; at < in.size(); at += kPiece) {
                                   const std::size_t bytes = std::min(kPiece, in.size() - at);
                                   std::memcpy(bounce.data(), in.data() + at, bytes);
                                   std::memcpy(out.data() + at, bounce.data(), bytes);
                                 }
                               });
                });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
