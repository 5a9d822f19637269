// Four chains in flight in each thread, a quarter of the threads.
#include "labs/ch07_memory_access/lookup/chains.cuh"

namespace aisp::labs::ch07::lookup {

std::unique_ptr<bench::Plan> plan_four_ids_a_thread(const bench::Params& params) {
  return plan_chains<4>(params);
}

}  // namespace aisp::labs::ch07::lookup
