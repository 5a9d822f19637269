// What changes from second to second: clocks, load, steal, pressure, memory, temperatures, GPUs.
// Two readings give the shares of the time between them.
#pragma once

#include <vector>

#include "machine/environment.h"
#include "machine/facts.h"
#include "machine/gpu_reader.h"

namespace aisp::machine {

struct VitalSigns {
  double time_s = 0.0;  // of a clock that never jumps
  SystemLoad load;
  Maybe<double> clock_mhz;  // mean over the processors, as the kernel says
  Maybe<double> pressure_cpu, pressure_memory, pressure_io;  // PSI "some", % of the last 10 s
  Maybe<std::uint64_t> memory_bytes, memory_available_bytes;
  Maybe<double> temperature;  // of the hottest sensor, degrees C
  std::vector<Gpu> gpus;      // GpuReader::read_changing()
};

/// About a millisecond, and a few for each GPU. `root` prefixes paths, for tests.
VitalSigns read_vital_signs(const GpuReader& gpus, const std::string& root = "");

/// Shares of the processors' time between two readings; absent where the counters stood still.
struct TimeShares {
  Maybe<double> busy_percent, steal_percent;
};
TimeShares shares_between(const VitalSigns& before, const VitalSigns& after);

}  // namespace aisp::machine
