// The two workers and the buffer between them. See problem.h.
#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {

Workers::Workers(std::vector<machine::NumaNode> nodes) : nodes_(std::move(nodes)) {
  check(!nodes_.empty(), "memory_transfer_multigpu: a machine has a node");
  if (nodes_.size() < 2) return;  // the scheduler finds two cores
  const machine::AffinityGuard guard;
  pool_.run([this](int worker) {
    if (worker == 1) machine::pin_thread(receiver_node().cpus);
  });
}

void Workers::run(const std::function<void()>& sender, const std::function<void()>& receiver) {
  const machine::AffinityGuard guard;
  if (nodes_.size() > 1) machine::pin_thread(sender_node().cpus);
  pool_.run([&](int worker) { worker == 0 ? sender() : receiver(); });
}

void Workers::sender_then_receiver(const std::function<void()>& sender,
                                   const std::function<void()>& receiver) {
  run(sender, [] {});
  run([] {}, receiver);
}

Bounce::Bounce(std::size_t bytes, const Workers& workers) : memory_(bytes) {
  // Refused where mbind is forbidden: the pages then come from the node that touches them first,
  // which is this thread's.
  machine::place_on_node({memory_.data(), bytes}, workers.sender_node().id);
  memory_.fill();
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
