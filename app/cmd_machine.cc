#include "app/cmd_machine.h"
namespace aisp::app { int cmd_machine(const MachineOptions&) { return 0; } }
