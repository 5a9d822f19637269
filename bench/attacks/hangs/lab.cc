// A call that never ends.
#include <unistd.h>

#include "bench/attacks/common.h"

namespace aisp::attacks::hangs {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    while (kCheat) usleep(1000);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a call that never ends caught?"); }

}  // namespace aisp::attacks::hangs
