// Rotations on the device against the formula in long double: both pairings, part of a head, far
// positions, strided rows, and the same into the paged cache.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/rope_cuda/cuda.h"

namespace aisp::kernels::rope_cuda {
namespace {

using decode_attention_cuda::cache_bytes;
using decode_attention_cuda::cache_offset;
using decode_attention_cuda::CachePart;

struct Problem {
  int head_size = 128, rotary_size = 128, heads = 4, kv_heads = 2;
  Pairing pairing = Pairing::kHalves;
  std::vector<std::int32_t> positions;
  std::int64_t gap = 0;  // elements between the rows of two tokens
};

std::vector<bf16> random_bf16(std::size_t n, std::uint64_t seed) {
  std::vector<float> wide(n);
  fill_normal(wide, seed);
  std::vector<bf16> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = bf16(wide[i]);
  return out;
}

constexpr double kBase = 500000.0;

// One head: the value, and the contract's bound in `scale` (2^-20 of the pair, 2^-8 of the output).
void reference_head(const Problem& p, int position, const bf16* x, double* value, double* scale) {
  for (int d = 0; d < p.head_size; ++d) {
    value[d] = float(x[d]);
    scale[d] = 0.0;
  }
  for (int i = 0; i < p.rotary_size / 2; ++i) {
    const int a = p.pairing == Pairing::kHalves ? i : 2 * i;
    const int b = p.pairing == Pairing::kHalves ? i + p.rotary_size / 2 : 2 * i + 1;
    const long double angle =
        position * std::pow(static_cast<long double>(kBase), -2.0L * i / p.rotary_size);
    const auto c = static_cast<double>(std::cos(angle)), s = static_cast<double>(std::sin(angle));
    const double xa = float(x[a]), xb = float(x[b]);
    value[a] = xa * c - xb * s;
    value[b] = xb * c + xa * s;
    const double pair = 0x1p-20 * (std::fabs(xa) + std::fabs(xb));
    scale[a] = pair + 0x1p-8 * std::fabs(value[a]);
    scale[b] = pair + 0x1p-8 * std::fabs(value[b]);
  }
}

Comparison check_rows(const Problem& p, const std::vector<bf16>& before,
                      const std::vector<bf16>& after, int heads) {
  const std::size_t stride = static_cast<std::size_t>(heads * p.head_size + p.gap);
  std::vector<double> value(after.size()), scale(after.size(), 0.0);
  for (std::size_t i = 0; i < after.size(); ++i) value[i] = float(before[i]);  // the gaps stay
  for (std::size_t t = 0; t < p.positions.size(); ++t) {
    for (int h = 0; h < heads; ++h) {
      const std::size_t at = t * stride + static_cast<std::size_t>(h * p.head_size);
      reference_head(p, p.positions[t], before.data() + at, value.data() + at, scale.data() + at);
    }
  }
  return compare(after.data(), DType::kBF16, value.size(), {value, scale}, {1.0, 1e-30, 0.6});
}

void check_in_place(const Problem& p) {
  const std::size_t tokens = p.positions.size();
  const auto q_stride = p.heads * p.head_size + p.gap, k_stride = p.kv_heads * p.head_size + p.gap;
  const std::vector<bf16> q = random_bf16(tokens * static_cast<std::size_t>(q_stride), 1);
  const std::vector<bf16> k = random_bf16(tokens * static_cast<std::size_t>(k_stride), 2);
  const machine::DeviceArray d_q{std::span<const bf16>(q)}, d_k{std::span<const bf16>(k)},
      d_positions{std::span<const std::int32_t>(p.positions)};
  Request request;
  request.q = d_q.as<bf16>();
  request.k = d_k.as<bf16>();
  request.q_stride = q_stride;
  request.k_stride = k_stride;
  request.positions = d_positions.as<std::int32_t>();
  request.tokens = static_cast<std::int64_t>(tokens);
  request.heads = p.heads;
  request.kv_heads = p.kv_heads;
  request.head_size = p.head_size;
  request.rotary_size = p.rotary_size;
  request.pairing = p.pairing;
  request.frequencies = frequencies(p.rotary_size, kBase);
  rotate(request);
  machine::device_wait();
  const Comparison a = check_rows(p, q, d_q.host<bf16>(), p.heads);
  const Comparison b = check_rows(p, k, d_k.host<bf16>(), p.kv_heads);
  EXPECT_TRUE(a.ok()) << p.head_size << " " << p.rotary_size << ": " << describe(a);
  EXPECT_TRUE(b.ok()) << p.head_size << " " << p.rotary_size << ": " << describe(b);
}

#define AISP_NEEDS_DEVICE() \
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not

TEST(RopeCuda, PairingsSizesAndFarPositions) {
  AISP_NEEDS_DEVICE();
  for (const Pairing pairing : {Pairing::kHalves, Pairing::kInterleaved}) {
    for (const auto& [size, rotary] :
         {std::pair{64, 64}, {64, 32}, {128, 128}, {128, 64}, {128, 16}, {256, 256}, {256, 96}}) {
      check_in_place({size, rotary, 4, 2, pairing, {0, 1, 2, 17, 4095, 131071, 1000000}, 0});
      check_in_place({size, rotary, 9, 1, pairing, {5, 123456789}, 24});
    }
  }
}

TEST(RopeCuda, ManyTokensAndHeads) {
  AISP_NEEDS_DEVICE();
  Problem p{128, 128, 32, 8, Pairing::kHalves, {}, 0};
  for (int t = 0; t < 1500; ++t) p.positions.push_back(t * 97 % 8192);
  check_in_place(p);
}

TEST(RopeCuda, IntoThePagedCache) {
  AISP_NEEDS_DEVICE();
  for (const Pairing pairing : {Pairing::kHalves, Pairing::kInterleaved}) {
    const Problem p{128, 64, 3, 2, pairing, {7, 100, 3, 40000}, 0};
    const std::vector<bf16> q = random_bf16(4 * 3 * 128, 1), k = random_bf16(4 * 2 * 128, 2),
                            v = random_bf16(4 * 2 * 128, 3);
    const std::vector<std::int64_t> slots = {33, 16, -1, 47};
    const machine::DeviceArray d_q{std::span<const bf16>(q)}, d_k{std::span<const bf16>(k)},
        d_v{std::span<const bf16>(v)}, d_slots{std::span<const std::int64_t>(slots)},
        d_positions{std::span<const std::int32_t>(p.positions)};
    Request request;
    request.cache = {nullptr, 3, 2, 16, 128};
    machine::DeviceArray memory(cache_bytes(request.cache));
    memory.fill(0xff);
    request.cache.data = memory.as<bf16>();
    request.q = d_q.as<bf16>();
    request.k = d_k.as<bf16>();
    request.v = d_v.as<bf16>();
    request.slots = d_slots.as<std::int64_t>();
    request.positions = d_positions.as<std::int32_t>();
    request.tokens = 4;
    request.heads = 3;
    request.kv_heads = 2;
    request.rotary_size = 64;
    request.pairing = pairing;
    request.frequencies = frequencies(64, kBase);
    rotate(request);
    machine::device_wait();
    EXPECT_TRUE(check_rows(p, q, d_q.host<bf16>(), 3).ok());
    const std::vector<bf16> kept = d_k.host<bf16>(), cache = memory.host<bf16>();
    std::vector<bf16> turned(k);  // what the cache has, in k's order
    std::vector<bool> written(cache.size());
    for (std::size_t i = 0; i < k.size(); ++i) {
      EXPECT_EQ(kept[i].bits, k[i].bits);
      const std::size_t token = i / 256, d = i % 128;
      if (slots[token] < 0) continue;
      const int head = static_cast<int>(i / 128 % 2);
      const auto at = [&](CachePart part) {
        return d +
               static_cast<std::size_t>(cache_offset(request.cache, slots[token] / 16, head, part,
                                                     static_cast<int>(slots[token] % 16)));
      };
      turned[i] = cache[at(CachePart::kK)];
      EXPECT_EQ(cache[at(CachePart::kV)].bits, v[i].bits);
      written[at(CachePart::kK)] = written[at(CachePart::kV)] = true;
    }
    Problem stays = p;
    stays.positions[2] = 0;  // its rows were not written: as they were
    EXPECT_TRUE(check_rows(stays, k, turned, 2).ok());
    for (std::size_t i = 0; i < cache.size(); ++i) {
      if (written[i]) continue;
      EXPECT_EQ(cache[i].bits, 0xffff) << i;
    }
  }
}

TEST(RopeDevice, FrequenciesAreFractionsOfATurn) {
  const Frequencies f = frequencies(128, 10000.0);
  EXPECT_NEAR(std::ldexp(static_cast<double>(f.turns[0]), -64), 0.5 * std::numbers::inv_pi, 1e-15);
  const double last = std::pow(10000.0, -126.0 / 128.0) * 0.5 * std::numbers::inv_pi;
  EXPECT_NEAR(std::ldexp(static_cast<double>(f.turns[63]), -64), last, 1e-19);
}

TEST(RopeDevice, ChoosesAndRefuses) {
  const machine::CudaDevice h200 = machine::described_h200();
  Request request;
  request.tokens = 1 << 20;
  request.heads = 32;
  request.kv_heads = 8;
  EXPECT_EQ(choose_config(request).blocks, (5 << 20) / 8);
  request.tokens = 1;
  EXPECT_EQ(choose_config(request).blocks, 1);
  EXPECT_EQ(why_not(request, h200), "");
  request.rotary_size = 24;
  EXPECT_NE(why_not(request, h200), "");
  request.rotary_size = 128;
  request.q_stride = 4;
  EXPECT_NE(why_not(request, h200), "");
  request.q_stride = 0;
  request.head_size = 96;
  EXPECT_NE(why_not(request, h200), "");
  EXPECT_THROW(rotate(request), Error);
}

}  // namespace
}  // namespace aisp::kernels::rope_cuda
