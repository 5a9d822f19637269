// Dies of a segmentation fault.
#include <csignal>

#include "bench/attacks/common.h"

namespace aisp::attacks::crashes {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    if (kCheat) std::raise(SIGSEGV);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a crash survived?"); }

}  // namespace aisp::attacks::crashes
