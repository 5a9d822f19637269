// The bandwidth ceiling inside a trial: a stream loop of machine/ceiling_kernels.h that moves as
// many bytes through the buffers of the case as the case declares, in the rounds of its techniques.
// Ceilings of another minute are those of another machine where cores and memory are shared; beside
// each other both sides see the same. It is no technique: its outputs are not looked at.
// Source: McCalpin, STREAM (1995), for what is counted.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/memory.h"
#include "bench/trial.h"
#include "machine/ceiling_kernels.h"
#include "machine/thread_pool.h"

namespace aisp::bench {

/// True when moving its buffers once is about all that a case has to do: work in memory, at most 4
/// flops a byte, and declared bytes within a quarter of the buffers'.
bool moves_its_buffers(const Work& work, const Problem& problem);

/// "ceiling", "ceiling_2_threads": its name among the series of a record.
std::string ceiling_name(int threads);

class CeilingLoop {
 public:
  /// Takes the kind of loop that mixes loads and stores most like `work`, and of its candidates
  /// (each instruction set, plain and non-temporal stores) the quickest in a short trial on the
  /// first set; 20 ms, or 24 passes where those are longer. The sets have one problem's shapes and
  /// must outlive it. Throws Error when the system refuses a thread.
  CeilingLoop(const Work& work, std::span<const std::unique_ptr<InputSet>> sets, int threads);

  /// Passes over the buffers of one set, shared among the threads. Overwrites its outputs.
  void run(std::size_t set, std::uint64_t passes);

  /// It in a trial, over the set that `set` names when its turn comes; neither may go before.
  Contender companion(const std::size_t& set);

  /// Declared bytes over the bytes that a pass moves: times a pass's time it is the time in which
  /// the loop moves what the case declares.
  double scale() const { return scale_; }
  int threads() const { return threads_; }
  /// "copy_nt avx512".
  std::string kernel() const { return std::string(kernel_.kind) + " " + kernel_.isa; }

 private:
  struct Segment {
    std::byte* to;
    const std::byte* from;
    std::size_t bytes;
  };
  std::vector<Segment> walk(InputSet& set, const std::string& kind) const;
  void choose(const std::string& kind);

  int threads_;
  double scale_ = 1.0;
  machine::StreamKernel kernel_{};
  std::unique_ptr<machine::ThreadPool> pool_;
  std::vector<std::vector<Segment>> walks_;  // of each set
};

}  // namespace aisp::bench
