// The GPU's side of `aisp tools roofline --device cuda`: its measured ceilings in the form of a
// run's header, and the bound of a pair under them.
#pragma once

#include "app/roofline_bound.h"
#include "bench/device_ceilings.h"
#include "bench/record.h"

namespace aisp::app {

/// From the cache, else measured now (two seconds, said on standard error). Throws Error where
/// there is no GPU to measure, with the reason.
bench::DeviceCeilings gpu_ceilings_here();

/// The parts of a run's header that a roofline of the GPU is drawn from.
bench::Json header_of_gpu(const bench::DeviceCeilings& ceilings);

/// Levels are "device memory" (a copy within it) and "host link"; the first when none is named.
/// Throws UsageError for numbers that are not positive, an unknown type or level, a type that was
/// not measured, and for threads.
Bound find_gpu_bound(const bench::DeviceCeilings& ceilings, const BoundQuestion& question);

}  // namespace aisp::app
