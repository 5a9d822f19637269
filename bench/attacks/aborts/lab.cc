// Aborts, as a failed assertion does.
#include <cstdlib>

#include "bench/attacks/common.h"

namespace aisp::attacks::aborts {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    if (kCheat) std::abort();
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is an abort survived?"); }

}  // namespace aisp::attacks::aborts
