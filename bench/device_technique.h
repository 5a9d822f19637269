// The short way to write the row of a technique on the GPU, whose plan is in a .cu file:
//   on_gpu("tile", "a 32 x 32 tile in shared memory", AISP_DEVICE(plan_tile), needs_hopper)
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bench/lab.h"

namespace aisp::bench {

inline Technique on_gpu(std::string name, std::string summary,
                        std::function<std::unique_ptr<Plan>(const Params&)> plan,
                        std::function<WhyNot(const machine::CudaDevice&)> needs = {}) {
  Technique technique;
  technique.name = std::move(name);
  technique.summary = std::move(summary);
  technique.device = Device::kCuda;
  technique.needs_device = std::move(needs);
  technique.plan = std::move(plan);
  return technique;
}

/// A call of thousands of launches cannot be held back until all are enqueued: the case is judged
/// on the wall clock, launch gaps included.
inline Technique launching_more_than_the_queue_holds(Technique technique) {
  technique.blocks = true;
  return technique;
}

/// For `needs`: the copy engine and barriers with bytes, of 9.0 and what came after it.
inline WhyNot needs_sm90(const machine::CudaDevice& device) { return device.needs(9, 0); }

}  // namespace aisp::bench
