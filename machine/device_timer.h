// The clock of the instrument on a GPU: one epoch of work between two events of a stream, the work
// held back until all of it is enqueued (launch gaps stay out), with the SM clock of exactly that
// time; graphs of a call; and the settings that a technique may not leave changed.
//
// Source: CUDA Runtime API reference 13.0, event management; the holding kernel is nvbench's idea
// (github.com/NVIDIA/nvbench, blocking_kernel).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "machine/device.h"

namespace aisp::machine {

/// One timed epoch, in nanoseconds for all of it.
struct DeviceEpoch {
  double device_ns = 0.0;   // between two events on the stream
  double wall_ns = 0.0;     // until the host saw the end: from the release when held, else from
                            // the first call
  double enqueue_ns = 0.0;  // of host time to enqueue the work
  double sm_mhz = 0.0;      // mean clock of the multiprocessors in that time; 0: not readable
  bool gave_up = false;     // held, and let go because enqueueing did not end (it waits for the
                            // device, or the queue is full): the times hold the waiting
};

class DeviceTimer {
 public:
  /// Work is expected on `stream`. `whole_device`: while `stream` is held, no kernel of any other
  /// stream runs either; false leaves the rest of the device to them.
  explicit DeviceTimer(CudaStream stream, bool whole_device = true);
  ~DeviceTimer();
  DeviceTimer(const DeviceTimer&) = delete;
  DeviceTimer& operator=(const DeviceTimer&) = delete;

  /// Times what `enqueue` puts on the stream, and waits for the stream. `held`: the device starts
  /// when all is enqueued, after at most 50 ms. About 15 us and two small kernels besides the work.
  DeviceEpoch time(const std::function<void()>& enqueue, bool held);

  /// Times each of `calls` calls after a write of twice the L2, so that it finds foreign dirty
  /// lines there; the sum. Held like time().
  DeviceEpoch time_dirty(const std::function<void()>& enqueue_one, int calls);

  /// How long the device as a whole goes on after the stream is done with what `enqueue` puts on
  /// it. Waits for both.
  double busy_after_ns(const std::function<void()>& enqueue);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What `enqueue` does to the stream, captured once and replayed. Throws Error when it cannot be
/// captured (it waits, or uses the legacy stream).
class DeviceGraph {
 public:
  DeviceGraph(CudaStream stream, const std::function<void()>& enqueue);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;
  void launch(CudaStream stream) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Settings of the device, of one stream and of the libraries' environment that outlive a call:
/// name and value.
struct DeviceSettings {
  std::vector<std::pair<std::string, std::uint64_t>> values;
  bool operator==(const DeviceSettings&) const = default;
};

/// About 5 us.
DeviceSettings device_settings(CudaStream stream);

/// Puts back what can be put back, and clears lines kept in the L2.
void restore(const DeviceSettings& settings, CudaStream stream);

}  // namespace aisp::machine
