// Puts a clock that runs at half speed in the place of clock_gettime in every loaded object, by
// rewriting their tables of imported functions.
#include "bench/attacks/common.h"
#include "bench/attacks/import_table.h"

namespace aisp::attacks::patched_clock {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    static bool done = false;
    if (!done) replace_imports("clock_gettime", kCheat ? clock_at_half_speed : clock_as_it_is);
    done = true;
    rotate_all(io);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Is a replaced clock caught?"); }

}  // namespace aisp::attacks::patched_clock
