// The product with a given tile, and the tile that was quickest when the plan timed all candidates
// on numbers of its own. The tuning is paid once for a shape and is not part of a call's time.
// Source: P. Tillet, H. T. Kung and D. Cox, "Triton: An Intermediate Language and Compiler for
// Tiled Neural Network Computations", MAPL 2019: autotuning over tiles at the first call.
#include <algorithm>

#include "base/check.h"
#include "base/rng.h"
#include "labs/ch06_cuda_fundamentals/autotuning/device_tiles.h"
#include "labs/ch06_cuda_fundamentals/autotuning/sgemm_tiles.cuh"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::autotuning {
namespace {

template <int kIndex>
void enqueue_tiles(const Product& product, dim3 blocks, cudaStream_t stream) {
  constexpr DeviceTile kTile = kDeviceTiles[kIndex];
  multiply_tiles<kTile.rows, kTile.columns, kTile.depth, kTile.rows_each, kTile.columns_each>
      <<<blocks, kTile.threads(), 0, stream>>>(product);
}

using Enqueue = void (*)(const Product&, dim3, cudaStream_t);
constexpr Enqueue kEnqueue[] = {enqueue_tiles<0>, enqueue_tiles<1>, enqueue_tiles<2>,
                                enqueue_tiles<3>, enqueue_tiles<4>, enqueue_tiles<5>,
                                enqueue_tiles<6>};
static_assert(std::size(kEnqueue) == std::size(kDeviceTiles));

/// One tile made ready for one shape.
class Tiled {
 public:
  Tiled(const Shape& shape, const DeviceTile& tile) : shape_(shape), tile_(tile) {
    DeviceTile unsplit = tile;
    unsplit.splits = 1;
    const auto found = std::find(std::begin(kDeviceTiles), std::end(kDeviceTiles), unsplit);
    check(found != std::end(kDeviceTiles), "the tile is one of kDeviceTiles");
    enqueue_ = kEnqueue[found - std::begin(kDeviceTiles)];
    if (tile.splits > 1) {
      const auto floats = static_cast<std::size_t>(tile.splits * shape.m * shape.n);
      partial_ = std::make_unique<machine::DeviceBuffer>(floats * sizeof(float));
    }
  }

  void run(const float* a, const float* b, float* c, cudaStream_t stream) const {
    const int unit = tile_.depth * tile_.splits;
    Product product = {
        a, b, c, static_cast<int>(shape_.m), static_cast<int>(shape_.n), static_cast<int>(shape_.k),
        0};
    product.k_each = (product.k + unit - 1) / unit * tile_.depth;
    if (partial_) product.c = partial_->as<float>();
    const dim3 blocks(static_cast<unsigned>((shape_.n + tile_.columns - 1) / tile_.columns),
                      static_cast<unsigned>((shape_.m + tile_.rows - 1) / tile_.rows),
                      static_cast<unsigned>(tile_.splits));
    enqueue_(product, blocks, stream);
    if (partial_) {
      const std::int64_t count = shape_.m * shape_.n;
      add_splits<<<static_cast<unsigned>((count + 255) / 256), 256, 0, stream>>>(
          product.c, c, count, tile_.splits);
    }
    AISP_CUDA(cudaGetLastError());
  }

 private:
  Shape shape_;
  DeviceTile tile_;
  Enqueue enqueue_ = nullptr;
  std::unique_ptr<machine::DeviceBuffer> partial_;
};

machine::DeviceArray random_matrix(std::int64_t count, std::uint64_t seed) {
  std::vector<float> host(static_cast<std::size_t>(count));
  fill_uniform(host, seed);
  return machine::DeviceArray(std::span<const float>(host));
}

}  // namespace

DeviceTile tune_tiles(const Shape& shape) {
  const auto a = random_matrix(shape.m * shape.k, 1), b = random_matrix(shape.k * shape.n, 2);
  const machine::DeviceArray c(static_cast<std::size_t>(shape.m * shape.n) * sizeof(float));
  const machine::Stream stream;
  const machine::Event from, to;
  DeviceTile best;
  double best_seconds = 1e30;
  for (const DeviceTile& tile : tile_candidates(shape)) {
    const Tiled one(shape, tile);
    const auto call = [&] { one.run(a.as<float>(), b.as<float>(), c.as<float>(), stream); };
    call();
    std::vector<double> seconds;
    for (int turn = 0; turn < 5; ++turn) {
      seconds.push_back(machine::device_seconds(stream, from, to, [&] {
        for (int i = 0; i < 3; ++i) call();
      }));
    }
    std::nth_element(seconds.begin(), seconds.begin() + 2, seconds.end());
    if (seconds[2] < best_seconds) best = tile, best_seconds = seconds[2];
  }
  return best;
}

std::unique_ptr<bench::Plan> plan_with_tile(const bench::Params& params, const DeviceTile& tile) {
  const auto tiled = std::make_shared<Tiled>(shape_of(params), tile);
  return bench::plan_of([tiled](const bench::Io& io) {
    tiled->run(io.in<float>(bench::matmul::kA).data(), io.in<float>(bench::matmul::kB).data(),
               io.out<float>(bench::matmul::kC).data(), io.stream());
  });
}

std::unique_ptr<bench::Plan> plan_fixed_tile(const bench::Params& params) {
  return plan_with_tile(params, fixed_tile());
}

std::unique_ptr<bench::Plan> plan_model_tile(const bench::Params& params) {
  return plan_with_tile(params, model_tile_of(shape_of(params), machine::cuda_device()));
}

std::unique_ptr<bench::Plan> plan_timed_tile(const bench::Params& params) {
  return plan_with_tile(params, tune_tiles(shape_of(params)));
}

}  // namespace aisp::labs::ch06::autotuning
