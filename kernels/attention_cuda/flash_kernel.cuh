// The Hopper kernel: one thread copies tiles of Q, K and V (TMA), two or three warpgroups multiply
// (wgmma), each 64 queries of the tile. flash_sm90.cu says why these sizes and what each step
// bought.
//
// A warpgroup asks for the scores of the next keys and for the product of the last probabilities
// with V in one turn, then computes the softmax of the scores while the others have their turns
// (named barriers). Rings of barriers (full, empty) carry K, V, and Q with its tile's coordinates.
//
// Source: J. Shah et al., "FlashAttention-3" (2024); flash-attention, hopper/.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/attention_cuda/flash_tile.cuh"
#include "kernels/attention_cuda/schedule.h"
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/warpgroup.cuh"
#include "kernels/cuda/wgmma.cuh"

namespace aisp::kernels::attention_cuda {

/// See flash_sm90.cu for the reasons.
template <int kHeadSize, bool kIsCausal, class ElementOfQ>
struct Traits {
  using Element = ElementOfQ;
  static constexpr bool kCausal = kIsCausal;
  static constexpr int kD = kHeadSize, kKeys = 128;
  static constexpr int kWarpgroups = kD == 64 ? 3 : 2;
  static constexpr int kQueries = 64 * kWarpgroups, kThreads = 128 * (kWarpgroups + 1);
  static constexpr int kPanels = kD / 64;  // of 128 bytes a row, the width of the swizzle
  static constexpr int kStages = 2;        // while one is multiplied the next is on its way
  static constexpr int kQStages = kD == 64 ? 2 : 1;
  // 65536 registers: the producer's one thread needs few.
  static constexpr int kProducerRegisters = kWarpgroups == 2 ? 24 : 32;
  static constexpr int kConsumerRegisters = kWarpgroups == 2 ? 240 : 160;
};

template <class T>
struct Shared {
  using Rows = std::uint16_t[64];
  alignas(1024) Rows q[T::kQStages][T::kPanels][T::kQueries];
  Rows k[T::kStages][T::kPanels][T::kKeys];
  Rows v[T::kStages][T::kPanels][T::kKeys];
  cuda::Barrier k_full[T::kStages], k_empty[T::kStages], v_full[T::kStages], v_empty[T::kStages];
  cuda::Barrier q_full[T::kQStages], q_empty[T::kQStages];
  Tile tile[T::kQStages];  // written before q_full, read before q_empty
};

/// What a launch needs, as a __grid_constant__.
struct Args {
  CUtensorMap q, k, v;  // {D, tokens, heads, batch}
  Work work;
};

template <class T, int kRows>
__device__ inline void load_panels(std::uint16_t (*to)[kRows][64], const CUtensorMap& map,
                                   cuda::Barrier* full, int row, int head, int batch) {
  cuda::barrier_arrive_expect(full, T::kPanels * kRows * 128);
#pragma unroll
  for (int panel = 0; panel < T::kPanels; ++panel) {
    cuda::tma_load(to[panel], map, full, 64 * panel, row, head, batch);
  }
}

/// One thread.
template <class T>
__device__ void produce(const Args& args, Shared<T>& shared) {
  cuda::RingPosition<T::kStages> at;
  cuda::RingPosition<T::kQStages> query;
  Schedule<T::kQueries> schedule(args.work, static_cast<int>(blockIdx.x),
                                 static_cast<int>(gridDim.x));
  for (;; query.advance()) {
    const Tile tile = schedule.next();
    cuda::Barrier* q_full = &shared.q_full[query.stage];
    cuda::barrier_wait(&shared.q_empty[query.stage], query.parity ^ 1U);
    shared.tile[query.stage] = tile;
    const int tiles = tile.batch < 0 ? 0 : key_tiles<T::kQueries, T::kKeys>(tile, T::kCausal);
    if (tiles == 0) {
      cuda::barrier_arrive(q_full);
      if (tile.batch < 0) return;
      continue;
    }
    const int batch = args.work.query_starts == nullptr ? tile.batch : 0;
    load_panels<T>(shared.q[query.stage], args.q, q_full, tile.query_row + tile.first_query,
                   tile.head, batch);
    const int kv_head = tile.head / args.work.group;
    for (int n = tiles - 1; n >= 0; --n) {
      const int row = tile.key_row + n * T::kKeys;
      cuda::barrier_wait(&shared.k_empty[at.stage], at.parity ^ 1U);
      load_panels<T>(shared.k[at.stage], args.k, &shared.k_full[at.stage], row, kv_head, batch);
      cuda::barrier_wait(&shared.v_empty[at.stage], at.parity ^ 1U);
      load_panels<T>(shared.v[at.stage], args.v, &shared.v_full[at.stage], row, kv_head, batch);
      at.advance();
    }
  }
}

/// The warpgroups' turns: bar.sync of one's own number, then bar.arrive at the next one's.
template <class T>
struct Turns {
  int warpgroup;
  __device__ explicit Turns(int mine) : warpgroup(mine) {
    if (mine == 0) cuda::named_arrive(1, 256);
  }
  __device__ void take() const { cuda::named_sync(1 + warpgroup, 256); }
  __device__ void pass() const {
    cuda::named_arrive(1 + (warpgroup + 1 == T::kWarpgroups ? 0 : warpgroup + 1), 256);
  }
};

/// Descriptors of operands, and the products of one warpgroup.
template <class T>
struct Products {
  std::uint64_t q, k, v;  // v: 64 columns in a panel, groups of 8 keys 1024 bytes apart
  static constexpr std::uint32_t kStageBytes = T::kPanels * T::kKeys * 128;

