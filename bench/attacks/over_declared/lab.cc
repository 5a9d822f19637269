// Declares ten times the work of the problem, so that its rate looks ten times as high.
#include "bench/attacks/common.h"

namespace aisp::attacks::over_declared {
namespace {

template <bool>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const { rotate_all(io); }
};

}  // namespace

bench::Lab describe() {
  bench::Lab lab = map_lab<Attack>("Is a technique that declares too much work caught?");
  for (bench::Technique& technique : lab.techniques) {
    if (technique.name == "plain") continue;
    const double factor = technique.name == "cheat" ? 10.0 : 1.0;
    technique.work = [work = lab.work, factor](const Params& p) {
      bench::Work all = work(p);
      all.flops *= factor;
      return all;
    };
  }
  return lab;
}

}  // namespace aisp::attacks::over_declared
