// Marks for tools that look at this process from outside: the part of a run that a profiler shall
// count, and named ranges on its timeline (NVTX). Without a tool attached they cost nothing worth
// knowing; a build without CUDA has none, and nothing is linked for them.
//
// Source: CUDA Runtime API 13.0, profiler control; NVTX 3 (github.com/NVIDIA/NVTX), header-only: it
// loads the tool that NVTX_INJECTION64_PATH names at the first call.
#pragma once

#include <string>

namespace aisp::machine {

/// Between the two a profiler that was told to wait (ncu --profile-from-start off) counts.
void begin_counting();
void end_counting();

/// The calling thread's ranges nest; end what was begun.
void begin_range(const std::string& name);
void end_range();

}  // namespace aisp::machine
