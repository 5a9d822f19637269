// What the bandwidth ceilings and the costs of memory share: how large a working set must be to lie
// in one level, and the loop that streams over it.
#pragma once

#include <cstddef>
#include <vector>

#include "machine/ceiling_kernels.h"
#include "machine/cpu.h"
#include "machine/crew.h"
#include "machine/epoch_sampler.h"

namespace aisp::machine {

constexpr std::size_t kStreamAlign = 4096;

/// Bytes per thread for about half of cache `index`, of which `threads` take their shares.
std::size_t cache_share_bytes(const Cpu& cpu, std::size_t index, int threads);

/// Memory for the largest working set: an eighth of what is there and free, over all buffers.
std::size_t memory_limit_bytes(const Cpu& cpu);

/// For `threads` together; 0 when memory is too short for a set that no cache could hold.
std::size_t dram_bytes(const Cpu& cpu, int threads, std::size_t limit);

/// Streams over `bytes_each` of every worker's buffer: whole passes when an epoch takes several,
/// else a window that moves on with every epoch, so that memory is cold when its turn comes again.
/// Work: bytes moved. Crew and buffers must outlive the loop.
EpochLoop stream_loop(Crew& crew, const std::vector<PageBuffer>& buffers, int threads,
                      StreamKernel kernel, std::size_t bytes_each);

}  // namespace aisp::machine
