// The loops behind the costs of memory, for the probes and for their tests.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "machine/cost_sheet.h"
#include "machine/numa.h"

namespace aisp::machine {

/// Loads along a cycle that was laid in the buffer, on worker 0; goes on where it stopped. Coming
/// back after other loops, it first makes `warm_loads` that are not timed.
CountedLoop chase_loop(Crew& crew, std::shared_ptr<PageBuffer> buffer, const void* start,
                       std::int64_t warm_loads = 0);

/// One byte written to each page of a mapping of 32 MiB that is fresh every time, whatever is
/// asked. Mapping and unmapping are not timed.
CountedLoop fault_loop(Crew& crew, Pages pages, std::size_t page_bytes);

/// The whole of such a mapping written once; work in bytes.
EpochLoop first_touch_loop(Crew& crew, Pages pages);

/// Writes one byte in each page of the first `bytes`.
void touch_pages(const PageBuffer& buffer, std::size_t bytes, std::size_t page_bytes);

/// Stream loops of that kind, one for each instruction set; they keep the buffers alive.
std::vector<EpochLoop> stream_candidates(const CostProbe& probe,
                                         const std::shared_ptr<std::vector<PageBuffer>>& buffers,
                                         int threads, std::string_view kind,
                                         std::size_t bytes_each);

/// Latency and bandwidth from the cores of each node to the memory of each.
void add_numa_pairs(const CostProbe& probe, const std::vector<NumaNode>& nodes);

/// 1, 2, 4, ... and `most` itself.
std::vector<int> powers_up_to(int most);

}  // namespace aisp::machine
