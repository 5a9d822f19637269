// What a process can be given without touching the system, applied by the process itself before
// its work begins; it all ends with the process.
//
//   thp          never: no transparent huge pages, whatever the system says
//   cpus         "0-1": the processors it may run on
//   nice         -20 .. 19
//   policy       other, batch, idle or fifo
//   memlock      bytes, or hard: as much as it may
//   nofile       descriptors
//   mempolicy    "bind:1", "interleave:0-1" or "local": nodes of memory
//   timer_slack  nanoseconds
//   store_bypass off: speculative store bypass disabled, as a hardened container runs
//   uclamp_min   0 .. 1024: the least speed that the frequency governor may give it
//   cgroup       folder of a control group to join (process_group.h)
//
// Source: prctl(2), sched_setaffinity(2), sched_setattr(2), set_mempolicy(2), setrlimit(2).
#pragma once

#include <string>

#include "doctor/proofs/proof.h"

namespace aisp::doctor {

/// Throws Error naming the setting: unknown, malformed, or refused by the system.
void apply_to_this_process(const Words& settings);

/// Why this process may not do that ("raising a priority needs CAP_SYS_NICE or RLIMIT_NICE"); "":
/// it may. Tries it in a child that ends at once; about 1 ms.
std::string why_not_allowed(const Words& settings);

}  // namespace aisp::doctor
