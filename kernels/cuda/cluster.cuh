// Thread-block clusters: who am I, wait for all, the shared memory of a neighbour. sm_90 and later.
//
// Source: PTX ISA 9.0, 9.7.13.4 (barrier.cluster), 9.7.9.23 (mapa), 10 (special registers).
#pragma once

#include <cstdint>

namespace aisp::kernels::cuda {

__device__ inline std::uint32_t cluster_rank() {
  std::uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// Of this cluster in a one-dimensional grid.
__device__ inline std::uint32_t cluster_id() {
  std::uint32_t id;
  asm volatile("mov.u32 %0, %%clusterid.x;" : "=r"(id));
  return id;
}
__device__ inline std::uint32_t cluster_size() {
  std::uint32_t size;
  asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  return size;
}
/// Every thread of every block of the cluster. Between arrive and wait there may be other work.
__device__ inline void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
__device__ inline void cluster_wait() {
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}
__device__ inline void cluster_sync() {
  cluster_arrive();
  cluster_wait();
}
/// The same variable in the shared memory of the cluster's block `rank`, as an ordinary pointer.
/// That block must not end before the last access: cluster_sync() at the end.
template <class T>
__device__ inline T* of_block(T* shared, std::uint32_t rank) {
  std::uint64_t remote;
  asm volatile("mapa.u64 %0, %1, %2;" : "=l"(remote) : "l"(shared), "r"(rank));
  return reinterpret_cast<T*>(remote);
}

}  // namespace aisp::kernels::cuda
