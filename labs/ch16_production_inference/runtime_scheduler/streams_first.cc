// What runs is finished before anything begins: the batch in flight is closed to newcomers, as in
// servers that take one batch after the other.
// Source: FasterTransformer behind Triton's dynamic batcher (request-level scheduling, as Orca
// calls it).
#include "labs/ch16_production_inference/runtime_scheduler/problem.h"

namespace aisp::labs::ch16::runtime_scheduler {

bench::Technique streams_first() {
  return by_rule("streams_first", "the newcomer waits until every stream has ended",
                 [](Fixed& server) {
                   if (!server.add_streams()) server.add_newcomer();
                 });
}

}  // namespace aisp::labs::ch16::runtime_scheduler
