// Ends the process with the code of success.
#include <cstdlib>

#include "bench/attacks/common.h"

namespace aisp::attacks::exits {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    if (kCheat) std::_Exit(0);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is an exit with success survived?"); }

}  // namespace aisp::attacks::exits
