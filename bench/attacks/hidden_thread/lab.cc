// Works on a second thread and declares one: the CPU clock of the calling thread, which decides on
// busy machines, sees only the waiting. The twin is the same plan, declared as what it is.
#include "bench/attacks/hand_over.h"

namespace aisp::attacks::hidden_thread {
namespace {

template <bool>
struct Attack final : HandOver {
  explicit Attack(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override { hand_over(io, iterations, true); }
};

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is a thread that was not declared caught?");
  for (bench::Technique& technique : lab.techniques) {
    if (technique.name == "honest") technique.threads = 2;
  }
  return lab;
}

}  // namespace aisp::attacks::hidden_thread
