// What a case on the GPU needs beside a CPU's: one stream and its clock, the cache mode, graphs of
// calls, and the checks that only a device needs. One for each worker process.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "bench/audit.h"
#include "bench/memory.h"
#include "bench/trial.h"
#include "machine/device_timer.h"

namespace aisp::bench {

/// A GPU's epoch: 500 times the step of its events' clock, and a few times what starting and seeing
/// the end of an epoch costs.
inline constexpr double kDeviceEpochNs = 250e3;

struct DeviceBenchOptions {
  CacheMode cache = CacheMode::kWarm;
  bool graph = false;  // an epoch's calls are captured once and replayed
  bool held = true;    // launch gaps stay out; false where a technique waits inside its calls
  /// While the stream is held the whole device is, and who cannot be held is thrown out. False:
  /// check `hold` is off.
  bool hold_all = true;
};

/// A call did not finish enqueueing while the device was held back.
class CannotBeHeld : public Error {
 public:
  CannotBeHeld();
};

class DeviceBench {
 public:
  /// Makes the process's context. Throws Error where the device cannot be used.
  explicit DeviceBench(const DeviceBenchOptions& options);

  /// Where the sets that are timed live.
  OnDevice place(const Problem& problem) const;
  /// Where sets for single calls live.
  OnDevice stream_only() const { return {stream_.get()}; }

  bool held() const { return options_.held; }

  /// Calls in one epoch, at most: more than the queue holds cannot be held back.
  std::uint64_t most_iterations() const;

  /// One untimed call, and waits for the stream.
  void call(Plan& plan, InputSet& set);
  /// The same where calls are to find a warm cache, and the first time a plan meets a set.
  void warm_up(Plan& plan, InputSet& set);

  /// One epoch: wall time, and in cpu_ns the time between two events. Throws CannotBeHeld.
  Sample epoch(Plan& plan, InputSet& set, std::uint64_t iterations,
               const std::function<void()>& before_each);

  /// Forgets graphs: before plans or sets go.
  void forget_graphs() { graphs_.clear(); }
  /// Forgets a plan that goes: another one may come to lie at its address.
  void forget(const Plan& plan);

  machine::DeviceSettings settings() const { return machine::device_settings(stream_.get()); }
  /// Fault "device-state" when settings differ from `before`; they are put back.
  Fault changed_settings(const machine::DeviceSettings& before);

  /// Fault "other-stream": the device goes on working when the stream is done.
  Fault audit_streams(Plan& plan, InputSet& set);
  /// Fault "repeat": fresh contents dearer than the same again, calls into output memory that was
  /// changed dearer than into what the last call left, or one run of many calls cheaper than as
  /// many runs of one.
  Fault audit_repeat(const Lab& lab, const Params& params, Plan& plan, InputSet& set,
                     std::uint64_t seed);
  /// Fault "leak": device memory that every call takes. `used`: bytes that are taken now.
  Fault audit_leak(Plan& plan, InputSet& set, const std::function<std::size_t()>& used);

 private:
  void enqueue(Plan& plan, InputSet& set, std::uint64_t iterations);
  machine::DeviceEpoch replay(Plan& plan, InputSet& set, std::uint64_t iterations);
  machine::DeviceEpoch in_parts(Plan& plan, InputSet& set, std::uint64_t iterations);
  bool met(const Plan& plan, const InputSet& set) const {
    return met_.contains({&plan, set.device_output(0)});
  }
  double least_ns(Plan& plan, InputSet& set, std::uint64_t calls, bool one_by_one, int times);

  DeviceBenchOptions options_;
  machine::DeviceStream stream_;
  machine::DeviceTimer timer_;
  std::uint64_t turn_ = 0;  // of the replicas
  struct GraphKey {
    const void *plan, *set;
    std::uint64_t iterations;
    auto operator<=>(const GraphKey&) const = default;
  };
  std::map<GraphKey, std::unique_ptr<machine::DeviceGraph>> graphs_;
  std::set<std::pair<const void*, const void*>> met_;  // plans and sets that were called once
  std::map<const void*, std::uint64_t> most_held_;     // by plan: calls that fit into the queue
};

}  // namespace aisp::bench
