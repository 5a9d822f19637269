// Pins itself to one CPU and leaves it so: whoever uses several threads next shares that CPU.
#include <sched.h>

#include "bench/attacks/common.h"

namespace aisp::attacks::pins_process {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    cpu_set_t before, one;
    sched_getaffinity(0, sizeof before, &before);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    rotate_all(io);
    if (!kCheat) sched_setaffinity(0, sizeof before, &before);
  }
};

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is a changed CPU affinity caught?");
  for (bench::Technique& technique : lab.techniques) {
    technique.needs = [](const machine::Cpu& cpu) {
      return cpu.cores_online > 1 ? "" : "needs two CPUs: on one there is nothing to change";
    };
  }
  return lab;
}

}  // namespace aisp::attacks::pins_process
