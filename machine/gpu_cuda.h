// What the CUDA driver knows about GPUs and NVML does not: multiprocessors, the second-level cache,
// coherent memory, GPUDirect, peer access. No context is made, so no memory of a GPU is taken.
#pragma once

#include "machine/facts.h"
#include "machine/gpu_refusals.h"

namespace aisp::machine {

/// libcuda.so.1, or what the environment variable AISP_LIBCUDA names.
std::string cuda_library_name();

/// Completes facts.gpus and facts.gpu_pairs, found by PCI address; where facts.gpus is empty (no
/// NVML), makes it from what the driver shows. Reasons for what stays absent go to facts.unseen and
/// `refusals`. Starting the driver takes up to seconds on machines with many GPUs.
void read_cuda(const std::string& library, Facts& facts, GpuRefusals& refusals);

}  // namespace aisp::machine
