// Kernels whose work is exactly controllable, as workloads of the self-test on a GPU and as probes
// of its cache modes. They enqueue and do not wait; Error where the launch is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "machine/device.h"

namespace aisp::bench {

/// On every multiprocessor 128 threads that each take `steps` dependent steps (a 32-bit multiply
/// and an add: 4 cycles and the loop): no memory but one word of `sink`.
void enqueue_spin(std::int64_t steps, std::uint32_t* sink, machine::CudaStream stream);

/// Reads `bytes` (a multiple of 16) once, in equal contiguous parts, and sums them into `sink`.
void enqueue_read(const void* from, std::int64_t bytes, std::uint32_t* sink,
                  machine::CudaStream stream);

/// Words that lead through every 128-byte line of `bytes` in as many cycles as there are chains,
/// each through its own share of lines in random order.
std::vector<std::uint32_t> chase_cycles(std::int64_t bytes, std::int64_t chains,
                                        std::uint64_t seed);

/// Follows each cycle once, a thread for each: every line of the buffer is loaded once past L1, one
/// load after the other, so that the time is that of lines * latency / chains.
void enqueue_chase(const std::uint32_t* words, std::int64_t bytes, std::int64_t chains,
                   std::uint32_t* sink, machine::CudaStream stream);

}  // namespace aisp::bench
