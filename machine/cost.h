// One measured figure of a machine: a latency, a rate, the price of an operation.
#pragma once

#include <string>

#include "base/interval.h"

namespace aisp::machine {

struct Cost {
  std::string name;  // "kernel launch", "copy, host to device, pinned"
  std::string unit;  // "ns", "us", "GB/s", "TFLOP/s"
  Interval value;    // median of samples with its 95 % interval
  double best = 0.0;  // second best sample
  std::string detail;  // sizes, types, what was on the other end
};

/// What could not be measured, and why.
struct NotMeasured {
  std::string name, why;
};

}  // namespace aisp::machine