  __device__ Products(const Shared<T>& shared, int warpgroup)
      : q(cuda::matrix_descriptor(shared.q[0][0][64 * warpgroup], cuda::Swizzle::k128, 1024)),
        k(cuda::matrix_descriptor(shared.k[0], cuda::Swizzle::k128, 1024)),
        v(cuda::matrix_descriptor(shared.v[0], cuda::Swizzle::k128, 1024, T::kKeys * 128)) {}

  /// s = q k^T
  __device__ void scores(float (&s)[T::kKeys / 2], int q_stage, int stage) const {
    const std::uint64_t queries =
        cuda::descriptor_plus(q, q_stage * T::kPanels * T::kQueries * 128);
    const std::uint64_t keys = cuda::descriptor_plus(k, stage * kStageBytes);
#pragma unroll
    for (int i = 0; i < T::kD / 16; ++i) {
      const std::uint32_t within = i % 4 * 32, panel = i / 4;
      const std::uint64_t a = cuda::descriptor_plus(queries, panel * T::kQueries * 128 + within);
      const std::uint64_t b = cuda::descriptor_plus(keys, panel * T::kKeys * 128 + within);
      if constexpr (T::Element::kF16) {
        cuda::wgmma_f16<T::kKeys>(s, a, b, i > 0);
      } else {
        cuda::wgmma_bf16<T::kKeys>(s, a, b, i > 0);
      }
    }
    cuda::wgmma_commit();
  }
  /// o += p v
  __device__ void output(float (&o)[T::kD / 2], const std::uint32_t (&p)[T::kKeys / 16][4],
                         int stage) const {
    const std::uint64_t values = cuda::descriptor_plus(v, stage * kStageBytes);
#pragma unroll
    for (int i = 0; i < T::kKeys / 16; ++i) {
      const std::uint64_t b = cuda::descriptor_plus(values, i * 2048);  // 16 keys
      if constexpr (T::Element::kF16) {
        cuda::wgmma_f16<T::kD, 1>(o, p[i], b, true);
      } else {
        cuda::wgmma_bf16<T::kD, 1>(o, p[i], b, true);
      }
    }
    cuda::wgmma_commit();
  }
};

__device__ inline void release(cuda::Barrier* barrier) {
  if (threadIdx.x % 32 == 0) cuda::barrier_arrive(barrier);
}

/// Tiles of keys that a warpgroup's 64 rows see.
template <class T>
__device__ inline int seen_tiles(const Tile& tile, int first_row) {
  if (first_row >= tile.queries) return 0;
  return key_tiles<64, T::kKeys>(
      {.first_query = first_row, .queries = tile.queries, .keys = tile.keys}, T::kCausal);
}

/// Tile n of keys, of which none of my rows sees any: only the barriers learn of it.
template <class T>
__device__ inline void pass_over(Shared<T>& shared, const Turns<T>& turns,
                                 cuda::RingPosition<T::kStages>& at, int n) {
  cuda::barrier_wait(&shared.k_full[at.stage], at.parity);
  release(&shared.k_empty[at.stage]);
  if (n > 0) {
    turns.take();
    turns.pass();
  }
  cuda::barrier_wait(&shared.v_full[at.stage], at.parity);
  release(&shared.v_empty[at.stage]);
  at.advance();
}

/// A warpgroup.
template <class T>
__device__ void consume(const Args& args, Shared<T>& shared, int warpgroup) {
  cuda::RingPosition<T::kStages> at;
  const Products<T> products(shared, warpgroup);
  const Turns<T> turns(warpgroup);
  const int lane = static_cast<int>(threadIdx.x) % 128;
  const int my_row = 64 * warpgroup + lane / 32 * 16 + lane % 32 / 4, my_column = 2 * (lane % 4);
  cuda::RingPosition<T::kQStages> query;
  for (;; query.advance()) {
    cuda::barrier_wait(&shared.q_full[query.stage], query.parity);
    const Tile tile = shared.tile[query.stage];
    if (tile.batch < 0) return;
    const int tiles = key_tiles<T::kQueries, T::kKeys>(tile, T::kCausal);
    const int first_row = tile.first_query + my_row;
    OnlineSoftmax softmax{args.work.scale_log2};
    float o[T::kD / 2];
#pragma unroll
    for (float& x : o) x = 0.0F;
    // Tiles that none of my rows sees are left to the others.
    const int first_mine = tile.first_query + 64 * warpgroup;
    const int mine = std::min(tiles, seen_tiles<T>(tile, first_mine));
    for (int n = tiles - 1; n >= mine; --n) pass_over(shared, turns, at, n);
    if (mine > 0) {
      float s[T::kKeys / 2];
      std::uint32_t p[T::kKeys / 16][4];
      // Keys that my rows see, counted from my first column of tile 0.
      const int past = tile.keys - tile.queries + 1 + first_row;
      const int seen[2] = {
          T::kCausal ? min(tile.keys, past) - my_column : tile.keys - my_column,
          T::kCausal ? min(tile.keys, past + 8) - my_column : tile.keys - my_column};
      const auto mask = [&](int n) {
        const int limit[2] = {seen[0] - n * T::kKeys, seen[1] - n * T::kKeys};
        mask_scores(s, limit);
      };

      cuda::barrier_wait(&shared.k_full[at.stage], at.parity);
      cuda::wgmma_fence();
      products.scores(s, query.stage, at.stage);
      cuda::wgmma_wait<0>();
      cuda::pin_registers(s);
      release(&shared.k_empty[at.stage]);
      mask(mine - 1);
      softmax.template step<true>(s);
      to_operand<typename T::Element>(s, p);

      const auto advance = [&](int n, auto masked) {
        const cuda::RingPosition<T::kStages> last = at;
        at.advance();
        cuda::barrier_wait(&shared.k_full[at.stage], at.parity);
        turns.take();
        cuda::wgmma_fence();
        products.scores(s, query.stage, at.stage);
        cuda::barrier_wait(&shared.v_full[last.stage], last.parity);
        cuda::wgmma_fence();
        products.output(o, p, last.stage);
        turns.pass();
        cuda::wgmma_wait<1>();
        cuda::pin_registers(s);
        release(&shared.k_empty[at.stage]);
        if constexpr (masked.value) mask(n);
        softmax.template step<masked.value>(s);
        cuda::wgmma_wait<0>();
        cuda::pin_registers(o);
        release(&shared.v_empty[last.stage]);
        to_operand<typename T::Element>(s, p);
        scale_rows(o, softmax.rescale);
      };
      // Causal: tiles that the warpgroup's first row does not see whole.
      int n = mine - 2;
      if constexpr (T::kCausal) {
        const int whole = (first_mine + tile.keys - tile.queries + 1) / T::kKeys;
        for (; n >= whole && n >= 0; --n) advance(n, std::true_type());
      }
      for (; n >= 0; --n) advance(n, std::false_type());

      release(&shared.q_empty[query.stage]);
      cuda::barrier_wait(&shared.v_full[at.stage], at.parity);
      cuda::wgmma_fence();
      products.output(o, p, at.stage);
      cuda::wgmma_wait<0>();
      cuda::pin_registers(o);
      release(&shared.v_empty[at.stage]);
      at.advance();
    } else {
      release(&shared.q_empty[query.stage]);
    }
    const OutputRows<T::kD> rows(args.work, tile, first_row);
    rows.template store<typename T::Element, true>(o, softmax);
  }
}

template <class T>
__global__ __launch_bounds__(T::kThreads,
                             1) void flash_attention(const __grid_constant__ Args args) {
  extern __shared__ __align__(1024) unsigned char raw[];
  Shared<T>& shared = *reinterpret_cast<Shared<T>*>(raw);
  if (threadIdx.x == 0) {
    for (int i = 0; i < T::kStages; ++i) {
      cuda::barrier_init(&shared.k_full[i], 1);
      cuda::barrier_init(&shared.v_full[i], 1);
      cuda::barrier_init(&shared.k_empty[i], 4 * T::kWarpgroups);
      cuda::barrier_init(&shared.v_empty[i], 4 * T::kWarpgroups);
    }
    for (int i = 0; i < T::kQStages; ++i) {
      cuda::barrier_init(&shared.q_full[i], 1);
      cuda::barrier_init(&shared.q_empty[i], 4 * T::kWarpgroups);
    }
    cuda::barrier_init_fence();
  }
  __syncthreads();
  const int role = __shfl_sync(0xffffffffU, static_cast<int>(threadIdx.x) / 128, 0);
  if (role == 0) {
    cuda::registers_shrink_to<T::kProducerRegisters>();
    if (threadIdx.x < 32 && cuda::elect_one()) produce<T>(args, shared);
  } else {
    cuda::registers_grow_to<T::kConsumerRegisters>();
    consume<T>(args, shared, role - 1);
  }
}

}  // namespace aisp::kernels::attention_cuda
