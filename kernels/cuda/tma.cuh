// The copy engine (TMA): boxes of tensors between global and shared memory, one thread asks, a
// barrier or a group of copies tells when. Coordinates are elements, innermost dimension first;
// what lies outside the tensor reads as zero and is not written, but always counts as box bytes at
// the barrier. Tensor maps are made by tensor_map.h and passed as `const __grid_constant__
// CUtensorMap`. Shared memory: 128-byte aligned (1024 with the 128-byte swizzle). sm_90 and later.
//
// Source: PTX ISA 9.0, 9.7.9.27 (cp.async.bulk, cp.async.bulk.tensor).
#pragma once

#include <cuda.h>

#include "kernels/cuda/mbarrier.cuh"

namespace aisp::kernels::cuda {

__device__ inline void tma_prefetch_map(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

/// What the second-level cache should do with what a load brings: the values that createpolicy
/// makes for the whole of an access, as CUTLASS's TMA::CacheHintSm90 lists them.
enum class CacheHint : std::uint64_t {
  kNormal = 0x1000000000000000,
  kEvictFirst = 0x12F0000000000000,
  kEvictLast = 0x14F0000000000000,
};

/// Box at (x, y) -> shared memory; its bytes arrive at `barrier`.
__device__ inline void tma_load(void* to, const CUtensorMap& map, Barrier* barrier, int x, int y) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%3, %4}], [%2];" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y)
      : "memory");
}
__device__ inline void tma_load(void* to, const CUtensorMap& map, Barrier* barrier, int x, int y,
                                CacheHint hint) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint"
      " [%0], [%1, {%3, %4}], [%2], %5;" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y), "l"(static_cast<std::uint64_t>(hint))
      : "memory");
}
__device__ inline void tma_load(void* to, const CUtensorMap& map, Barrier* barrier, int x, int y,
                                int z) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y), "r"(z)
      : "memory");
}
__device__ inline void tma_load(void* to, const CUtensorMap& map, Barrier* barrier, int x, int y,
                                int z, int w) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y), "r"(z), "r"(w)
      : "memory");
}

/// Asks for a box in L2 alone: nobody waits for it, and later writes to global memory go there, so
/// that it may be asked for before they are done.
__device__ inline void tma_prefetch(const CUtensorMap& map, int x, int y) {
  asm volatile("cp.async.bulk.prefetch.tensor.2d.L2.global [%0, {%1, %2}];" ::"l"(&map), "r"(x),
               "r"(y)
               : "memory");
}
__device__ inline void tma_prefetch(const CUtensorMap& map, int x, int y, int z, int w) {
  asm volatile("cp.async.bulk.prefetch.tensor.4d.L2.global [%0, {%1, %2, %3, %4}];" ::"l"(&map),
               "r"(x), "r"(y), "r"(z), "r"(w)
               : "memory");
}

/// The box goes to the same shared address of every block of the cluster whose bit is set in
/// `blocks`, and its bytes arrive at the same barrier of each.
__device__ inline void tma_load_multicast(void* to, const CUtensorMap& map, Barrier* barrier, int x,
                                          int y, std::uint16_t blocks) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y), "h"(blocks)
      : "memory");
}

/// Contiguous bytes, a multiple of 16, both ends 16-byte aligned; no tensor map.
__device__ inline void bulk_load(void* to, const void* from, std::uint32_t bytes,
                                 Barrier* barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(shared_address(to)),
      "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(barrier))
      : "memory");
}

/// Asks for these bytes in L2 alone; see tma_prefetch().
__device__ inline void bulk_prefetch(const void* from, std::uint32_t bytes) {
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(__cvta_generic_to_global(from)),
               "r"(bytes)
               : "memory");
}

/// Writes of this thread to shared memory become visible to the copy engine and the tensor cores:
/// every writing thread, then a barrier, then one thread starts the store.
__device__ inline void fence_async_shared() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline void tma_store(const CUtensorMap& map, const void* from, int x, int y) {
  asm volatile(
      "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(&map),
      "r"(shared_address(from)), "r"(x), "r"(y)
      : "memory");
}
__device__ inline void tma_store(const CUtensorMap& map, const void* from, int x, int y, int z) {
  asm volatile(
      "cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%0, {%2, %3, %4}], [%1];" ::"l"(&map),
      "r"(shared_address(from)), "r"(x), "r"(y), "r"(z)
      : "memory");
}
__device__ inline void tma_store(const CUtensorMap& map, const void* from, int x, int y, int z,
                                 int w) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(
          &map),
      "r"(shared_address(from)), "r"(x), "r"(y), "r"(z), "r"(w)
      : "memory");
}
/// Adds the box to global memory (the map's element type), for split sums.
__device__ inline void tma_add(const CUtensorMap& map, const void* from, int x, int y) {
  asm volatile(
      "cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.bulk_group [%0, {%2, %3}], [%1];" ::
          "l"(&map),
      "r"(shared_address(from)), "r"(x), "r"(y)
      : "memory");
}
__device__ inline void bulk_store(void* to, const void* from, std::uint32_t bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(
                   __cvta_generic_to_global(to)),
               "r"(shared_address(from)), "r"(bytes)
               : "memory");
}
/// Stores of one thread are grouped by commits; both waits leave at most kGroups unfinished. Read:
/// shared memory may be written again. Done: global memory is written.
__device__ inline void store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
template <int kGroups>
__device__ inline void store_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kGroups) : "memory");
}
template <int kGroups>
__device__ inline void store_wait_done() {
  asm volatile("cp.async.bulk.wait_group %0;" ::"n"(kGroups) : "memory");
}

}  // namespace aisp::kernels::cuda
