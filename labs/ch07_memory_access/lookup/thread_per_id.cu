// The device baseline: a thread for each id, along its chain. 2048 threads of a multiprocessor wait
// together: what the CPU's techniques weave by hand comes with the machine.
#include "labs/ch07_memory_access/lookup/chains.cuh"

namespace aisp::labs::ch07::lookup {

std::unique_ptr<bench::Plan> plan_thread_per_id(const bench::Params& params) {
  return plan_chains<1>(params);
}

}  // namespace aisp::labs::ch07::lookup
