// Does the work of one call and reports as many as were asked for.
#include "bench/attacks/common.h"

namespace aisp::attacks::once_per_epoch {
namespace {

template <bool kCheat>
struct Attack final : bench::Plan {
  explicit Attack(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override {
    const std::uint64_t calls = kCheat ? 1 : iterations;
    for (std::uint64_t i = 0; i < calls; ++i) {
      rotate_all(io);
      asm volatile("" ::: "memory");
    }
  }
};

}  // namespace

// An eighth of the usual size: many short calls share an epoch.
bench::Lab describe() { return map_lab<Attack>("Is one call instead of many caught?", kCount / 8); }

}  // namespace aisp::attacks::once_per_epoch
