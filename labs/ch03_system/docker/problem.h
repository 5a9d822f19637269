// One job under a CPU limit as a container has it: for each token a small matrix times a vector,
//   y[t] = weights * x[t],
// a fork and a join of all threads each, in a child process that a control group holds to a share
// of the cores. The techniques differ in how many threads the job takes, and in how the share is
// cut: by a quota in each period, or as whole cores.
// Params: tokens, rows, width, percent (of this machine's cores that the job may use). Inputs:
// weights[rows][width], x[tokens][width] f32. Output: y[tokens][rows] f32.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "bench/lab.h"
#include "machine/child.h"

namespace aisp::labs::ch03::docker {

/// Cores' worth of CPU time that the job may use.
double share_of(const bench::Params& params, int cores);
/// Threads for it when rounded down, at least one.
int whole_cores(double share);

/// How one call of the job is run.
struct Setup {
  int threads = 1;
  double quota = 0.0;  // CPU seconds per second by a control group; 0: none
  std::int64_t period_us = 100000;
  int pinned_cores = 0;  // kept on so many cores by affinity; 0: all
};

/// Runs the job in a child for each call: the caller's own process never enters the group.
class Container {
 public:
  Container(const bench::Params& params, const Setup& setup);
  /// Throws Error when the child fails.
  void run(const bench::Io& io);

 private:
  void job(const bench::Io& io) const;  // in the child

  std::int64_t tokens_, rows_, width_;
  Setup setup_;
  machine::SharedMemory y_;
  std::optional<machine::ControlGroup> group_;
};

/// A technique whose set-up follows from the share of the case. All need writable control groups.
bench::Technique contained(const char* name, const char* summary, Setup (*setup)(double share));

bench::Technique threads_by_cores();
bench::Technique threads_by_quota();
bench::Technique threads_times_four();
bench::Technique short_period();
bench::Technique whole_cores_pinned();
bench::Technique unlimited();

}  // namespace aisp::labs::ch03::docker
