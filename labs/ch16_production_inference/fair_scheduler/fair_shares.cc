// Each tenant has a share of the steps' time, whatever it asks for: the one with the least service
// so far goes first.
// Source: serve/scheduler.h; Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024
// (virtual token counter).
#include "labs/ch16_production_inference/fair_scheduler/problem.h"

namespace aisp::labs::ch16::fair_scheduler {

bench::Technique fair_shares() {
  return by_policy("fair_shares", "the tenant with the least service so far goes first",
                   {.knows_tenants = true});
}

}  // namespace aisp::labs::ch16::fair_scheduler
