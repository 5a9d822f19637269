// Decode attention over a bf16 cache, any architecture from sm_80.
#include <bit>
#include <cmath>
#include <numbers>

#include "kernels/decode_attention_cuda/cuda_attend.cuh"

namespace aisp::kernels::decode_attention_cuda {

DeviceArgs device_args(const Request& request, const Config& config) {
  const PagedCache& cache = request.cache;
  DeviceArgs args{};
  args.q = request.q;
  args.out = request.out;
  args.cache = static_cast<const char*>(cache.data);
  args.k_scale = cache.k_scale;
  args.v_scale = cache.v_scale;
  args.block_table = request.block_table;
  args.lengths = request.lengths;
  args.batch = request.batch;
  args.kv_heads = cache.kv_heads;
  args.group = request.heads / cache.kv_heads;
  args.q_tokens = request.q_tokens;
  args.rows = rows_of(request);
  args.max_blocks = request.max_blocks;
  args.block_tokens = cache.block_tokens;
  args.block_shift = std::countr_zero(static_cast<unsigned>(cache.block_tokens));
  args.block_bytes =
      cache_offset(cache, 1, 0, CachePart::kK, 0) * static_cast<int>(element_bytes(cache.type));
  args.step_tokens =
      step_tokens(cache.head_size * static_cast<int>(element_bytes(cache.type)), config.row_tiles);
  const float scale =
      request.scale != 0.0F ? request.scale : 1.0F / std::sqrt(static_cast<float>(cache.head_size));
  args.scale = scale * std::numbers::log2e_v<float>;
  args.counters = static_cast<int*>(request.workspace);
  const std::size_t counters = counter_bytes(static_cast<std::size_t>(request.batch) *
                                             static_cast<std::size_t>(cache.kv_heads));
  args.parts = reinterpret_cast<float*>(static_cast<char*>(request.workspace) + counters);
  args.part_stats =
      args.parts + 2 * static_cast<std::int64_t>(config.blocks) * args.rows * cache.head_size;
  return args;
}

namespace {

// Sixteen query rows against tiles: the online softmax and its weighted sum. Lane l holds rows
// l / 4 and l / 4 + 8.
template <int kHeadSize>
struct Bf16Rows {
  static constexpr int kHead = kHeadSize, kRowBytes = 2 * kHead;
  std::uint32_t q[kHead / 16][4];
  float out[kHead / 8][4];
  Softmax softmax;

  __device__ void start(const DeviceArgs& args, const Run& run, int first_row, int lane) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first_row + lane / 4 + 8 * half;
      const bf16* from = args.q + query_offset(args, run, row, kHead) + lane % 4 * 2;
#pragma unroll
      for (int i = 0; i < kHead / 16; ++i) {
        const bool inside = row < args.rows;
        q[i][half] = inside ? *reinterpret_cast<const std::uint32_t*>(from + 16 * i) : 0U;
        q[i][half + 2] = inside ? *reinterpret_cast<const std::uint32_t*>(from + 16 * i + 8) : 0U;
      }
    }
#pragma unroll
    for (auto& four : out) four[0] = four[1] = four[2] = four[3] = 0.0F;
  }

  // kSubtiles times 16 tokens. `sees[half]`: how many of them the row may see.
  template <int kSubtiles>
  __device__ void take(std::uint32_t k, std::uint32_t v, float scale, const int (&sees)[2],
                       int lane) {
    constexpr int kTile = kTileTokens * kRowBytes;
    float score[2 * kSubtiles][4] = {};
    const int k_row = (lane & 7) + ((lane & 16) >> 1);
#pragma unroll
    for (int i = 0; i < kHead / 16; ++i) {
      const std::uint32_t at = k + piece_offset<kRowBytes>(k_row, 2 * i + ((lane >> 3) & 1));
#pragma unroll
      for (int t = 0; t < kSubtiles; ++t) {
        std::uint32_t part[4];
        cuda::load_matrix_x4(part, at + t * kTile);
        cuda::mma_bf16(score[2 * t], q[i], part[0], part[1]);
        cuda::mma_bf16(score[2 * t + 1], q[i], part[2], part[3]);
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      softmax.step(score, out, half, scale, sees[half], lane);
    }
#pragma unroll
    for (int t = 0; t < kSubtiles; ++t) {
      const float(&low)[4] = score[2 * t];
      const float(&high)[4] = score[2 * t + 1];
      const std::uint32_t weights[4] = {
          cuda::pack_bf16(low[0], low[1]), cuda::pack_bf16(low[2], low[3]),
          cuda::pack_bf16(high[0], high[1]), cuda::pack_bf16(high[2], high[3])};
#pragma unroll
      for (int i = 0; i < kHead / 16; ++i) {
        std::uint32_t part[4];
        cuda::load_matrix_x4_transposed(
            part, v + t * kTile + piece_offset<kRowBytes>(lane & 15, 2 * i + (lane >> 4)));
        cuda::mma_bf16(out[2 * i], weights, part[0], part[1]);
        cuda::mma_bf16(out[2 * i + 1], weights, part[2], part[3]);
      }
    }
  }

  // Columns 32 chunk to 32 chunk + 31 of one row.
  __device__ void store(float* to, int chunk, int half, float scale, int lane) const {
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const float(&four)[4] = out[4 * chunk + n];
      *reinterpret_cast<float2*>(to + 8 * n + lane % 4 * 2) =
          make_float2(four[2 * half] * scale, four[2 * half + 1] * scale);
    }
  }
};

}  // namespace

void attend_bf16(const Request& request) { launch<Bf16Rows>(request); }

}  // namespace aisp::kernels::decode_attention_cuda
