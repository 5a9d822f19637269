// See device_marks.h.
#include "machine/device_marks.h"

#include <cuda_profiler_api.h>
#include <nvtx3/nvToolsExt.h>

#include "machine/cuda_raii.h"

namespace aisp::machine {

void begin_counting() { AISP_CUDA(cudaProfilerStart()); }
void end_counting() { AISP_CUDA(cudaProfilerStop()); }
void begin_range(const std::string& name) { nvtxRangePushA(name.c_str()); }
void end_range() { nvtxRangePop(); }

}  // namespace aisp::machine
