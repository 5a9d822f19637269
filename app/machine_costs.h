// The part of `aisp machine` that shows costs: what is neither arithmetic nor a stream of bytes.
#pragma once

#include "app/cmd_machine.h"
#include "machine/costs.h"

namespace aisp::app {

/// From the cache, or measured with half of options.seconds. Progress as cmd_machine().
machine::Costs load_costs(const machine::Cpu& cpu, const MachineOptions& options);

/// Tables to standard output, and every reason why something is not there.
void print_costs(const machine::Costs& costs);

}  // namespace aisp::app
