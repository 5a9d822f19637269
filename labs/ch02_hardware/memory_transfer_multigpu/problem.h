// Two workers, each with memory of its own: bytes go from the first one's buffer to the second
// one's, through a buffer between them or straight. On a machine with several NUMA nodes the source
// lies on the first node and the destination on the last, and the workers run beside their memory;
// on one node they are two threads of it.
// Inputs: in[count] f32. Output: out[count]. Every bit is the source's.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "machine/crew.h"
#include "machine/numa.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {

/// The sender (worker 0, the caller) and the receiver (worker 1), each near its memory.
class Workers {
 public:
  explicit Workers(std::vector<machine::NumaNode> nodes = machine::read_numa_nodes());

  /// Runs both at once; the caller's affinity is given back.
  void run(const std::function<void()>& sender, const std::function<void()>& receiver);
  /// One after the other.
  void sender_then_receiver(const std::function<void()>& sender,
                            const std::function<void()>& receiver);

  const machine::NumaNode& sender_node() const { return nodes_.front(); }
  const machine::NumaNode& receiver_node() const { return nodes_.back(); }

 private:
  std::vector<machine::NumaNode> nodes_;
  machine::ThreadPool pool_{2};
};

/// Resident memory on the sender's node for what is on its way.
class Bounce {
 public:
  Bounce(std::size_t bytes, const Workers& workers);
  std::byte* data() const { return memory_.data(); }

 private:
  machine::PageBuffer memory_;
};

/// The bytes of one call.
inline std::span<const std::byte> source(const bench::Io& io) {
  return std::as_bytes(io.in<float>(0));
}
inline std::span<std::byte> destination(const bench::Io& io) {
  return std::as_writable_bytes(io.out<float>(0));
}

bench::Technique whole_bounce();
bench::Technique chunked_bounce();
bench::Technique pipelined_bounce();
bench::Technique direct_pull();
bench::Technique direct_streaming();
bench::Technique direct_kernel();
bench::Technique direct_threads();

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
