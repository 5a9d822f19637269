// What roles of warps need: one elected lane, named barriers for some of a block's threads, and
// registers moved from those who copy to those who compute. Elect and registers: sm_90a.
//
// Source: PTX ISA 9.0, 9.7.13.14 (elect.sync), 9.7.13.1 (bar), 9.7.20.5 (setmaxnreg).
#pragma once

#include <cstdint>

namespace aisp::kernels::cuda {

/// True in one lane of the calling warp (all 32 must call). The compiler knows that it is one.
__device__ inline bool elect_one() {
  std::uint32_t elected;
  asm volatile("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.u32 %0, 1, 0, p;\n}"
               : "=r"(elected));
  return elected != 0;
}

/// A barrier of `threads` threads (a multiple of 32) with a number of its own: 1 to 15, 0 is
/// __syncthreads(). named_arrive() does not wait.
__device__ inline void named_sync(int barrier, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
__device__ inline void named_arrive(int barrier, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

/// All four warps of a warpgroup; a multiple of 8 from 24 to 240. The kernel needs a register cap
/// at entry (__launch_bounds__(threads, 1)); the sum over the block's warpgroups times 128 must not
/// exceed 65536. The one who shrinks must have started with at least that many.
template <int kRegisters>
__device__ inline void registers_grow_to() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ inline void registers_shrink_to() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

}  // namespace aisp::kernels::cuda
