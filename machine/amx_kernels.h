// The arithmetic ceilings of tile units.
#pragma once

#include <vector>

#include "machine/ceiling_kernels.h"

namespace aisp::machine {

/// Asks the system for the use of tiles and tries them in a child process, both once.
bool amx_usable(const Cpu& cpu);

/// Adds the kernels that `cpu` has and the system permits: u8 times i8 into i32, bf16 into f32.
void add_amx_kernels(const Cpu& cpu, std::vector<ComputeKernel>& kernels);

}  // namespace aisp::machine
