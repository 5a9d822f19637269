#pragma once
namespace aisp::app {
struct MachineOptions { bool json=false; bool ceilings=true; bool refresh=false; double seconds=10; };
int cmd_machine(const MachineOptions&);
}
