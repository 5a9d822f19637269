// Priorities: the flood says of itself that it is a batch and can wait for minutes, so whoever is
// in a hurry goes before what has not begun. It works as long as everybody is honest.
#include "labs/ch16_production_inference/fair_scheduler/problem.h"

namespace aisp::labs::ch16::fair_scheduler {

bench::Technique declared_batch() {
  return by_policy("declared_batch", "the flood is declared as patient, which its sender must do",
                   {.flood_patience_s = 600.0, .patience_s = 1.0});
}

}  // namespace aisp::labs::ch16::fair_scheduler
