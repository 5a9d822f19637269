// Both workers at once: the sender fills slots of a ring in shared memory while the receiver
// empties those before. How MPI and NCCL move a message between two processes of one machine that
// cannot see each other's memory.
// Source: NCCL, src/transport/shm.cc (8 steps of a 4 MiB buffer); Open MPI's shared-memory BTL.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {
namespace {

constexpr std::size_t kSlots = 8;
constexpr std::size_t kSlotBytes = 512 << 10;
// Polls before the core is given away, some 20 us: the other worker may be waiting for this core.
constexpr int kPolls = 4000;

// Counts of slots filled and emptied since the call began, a cache line each.
class Ring {
 public:
  void reset() {
    filled_.store(0, std::memory_order_relaxed);
    emptied_.store(0, std::memory_order_relaxed);
  }
  void wait_for_space(std::size_t slot) const { wait(emptied_, slot + 1, kSlots); }
  void wait_for_data(std::size_t slot) const { wait(filled_, slot + 1, 0); }
  void fill() { filled_.fetch_add(1, std::memory_order_release); }
  void empty() { emptied_.fetch_add(1, std::memory_order_release); }

 private:
  static void wait(const std::atomic<std::size_t>& count, std::size_t wanted, std::size_t ahead) {
    for (int polls = 0; count.load(std::memory_order_acquire) + ahead < wanted; ++polls) {
      if (polls > kPolls) std::this_thread::yield();
    }
  }
  alignas(64) std::atomic<std::size_t> filled_{0};
  alignas(64) std::atomic<std::size_t> emptied_{0};
};

std::size_t slots_of(std::size_t bytes) { return (bytes + kSlotBytes - 1) / kSlotBytes; }

void send(std::span<const std::byte> in, std::byte* memory, Ring& ring) {
  for (std::size_t i = 0; i < slots_of(in.size()); ++i) {
    ring.wait_for_space(i);
    std::memcpy(memory + i % kSlots * kSlotBytes, in.data() + i * kSlotBytes,
                std::min(kSlotBytes, in.size() - i * kSlotBytes));
    ring.fill();
  }
}

void receive(std::span<std::byte> out, const std::byte* memory, Ring& ring) {
  for (std::size_t i = 0; i < slots_of(out.size()); ++i) {
    ring.wait_for_data(i);
    std::memcpy(out.data() + i * kSlotBytes, memory + i % kSlots * kSlotBytes,
                std::min(kSlotBytes, out.size() - i * kSlotBytes));
    ring.empty();
  }
}

}  // namespace

bench::Technique pipelined_bounce() {
  return {.name = "pipelined_bounce",
          .summary = "the sender fills a ring of 8 slots of 512 KiB while the receiver empties it",
          .threads = 2,
          .plan = [](const bench::Params&) {
            auto workers = std::make_unique<Workers>();
            auto ring = std::make_unique<Ring>();
            Bounce bounce(kSlots * kSlotBytes, *workers);
            return bench::plan_of([workers = std::move(workers), ring = std::move(ring),
                                   bounce = std::move(bounce)](const bench::Io& io) {
              ring->reset();
              workers->run([&] { send(source(io), bounce.data(), *ring); },
                           [&] { receive(destination(io), bounce.data(), *ring); });
            });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
