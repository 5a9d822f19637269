// The plan times a dozen blockings on numbers of its own and keeps the quickest. The tuning is paid
// once for a shape, in the plan: it is not part of a call's time.
// Source: Whaley, Petitet and Dongarra, "Automated Empirical Optimizations of Software and the
// ATLAS Project", Parallel Computing 27 (2001).
#include "labs/ch06_cuda_fundamentals/autotuning/problem.h"

namespace aisp::labs::ch06::autotuning {

bench::Technique timed_blocking() {
  return {.name = "timed_blocking",
          .summary = "the quickest of a dozen blockings, timed in the plan on synthetic inputs",
          .plan = [](const bench::Params& p) { return plan_with(p, choose(tune(p))); }};
}

}  // namespace aisp::labs::ch06::autotuning
