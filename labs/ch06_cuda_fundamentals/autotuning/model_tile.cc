// The tile by arithmetic on the shape and the device: how many rounds of blocks, how long a round.
// Nothing is timed. The plan is in timed_tile.cu, beside the kernel.
// Source: A. Kerr et al., "CUTLASS: Fast Linear Algebra in CUDA C++", NVIDIA 2017 (tiles, and the
// quantisation of their rounds over the multiprocessors); NVIDIA, "Matrix Multiplication
// Background User's Guide" (tile and wave quantization).
#include <algorithm>
#include <cmath>

#include "labs/ch06_cuda_fundamentals/autotuning/device_tiles.h"

namespace aisp::labs::ch06::autotuning {
namespace {

double ceil_of(std::int64_t value, std::int64_t unit) {
  return static_cast<double>((value + unit - 1) / unit);
}

}  // namespace

DeviceTile fixed_tile() { return kDeviceTiles[0]; }

std::vector<DeviceTile> tile_candidates(const Shape& shape) {
  std::vector<DeviceTile> all;
  for (const DeviceTile& tile : kDeviceTiles) {
    for (int splits = 1; splits <= 16; splits *= 2) {
      if (splits > 1 && shape.k / splits < 128) break;
      all.push_back(tile);
      all.back().splits = splits;
    }
  }
  return all;
}

double expected_seconds(const DeviceTile& tile, const Shape& shape,
                        const machine::CudaDevice& device) {
  // A multiprocessor does 128 multiply-adds a cycle and takes 128 bytes a cycle from shared memory.
  // A thread's step of K needs rows_each * columns_each of the former and loads rows_each +
  // columns_each floats, of which the lanes of a warp share about half.
  constexpr double kCyclesPerSecond = 1.7e9, kLanes = 128.0, kSharedFloats = 32.0;
  constexpr double kLaunch = 3e-6, kBytesPerSecond = 4e12;
  const double blocks = ceil_of(shape.m, tile.rows) * ceil_of(shape.n, tile.columns) * tile.splits;
  const auto places = static_cast<double>(std::max(device.multiprocessors, 1));
  // One block of few threads cannot use all of a multiprocessor: 512 threads hide the latencies.
  const double together = std::clamp(512.0 / tile.threads(), 1.0, std::ceil(blocks / places));
  const double rounds = std::ceil(blocks / (places * together));
  const double steps = ceil_of(shape.k, std::int64_t{tile.depth} * tile.splits) * tile.depth;
  const double products = double(tile.rows) * tile.columns;
  const double loads = 0.5 * products * (1.0 / tile.rows_each + 1.0 / tile.columns_each);
  const double cycles = std::max(products / kLanes, loads / kSharedFloats) * steps * together;
  const double starved = std::max(1.0, 256.0 / (tile.threads() * together));
  double seconds = rounds * cycles * starved / kCyclesPerSecond;
  if (tile.splits > 1) {
    const double partial = 8.0 * tile.splits * static_cast<double>(shape.m * shape.n);
    seconds += kLaunch + partial / kBytesPerSecond;
  }
  return seconds;
}

DeviceTile model_tile_of(const Shape& shape, const machine::CudaDevice& device) {
  const std::vector<DeviceTile> all = tile_candidates(shape);
  return *std::min_element(all.begin(), all.end(), [&](const DeviceTile& a, const DeviceTile& b) {
    return expected_seconds(a, shape, device) < expected_seconds(b, shape, device);
  });
}

}  // namespace aisp::labs::ch06::autotuning
