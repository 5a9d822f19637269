// Lowers the priority of the process: the techniques measured next, the baseline among them, wait.
#include <sched.h>

#include "bench/attacks/common.h"

namespace aisp::attacks::lowers_priority {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    // SCHED_BATCH: anybody may choose it, and leave it again.
    const sched_param none{};
    sched_setscheduler(0, SCHED_BATCH, &none);
    rotate_all(io);
    if (!kCheat) sched_setscheduler(0, SCHED_OTHER, &none);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a changed priority caught?"); }

}  // namespace aisp::attacks::lowers_priority
