// Hands the work to a thread of its own and returns; the thread goes on after the clock stopped.
// Single calls, as in verification, wait for it.
#include "bench/attacks/hand_over.h"

namespace aisp::attacks::late_thread {
namespace {

template <bool kCheat>
struct Attack final : HandOver {
  explicit Attack(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override {
    const bool wait = !kCheat || iterations == 1;
    hand_over(io, iterations, wait, wait ? 0 : 100);
  }
};

}  // namespace

// An eighth of the usual size: an epoch then always has several calls.
bench::Lab describe() {
  bench::Lab lab =
      map_lab<Attack>("Is work on another thread after the return caught?", kCount / 8);
  for (bench::Technique& technique : lab.techniques) {
    if (technique.name != "plain") technique.threads = 2;
  }
  return lab;
}

}  // namespace aisp::attacks::late_thread
