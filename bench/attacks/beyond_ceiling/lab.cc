// The lab declares a thousand times the flops of its problem, for all techniques alike: nothing
// inside the lab contradicts it, only the machine. Case `honest` declares what it does.
#include "bench/attacks/common.h"

namespace aisp::attacks::beyond_ceiling {
namespace {

template <bool>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const { rotate_all(io); }
};

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is a rate beyond the machine's ceiling caught?");
  const Params cheat = {{"count", kCount}, {"factor", 1000}},
               honest = {{"count", kCount}, {"factor", 1}};
  lab.cases = {{"cheat", "none: a planted attack", cheat, cheat},
               {"honest", "none: its honest twin", honest, honest}};
  lab.tags = {"faulty_lab"};
  lab.ragged.clear();
  lab.work = [work = lab.work](const Params& p) {
    bench::Work all = work(p);
    all.flops *= static_cast<double>(p["factor"]);
    return all;
  };
  return lab;
}

}  // namespace aisp::attacks::beyond_ceiling
