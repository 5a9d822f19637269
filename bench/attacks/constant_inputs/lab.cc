// The lab itself is at fault: its inputs are all ones, on which data-dependent work (and the power
// that switching bits costs) is least. Case `honest` is the same lab with random inputs.
#include <algorithm>

#include "bench/attacks/common.h"

namespace aisp::attacks::constant_inputs {
namespace {

template <bool>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const { rotate_all(io); }
};

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is a lab with constant inputs caught?");
  const Params cheat = {{"count", kCount}, {"constant", 1}},
               honest = {{"count", kCount}, {"constant", 0}};
  lab.cases = {{"cheat", "none: a planted attack", cheat, cheat},
               {"honest", "none: its honest twin", honest, honest}};
  lab.tags = {"faulty_lab"};
  lab.ragged.clear();
  lab.prepare = [](const Params& p, std::uint64_t seed, const Io& io) {
    const auto x = io.fill<float>(0);
    fill_uniform(x, seed);
    if (p["constant"] != 0) std::fill(x.begin(), x.end(), 1.0f);
  };
  return lab;
}

}  // namespace aisp::attacks::constant_inputs
