// The three stages of a batch of rows. Include from *_sm90.cu.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/cuda/wgmma_gemm.cuh"
#include "labs/ch11_streams/tensor_cores_streams/problem.h"
#include "machine/device.h"
#include "machine/joined_streams.h"

namespace aisp::labs::ch11::tensor_cores_streams {

inline std::int64_t rows_of_part(const bench::Params& p) {
  return (p["M"] + p["parts"] - 1) / p["parts"];
}

/// Device memory for a batch on its way.
struct Slot {
  machine::DeviceArray a, c;
  explicit Slot(const bench::Params& p)
      : a(2 * static_cast<std::size_t>(rows_of_part(p) * p["K"])),
        c(2 * static_cast<std::size_t>(rows_of_part(p) * p["N"])) {}
};

/// Copy in, multiply, copy out rows [first, first + rows).
inline void enqueue(const bench::Params& p, const bench::Io& io, std::int64_t first,
                    std::int64_t rows, const Slot& slot, cudaStream_t stream) {
  namespace cuda = kernels::cuda;
  const std::int64_t n = p["N"], k = p["K"];
  AISP_CUDA(cudaMemcpyAsync(slot.a.as<f16>(), io.in<f16>(0).data() + first * k,
                            2 * static_cast<std::size_t>(rows * k), cudaMemcpyHostToDevice,
                            stream));
  cuda::launch_wgmma_tiles<cuda::F16Product, 128, 4, cuda::LayoutB::kColumns>(
      slot.a.as<f16>(), io.in<f16>(1).data(), slot.c.as<f16>(), rows, n, k, stream);
  AISP_CUDA(cudaMemcpyAsync(io.out<f16>(0).data() + first * n, slot.c.as<f16>(),
                            2 * static_cast<std::size_t>(rows * n), cudaMemcpyDeviceToHost,
                            stream));
}

/// Batches dealt to `count` streams, each with a slot of its own.
inline std::unique_ptr<bench::Plan> plan_dealt(const bench::Params& params, std::size_t count) {
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < count; ++i) slots.emplace_back(params);
  return bench::plan_of(
      [params, slots = std::move(slots),
       streams = std::make_unique<machine::JoinedStreams>(count)](const bench::Io& io) {
        streams->fork(io.stream());
        const std::int64_t size = rows_of_part(params);
        std::size_t turn = 0;
        for (std::int64_t first = 0; first < params["M"]; first += size) {
          enqueue(params, io, first, std::min(size, params["M"] - first), slots[turn],
                  (*streams)[turn]);
          turn = (turn + 1) % slots.size();
        }
        streams->join(io.stream());
      });
}

}  // namespace aisp::labs::ch11::tensor_cores_streams
