// A ring of lookups, each in a state of its own: visit one, do its next step, prefetch what it
// needs after that, go on to the next. A chain that ends makes room for a new id at once, so that
// short and long chains keep the same number of reads in flight. Source: O. Kocberber, B. Falsafi,
// B. Grot, "Asynchronous Memory Access Chaining", VLDB 2015.
#include <algorithm>

#include "labs/ch07_memory_access/lookup/problem.h"

namespace aisp::labs::ch07::lookup {
namespace {

// Lookups in flight. From DRAM a lookup took 35 ns with 8, 24 with 16, 17 with 32, 16.5 with 64.
// Prefetches go to L2: into L1, where a Zen 4 core can wait for 24 lines, it stayed at 23 ns.
constexpr std::size_t kLanes = 64;

struct Lane {
  std::int64_t id = 0;
  std::size_t index = 0;
  std::size_t bucket = 0;
  std::int32_t at = -1;
  bool in_chain = false;  // else its head is on the way
};

}  // namespace

void find_interleaved(const Batch& batch) {
  Lane lanes[kLanes];
  std::size_t next = 0;
  const auto start = [&](Lane& lane) {
    lane.index = next++;
    lane.id = batch.ids[lane.index];
    lane.bucket = batch.bucket_of(lane.id);
    lane.in_chain = false;
    __builtin_prefetch(batch.heads + lane.bucket, 0, 2);
  };
  std::size_t busy = std::min(kLanes, batch.count);
  for (std::size_t k = 0; k < busy; ++k) start(lanes[k]);
  while (busy != 0) {
    for (std::size_t k = 0; k < busy; ++k) {
      Lane& lane = lanes[k];
      std::int32_t row = -1;
      if (lane.in_chain) {
        const Node& node = batch.nodes[lane.at];
        const bool found = node.id == lane.id;
        row = found ? node.row : -1;
        lane.at = found ? -1 : node.next;
      } else {
        lane.at = batch.heads[lane.bucket];
        lane.in_chain = true;
      }
      if (lane.at >= 0) {
        __builtin_prefetch(batch.nodes + lane.at, 0, 2);
        continue;
      }
      batch.rows[lane.index] = row;
      if (next < batch.count) {
        start(lane);
      } else {
        lane = lanes[--busy];  // the ring shrinks; the moved lane is visited in the next round
      }
    }
  }
}

bench::Technique interleaved() {
  return {.name = "interleaved",
          .summary = "64 lookups in flight, each in a state of its own",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) { find_interleaved(batch_of(io)); });
          }};
}

}  // namespace aisp::labs::ch07::lookup
