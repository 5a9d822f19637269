// Replaces clock_gettime only when many calls are asked for at once, as in timed epochs:
// verification sees nothing, and it alone must be accused, not those whose epochs come next.
#include "bench/attacks/common.h"
#include "bench/attacks/import_table.h"

namespace aisp::attacks::patched_clock_later {
namespace {

template <bool kCheat>
struct Attack final : bench::Plan {
  explicit Attack(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override {
    if (iterations > 1 && !done) {
      replace_imports("clock_gettime", kCheat ? clock_at_half_speed : clock_as_it_is);
      done = true;
    }
    for (std::uint64_t i = 0; i < iterations; ++i) rotate_all(io);
  }
  bool done = false;
};

}  // namespace

// An eighth of the usual size: an epoch then always has several calls.
bench::Lab describe() {
  return map_lab<Attack>("Is a clock caught that is replaced while measured?", kCount / 8);
}

}  // namespace aisp::attacks::patched_clock_later
