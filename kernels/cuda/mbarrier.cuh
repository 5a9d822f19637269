// Barriers in shared memory (mbarrier): a phase ends when all expected threads have arrived and all
// expected bytes of bulk copies have landed. The ring of a producer and its consumers is two arrays
// of them, full[] and empty[]; RingPosition walks both. sm_90 and later.
//
// A wait takes the parity of the phase that must have ended: 0 the first phase, 1 the second, ...
// So consumers wait for full[stage] with `position.parity`, producers for empty[stage] with
// `position.parity ^ 1`, which passes at once on a barrier whose first phase has not ended.
//
// Source: PTX ISA 9.0, 9.7.13.15 (mbarrier); CUTLASS 3, pipeline/sm90_pipeline.hpp.
#pragma once

#include <cstdint>

namespace aisp::kernels::cuda {

using Barrier = std::uint64_t;  // in shared memory, 8-byte aligned

/// The 32-bit address of shared memory that PTX takes.
__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// One thread; then barrier_init_fence() and __syncthreads() (or a cluster's barrier).
__device__ inline void barrier_init(Barrier* barrier, std::uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(arrivals)
               : "memory");
}
/// Makes barrier_init() visible to the cluster and to bulk copies.
__device__ inline void barrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ inline void barrier_arrive(Barrier* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier))
               : "memory");
}
/// Arrives, and adds `bytes` to what bulk copies must bring before the phase ends.
__device__ inline void barrier_arrive_expect(Barrier* barrier, std::uint32_t bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
      "r"(bytes)
      : "memory");
}
/// Arrives at the same barrier of the cluster's block `rank`: enough to hand back a buffer that
/// the copy engine or wgmma has read.
__device__ inline void barrier_arrive_at(Barrier* barrier, std::uint32_t rank) {
  asm volatile(
      "{\n.reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [remote];\n}" ::"r"(shared_address(barrier)),
      "r"(rank)
      : "memory");
}
/// The same, and what this thread wrote is visible to who waits with barrier_wait_cluster(). A
/// memory barrier: once a stage, it cost a GEMM's main loop 25 % on one H200.
__device__ inline void barrier_arrive_at_releasing(Barrier* barrier, std::uint32_t rank) {
  asm volatile(
      "{\n.reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n}" ::"r"(
          shared_address(barrier)),
      "r"(rank)
      : "memory");
}
/// Has the phase of this parity ended? May sleep for a while before it says no.
__device__ inline bool barrier_try_wait(Barrier* barrier, std::uint32_t parity) {
  std::uint32_t done;
  asm volatile(
      "{\n.reg .pred p;\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(shared_address(barrier)), "r"(parity)
      : "memory");
  return done != 0;
}
__device__ inline void barrier_wait(Barrier* barrier, std::uint32_t parity) {
  while (!barrier_try_wait(barrier, parity)) {
  }
}
/// The same, for what other blocks of the cluster wrote before barrier_arrive_at_releasing().
__device__ inline void barrier_wait_cluster(Barrier* barrier, std::uint32_t parity) {
  std::uint32_t done = 0;
  while (done == 0) {
    asm volatile(
        "{\n.reg .pred p;\n"
        "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(done)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
  }
}

/// Where a producer or consumer is in a ring of kStages.
template <int kStages>
struct RingPosition {
  int stage = 0;
  std::uint32_t parity = 0;
  __device__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1U;
    }
  }
};

}  // namespace aisp::kernels::cuda
