// The tiled product in f32 of labs/ch06_cuda_fundamentals/autotuning: tiles in shared memory, sums
// in registers, the depth that is unrolled between two barriers.
#include <iterator>
#include <utility>

#include "labs/ch06_cuda_fundamentals/autotuning/sgemm_tiles.cuh"
#include "tune/occupancy.cuh"
#include "tune/points.h"

namespace aisp::tune {
namespace {

using labs::ch06::autotuning::multiply_tiles;
using labs::ch06::autotuning::Product;
using Kernel = void (*)(Product);

template <std::size_t... kIndex>
Kernel kernel_of(int index, std::index_sequence<kIndex...>) {
  constexpr Kernel kKernels[] = {
      multiply_tiles<kSgemmTiles[kIndex].rows, kSgemmTiles[kIndex].columns,
                     kSgemmTiles[kIndex].depth, kSgemmTiles[kIndex].rows_each,
                     kSgemmTiles[kIndex].columns_each>...};
  return kKernels[index];
}

Kernel kernel_of(int index) {
  return kernel_of(index, std::make_index_sequence<std::size(kSgemmTiles)>());
}

}  // namespace

std::unique_ptr<bench::Plan> plan_sgemm(const bench::Params& params, int index) {
  const SgemmTile tile = kSgemmTiles[index];
  const Kernel kernel = kernel_of(index);
  Product shape;
  shape.m = static_cast<int>(params["M"]);
  shape.n = static_cast<int>(params["N"]);
  shape.k = static_cast<int>(params["K"]);
  shape.k_each = (shape.k + tile.depth - 1) / tile.depth * tile.depth;
  const dim3 blocks(static_cast<unsigned>((shape.n + tile.columns - 1) / tile.columns),
                    static_cast<unsigned>((shape.m + tile.rows - 1) / tile.rows));
  return bench::plan_of([=](const bench::Io& io) {
    Product product = shape;
    product.a = io.in<float>(0).data();
    product.b = io.in<float>(1).data();
    product.c = io.out<float>(0).data();
    kernel<<<blocks, tile.threads(), 0, io.stream()>>>(product);
    AISP_CUDA(cudaGetLastError());
  });
}

Occupancy occupancy_sgemm(const bench::Params&, int index) {
  return occupancy_of(kernel_of(index), kSgemmTiles[index].threads(), 0);
}

}  // namespace aisp::tune
