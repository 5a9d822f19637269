// Weights are loaded into memory of the program's own, then read again for every token: y[t] =
// W x[t], one token after the other. The techniques differ in which node holds the pages of the
// loaded weights and whether threads stay where they are; loading and arithmetic are the same.
// Inputs: weights[rows][width], x[tokens][width] f32. Output: y[tokens][rows] f32.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/lab.h"
#include "machine/crew.h"
#include "machine/numa.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch03::numa_unaware {

/// Who touches a page of the weights first, which decides the node it lies on.
enum class Touch {
  kMain,         // the thread that makes the plan, all of them
  kRemote,       // for each worker, a thread on the next node
  kLocal,        // each worker its own rows
  kInterleaved,  // the kernel deals pages to all nodes in turn
};

struct Placement {
  Touch touch = Touch::kMain;
  bool pinned = false;
};

/// For each worker the hardware thread it is pinned to, and its node as an index into `nodes`.
/// Workers go to usable cores in order of nodes; pure.
struct Seat {
  int cpu = 0;
  std::size_t node = 0;
};
std::vector<Seat> seats(const std::vector<int>& core_ids,
                        const std::vector<machine::NumaNode>& nodes);

/// Threads, and memory for the weights whose pages lie where `placement` says. Loads and decodes
/// in run().
class Engine {
 public:
  Engine(const bench::Params& params, Placement placement,
         std::vector<machine::NumaNode> nodes = machine::read_numa_nodes());

  void run(const bench::Io& io);

  int workers() const { return pool_.size(); }
  /// Rows [begin, end) of a worker.
  struct Rows {
    std::int64_t begin = 0, end = 0;
  };
  Rows rows_of(int worker) const;
  /// The node that holds the first page of a worker's rows; -1 unknown.
  int node_of_rows(int worker) const;

 private:
  void touch_rows(int worker);
  float* weights() const { return reinterpret_cast<float*>(memory_.data()); }

  std::int64_t rows_, width_, tokens_;
  Placement placement_;
  std::vector<machine::NumaNode> nodes_;
  std::vector<Seat> seats_;
  machine::ThreadPool pool_;
  machine::PageBuffer memory_;
};

/// A technique with one placement. All but the baseline need two nodes.
bench::Technique placed(const char* name, const char* summary, Placement placement);
bench::WhyNot why_not(const machine::Cpu& cpu);

bench::Technique main_touch();
bench::Technique main_touch_pinned();
bench::Technique remote_touch();
bench::Technique local_touch();
bench::Technique interleaved();

}  // namespace aisp::labs::ch03::numa_unaware
