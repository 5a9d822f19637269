// How many blocks, how deep their pipelines: arithmetic from a shape and a device.
#include <algorithm>
#include <bit>

#include "base/check.h"
#include "kernels/decode_attention_cuda/cuda.h"
#include "kernels/decode_attention_cuda/cuda_shape.h"

namespace aisp::kernels::decode_attention_cuda {

std::string why_not(const Request& request, const machine::CudaDevice& device) {
  if (const std::string reason = device.needs(8); !reason.empty()) return reason;
  const PagedCache& cache = request.cache;
  if (cache.type == CacheType::kE4m3 && !device.needs_hopper().empty()) {
    return "an e4m3 cache: " + device.needs_hopper();
  }
  if (cache.head_size != 64 && cache.head_size != 128) return "head size must be 64 or 128";
  if (cache.block_tokens < kTileTokens || !std::has_single_bit(unsigned(cache.block_tokens))) {
    return "tokens of a block must be a power of two, at least 16";
  }
  if (cache.kv_heads < 1 || request.heads < 1 || request.heads % cache.kv_heads != 0) {
    return "query heads must be a multiple of the KV heads";
  }
  if (request.batch < 1 || request.batch > kMaxBatch) return "batch must be 1 to 1024";
  if (request.q_tokens < 1 || rows_of(request) > kMaxRows) {
    return "query tokens times the group must be 1 to 64";
  }
  return "";
}

Config choose_config(const Request& request, const machine::CudaDevice& device) {
  Config config;
  const int tiles = (rows_of(request) + kTileRows - 1) / kTileRows;
  config.row_tiles = tiles == 3 ? 4 : tiles;
  const int row_bytes =
      request.cache.head_size * static_cast<int>(element_bytes(request.cache.type));
  config.stages = stages_of(row_bytes, config.row_tiles);
  const std::size_t bytes = shared_bytes(row_bytes, config.row_tiles);
  // One block more of the shared memory's 1 KiB goes to the system for each block.
  const auto fit = static_cast<int>(device.shared_bytes_per_multiprocessor / (bytes + 1024));
  config.blocks_per_multiprocessor = std::clamp(fit, 1, kBlocksPerMultiprocessor);
  config.blocks = config.blocks_per_multiprocessor * device.multiprocessors;
  return config;
}

std::size_t workspace_bytes(const Request& request, const Config& config) {
  const auto counters =
      static_cast<std::size_t>(request.batch) * static_cast<std::size_t>(request.cache.kv_heads);
  const std::size_t part = static_cast<std::size_t>(rows_of(request)) *
                           static_cast<std::size_t>(request.cache.head_size + 2);
  return counter_bytes(counters) + 2 * static_cast<std::size_t>(config.blocks) * part * 4;
}

}  // namespace aisp::kernels::decode_attention_cuda
