// Sends a signal to the process that started it. SIGWINCH does no harm; any other would do as well.
#include <unistd.h>

#include <csignal>

#include "bench/attacks/common.h"

namespace aisp::attacks::signals_parent {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    if (kCheat) kill(getppid(), SIGWINCH);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a signal to the parent caught?"); }

}  // namespace aisp::attacks::signals_parent
