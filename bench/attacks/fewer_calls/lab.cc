// Makes three calls of every five that are asked for: the last one's output is right, and the time
// is that of three.
#include "bench/attacks/common.h"

namespace aisp::attacks::fewer_calls {
namespace {

template <bool kCheat>
struct Attack final : bench::Plan {
  explicit Attack(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override {
    const std::uint64_t calls = kCheat ? (3 * iterations + 4) / 5 : iterations;
    for (std::uint64_t i = 0; i < calls; ++i) rotate_all(io);
  }
};

}  // namespace

// An eighth of the usual size: an epoch then always has several calls.
bench::Lab describe() {
  return map_lab<Attack>("Are fewer calls than asked for caught?", kCount / 8);
}

}  // namespace aisp::attacks::fewer_calls
