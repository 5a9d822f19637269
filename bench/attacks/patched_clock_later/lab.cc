// Replaces clock_gettime only after a thousand calls, between the epochs of the others: it alone
// must be accused of it.
#include "bench/attacks/common.h"
#include "bench/attacks/import_table.h"

namespace aisp::attacks::patched_clock_later {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) {
    if (++calls == 1000)
      replace_imports("clock_gettime", kCheat ? clock_at_half_speed : clock_as_it_is);
    rotate_all(io);
  }
  std::uint64_t calls = 0;
};

}  // namespace

// An eighth of the usual size: a thousand calls are over after some tens of rounds.
bench::Lab describe() {
  return map_lab<Attack>("Is a clock caught that is replaced while measured?", kCount / 8);
}

}  // namespace aisp::attacks::patched_clock_later
