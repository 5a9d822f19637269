// `aisp machine --watch`: the vital signs of the machine, again and again.
#pragma once

#include <string>
#include <vector>

#include "machine/vital_signs.h"

namespace aisp::app {

/// What one sample shows: a line for the host, then one for each GPU. `start_s` is when watching
/// began. What cannot be read is left out.
std::vector<std::string> vital_lines(const machine::VitalSigns& before,
                                     const machine::VitalSigns& now, double start_s);

/// Samples every `seconds` until `count` of them (0: without end), an interrupt or a termination
/// signal. On a terminal the lines are written over; else one line a sample. Returns the exit code.
int watch_machine(double seconds, int count);

}  // namespace aisp::app
