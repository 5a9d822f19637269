// The options of `aisp machine`, apart from main.cc for its size.
#pragma once

#include <CLI/CLI.hpp>

#include "app/cmd_machine.h"

namespace aisp::app {

void add_machine_options(CLI::App* machine, MachineOptions& o);

}  // namespace aisp::app
