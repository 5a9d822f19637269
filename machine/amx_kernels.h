// The arithmetic ceilings of tile units.
#pragma once

#include <vector>

#include "machine/ceiling_kernels.h"

namespace aisp::machine {

/// Asks the system, once a process, for the use of tiles.
bool amx_permitted();

/// Adds the kernels that `cpu` has and the system permits: u8 times i8 into i32, bf16 into f32.
void add_amx_kernels(const Cpu& cpu, std::vector<ComputeKernel>& kernels);

}  // namespace aisp::machine
