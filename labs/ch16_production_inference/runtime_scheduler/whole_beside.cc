// The whole prompt joins the next step, beside the streams' rows: one step that is as long as the
// prompt.
// Source: Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models",
// OSDI 2022 (selective batching).
#include "labs/ch16_production_inference/runtime_scheduler/problem.h"

namespace aisp::labs::ch16::runtime_scheduler {

bench::Technique whole_beside() {
  return by_rule("whole_beside", "the whole prompt in one step, beside the streams",
                 [](Fixed& server) {
                   server.add_streams();
                   server.add_newcomer();
                 });
}

}  // namespace aisp::labs::ch16::runtime_scheduler
