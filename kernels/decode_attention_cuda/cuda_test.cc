// Decode attention on the device against the formula in double: groups, query tokens, block sizes,
// lengths around the tiles and blocks; what is not in the cache is NaN and unused table entries
// point nowhere, so that a read of either shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/decode_attention_cuda/cuda.h"
#include "kernels/decode_attention_cuda/cuda_shape.h"

namespace aisp::kernels::decode_attention_cuda {
namespace {

struct Problem {
  int head_size = 128, kv_heads = 2, group = 4, q_tokens = 1, block_tokens = 16;
  std::vector<std::int32_t> lengths;
  CacheType type = CacheType::kBf16;
};

std::vector<bf16> random_bf16(std::size_t n, std::uint64_t seed) {
  std::vector<float> wide(n);
  fill_normal(wide, seed);
  std::vector<bf16> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = bf16(wide[i]);
  return out;
}

// The nearest e4m3 number, ties to even, at most 448: what an 8-bit cache keeps of x.
float nearest_e4m3(float x) {
  if (x == 0.0F) return x;
  const int exponent = std::max(std::ilogb(x), -6);  // below 2^-6 numbers are evenly spaced
  const float step = std::ldexp(1.0F, exponent - 3);
  return std::clamp(std::nearbyint(x / step) * step, -448.0F, 448.0F);
}
constexpr float kScale[2][3] = {{0.03F, 0.5F, 1.0F}, {0.02F, 0.25F, 0.125F}};  // K, V; each head

// Host inputs, the cache on the device with the tokens in shuffled blocks.
struct Decode {
  explicit Decode(const Problem& given) : p(given) {
    const int batch = static_cast<int>(p.lengths.size());
    const int longest = *std::max_element(p.lengths.begin(), p.lengths.end());
    width = static_cast<std::size_t>(p.kv_heads * p.head_size);
    request.max_blocks = longest / p.block_tokens + 2;
    std::int64_t tokens = 0, blocks = 3;
    for (const int length : p.lengths) {
      tokens += length;
      blocks += (length + p.block_tokens - 1) / p.block_tokens;
    }
    k = random_bf16(static_cast<std::size_t>(tokens) * width, 1);
    v = random_bf16(k.size(), 2);
    q = random_bf16(static_cast<std::size_t>(batch * p.q_tokens * p.group) * width, 3);
    std::vector<std::int64_t> slots;
    const std::vector<std::int32_t> table = make_table(blocks, slots);
    request.cache = {nullptr, blocks, p.kv_heads, p.block_tokens, p.head_size, p.type};
    d_cache = machine::DeviceArray(cache_bytes(request.cache));
    d_cache.fill(0xff);  // NaN in both types
    request.cache.data = d_cache.as<>();
    seen_k = kept(k, kScale[0]);
    seen_v = kept(v, kScale[1]);
    if (p.type == CacheType::kE4m3) {
      d_scales = machine::DeviceArray(std::span<const float>(kScale[0], 6));
      request.cache.k_scale = d_scales.as<float>();
      request.cache.v_scale = d_scales.as<float>() + 3;
    }
    d_q = machine::DeviceArray(std::span<const bf16>(q));
    d_k = machine::DeviceArray(std::span<const bf16>(k));
    d_v = machine::DeviceArray(std::span<const bf16>(v));
    d_slots = machine::DeviceArray(std::span<const std::int64_t>(slots));
    d_table = machine::DeviceArray(std::span<const std::int32_t>(table));
    d_lengths = machine::DeviceArray(std::span<const std::int32_t>(p.lengths));
    d_out = machine::DeviceArray(q.size() * 2 + 64);
    d_out.fill(0xff);
    append({request.cache, d_k.as<bf16>(), d_v.as<bf16>(), 0, 0, d_slots.as<std::int64_t>(),
            static_cast<std::int64_t>(slots.size()), nullptr});
    request.q = d_q.as<bf16>();
    request.out = d_out.as<bf16>();
    request.block_table = d_table.as<std::int32_t>();
    request.lengths = d_lengths.as<std::int32_t>();
    request.batch = batch;
    request.q_tokens = p.q_tokens;
    request.heads = p.kv_heads * p.group;
    const Config config = choose_config(request, machine::cuda_device());
    d_work = machine::DeviceArray(workspace_bytes(request, config));
    d_work.fill(0);
    request.workspace = d_work.as<>();
  }

  // What the cache holds of x.
  std::vector<double> kept(const std::vector<bf16>& x, const float* scales) const {
    std::vector<double> out(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      out[i] = float(x[i]);
      if (p.type == CacheType::kBf16) continue;
      const float scale = scales[i % width / static_cast<std::size_t>(p.head_size)];
      out[i] = double(scale) * nearest_e4m3(float(x[i]) * (1.0F / scale));
    }
    return out;
  }

  std::vector<std::int32_t> make_table(std::int64_t blocks,
                                       std::vector<std::int64_t>& slots) const {
    std::vector<std::int32_t> order(static_cast<std::size_t>(blocks));
    std::iota(order.begin(), order.end(), 0);
    Rng rng(7);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
    const auto row = static_cast<std::size_t>(request.max_blocks);
    std::vector<std::int32_t> table(p.lengths.size() * row, std::numeric_limits<int>::max());
    std::size_t taken = 0;
    for (std::size_t b = 0; b < p.lengths.size(); ++b) {
      for (int t = 0; t < p.lengths[b]; ++t) {
        auto& entry = table[b * row + static_cast<std::size_t>(t / p.block_tokens)];
        if (t % p.block_tokens == 0) entry = order[taken++];
        slots.push_back(static_cast<std::int64_t>(entry) * p.block_tokens + t % p.block_tokens);
      }
    }
    return table;
  }

  Problem p;
  Request request;
  std::size_t width = 0;
  std::vector<bf16> q, k, v;
  std::vector<double> seen_k, seen_v;
  machine::DeviceArray d_scales, d_cache, d_q, d_k, d_v, d_slots, d_table, d_lengths, d_out, d_work;
};

// One output row in double, and its bound in `scale`. With u = 2^-22 for the tensor cores' sums
// (f32 that may truncate) and exp2: a score is off by e <= dot_bound(D, u) scale sum |q k| (and the
// largest by as much), a probability relatively by 2 e + 4 u, and by r more where it was rounded:
// 2^-8 to bf16; 2^-11 to f16, whose smallest steps of 2^-24 add 2^-25 absolutely to it and to the
// elements of q. The sum over n tokens adds dot_bound(n, u); rounding the output, 2^-8 of it.
void reference_row(const Decode& s, std::size_t first, int tokens, const bf16* q, int head,
                   double* value, double* scale) {
  const int size = s.p.head_size;
  const bool narrow = s.p.type == CacheType::kE4m3;
  const double u = 0x1p-22, factor = 1.0 / std::sqrt(static_cast<double>(size));
  std::vector<double> p(static_cast<std::size_t>(std::max(tokens, 0)));
  double most = -INFINITY, sum = 0.0, terms = 0.0;
  const auto row = [&](const std::vector<double>& from, std::size_t j) {
    return from.data() + (first + j) * s.width + static_cast<std::size_t>(head * size);
  };
  for (std::size_t j = 0; j < p.size(); ++j) {
    double magnitude = 0.0;
    for (int d = 0; d < size; ++d) {
      const double k = row(s.seen_k, j)[d];
      p[j] += factor * float(q[d]) * k;
      magnitude += factor * std::fabs(k) *
                   (std::fabs(float(q[d])) * dot_bound(size, u) + (narrow ? 0x1p-25 : 0.0));
    }
    most = std::max(most, p[j]);
    terms = std::max(terms, magnitude);
  }
  for (double& x : p) sum += x = std::exp(x - most);
  const double relative = (narrow ? 0x1p-11 : 0x1p-8) + 4.0 * terms + 8.0 * u +
                          2.0 * dot_bound(static_cast<double>(p.size()), u);
  for (int d = 0; d < size; ++d) {
    double x = 0.0, magnitude = 0.0, plain = 0.0;
    for (std::size_t j = 0; j < p.size(); ++j) {
      const double v = row(s.seen_v, j)[d];
      x += p[j] / sum * v;
      magnitude += p[j] / sum * std::fabs(v);
      plain += std::fabs(v) / sum;
    }
    value[d] = x;
    scale[d] = relative * magnitude + (narrow ? 0x1p-25 * plain : 0.0) + 0x1p-8 * std::fabs(x);
  }
}

Comparison check_against_reference(const Decode& s, const std::vector<bf16>& got) {
  std::vector<double> value(s.q.size()), scale(s.q.size());
  std::size_t first = 0;
  const auto size = static_cast<std::size_t>(s.p.head_size);
  for (std::size_t b = 0; b < s.p.lengths.size(); ++b) {
    for (int t = 0; t < s.p.q_tokens; ++t) {
      for (int h = 0; h < s.request.heads; ++h) {
        const std::size_t at =
            ((b * static_cast<std::size_t>(s.p.q_tokens) + static_cast<std::size_t>(t)) *
                 static_cast<std::size_t>(s.request.heads) +
             static_cast<std::size_t>(h)) *
            size;
        reference_row(s, first, s.p.lengths[b] - (s.p.q_tokens - 1 - t), s.q.data() + at,
                      h / s.p.group, value.data() + at, scale.data() + at);
      }
    }
    first += static_cast<std::size_t>(s.p.lengths[b]);
  }
  // Rounding errors are at most half of their bounds in the root mean square.
  return compare(got.data(), DType::kBF16, value.size(), {value, scale}, {1.0, 0.0, 0.5});
}

std::vector<bf16> attended(const Decode& s, const Variant& variant) {
  variant.attend(s.request);
  machine::device_wait();
  std::vector<bf16> got(s.q.size() + 32);
  s.d_out.download(got.data(), got.size() * 2);
  for (std::size_t i = s.q.size(); i < got.size(); ++i) EXPECT_EQ(got[i].bits, 0xffff);
  return got;
}

void check_problem(const Problem& problem) {
  const Decode s(problem);
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.why_not(s.request, machine::cuda_device()).empty()) continue;
    ++ran;
    const std::vector<bf16> got = attended(s, variant);
    const Comparison result = check_against_reference(s, got);
    EXPECT_TRUE(result.ok()) << variant.name << " D " << problem.head_size << " group "
                             << problem.group << " q " << problem.q_tokens << " block "
                             << problem.block_tokens << " batch " << problem.lengths.size() << ": "
                             << describe(result) << " rms " << result.rms_in_bounds;
  }
  EXPECT_EQ(ran, 1);
}

#define AISP_NEEDS_DEVICE() \
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not

TEST(DecodeAttentionCuda, GroupsQueryTokensAndBlockSizes) {
  AISP_NEEDS_DEVICE();
  for (const int head_size : {64, 128}) {
    for (const int group : {1, 3, 4, 8}) {
      for (const int q_tokens : {1, 2, 5, 8}) {
        for (const int block_tokens : {16, 64}) {
          check_problem({head_size, 2, group, q_tokens, block_tokens, {0, 1, 17, 70, 130, 0, 8}});
        }
      }
    }
  }
}

TEST(DecodeAttentionCuda, EightBitCache) {
  AISP_NEEDS_DEVICE();
  if (const std::string reason = machine::cuda_device().needs_hopper(); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
  for (const int head_size : {64, 128}) {
    for (const int group : {1, 4, 8}) {
      for (const int q_tokens : {1, 3, 8}) {
        check_problem({head_size, 3, group, q_tokens, 16, {0, 1, 17, 70, 130}, CacheType::kE4m3});
      }
    }
    check_problem({head_size, 2, 8, 1, 64, {20000, 63, 65}, CacheType::kE4m3});
  }
}

TEST(DecodeAttentionCuda, LengthsAroundTilesAndBlocks) {
  AISP_NEEDS_DEVICE();
  for (const int block_tokens : {16, 32, 64}) {
    check_problem({128, 1, 4, 1, block_tokens, {15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129}});
    check_problem({64, 3, 1, 3, block_tokens, {1, 2, 3, 15, 16, 17, 18, 63, 64, 65, 66}});
  }
}

TEST(DecodeAttentionCuda, LongSequencesAreCutAndPutTogether) {
  AISP_NEEDS_DEVICE();
  check_problem({128, 1, 8, 1, 16, {20000}});
  check_problem({64, 2, 1, 4, 32, {9001, 0, 3, 5000}});
  check_problem({128, 2, 8, 8, 64, {4099, 1}});
}

TEST(DecodeAttentionCuda, ManySequencesOfUnequalLength) {
  AISP_NEEDS_DEVICE();
  Problem problem{128, 2, 2, 1, 16, {}};
  Rng rng(5);
  for (int b = 0; b < 300; ++b) problem.lengths.push_back(static_cast<int>(rng.below(200)));
  problem.lengths[17] = 3000;
  check_problem(problem);
}

TEST(DecodeAttentionCuda, RepeatsBitForBitAndLeavesItsCountersAtZero) {
  AISP_NEEDS_DEVICE();
  const Decode s({128, 2, 4, 1, 16, {3000, 5, 900}});
  const std::vector<bf16> first = attended(s, variants()[0]);
  for (int i = 0; i < 5; ++i) {
    const std::vector<bf16> again = attended(s, variants()[0]);
    EXPECT_TRUE(std::equal(first.begin(), first.end(), again.begin(),
                           [](bf16 a, bf16 b) { return a.bits == b.bits; }));
  }
  std::vector<std::int32_t> counters(6);
  s.d_work.download(counters.data(), counters.size() * 4);
  EXPECT_EQ(counters, std::vector<std::int32_t>(6, 0));
}

TEST(DecodeAttentionCuda, LargeScoresDoNotOverflow) {
  AISP_NEEDS_DEVICE();
  Decode s({64, 1, 1, 1, 16, {3}});
  std::vector<bf16> q(64, bf16(0.0F)), k(192, bf16(0.0F)), v(192, bf16(0.0F));
  q[0] = bf16(1e18F);
  const float scores[3] = {-3e18F, 3e18F, 2.9e18F};
  for (std::size_t j = 0; j < 3; ++j) {
    k[64 * j] = bf16(scores[j]);
    v[64 * j] = bf16(static_cast<float>(j + 1));
  }
  s.d_q.upload(q.data(), q.size() * 2);
  s.d_k.upload(k.data(), k.size() * 2);
  s.d_v.upload(v.data(), v.size() * 2);
  append({s.request.cache, s.d_k.as<bf16>(), s.d_v.as<bf16>(), 0, 0, s.d_slots.as<std::int64_t>(),
          3, nullptr});
  EXPECT_EQ(float(attended(s, variants()[0])[0]), 2.0F);
}

TEST(DecodeAttentionCuda, AppendWritesItsRowsAlone) {
  AISP_NEEDS_DEVICE();
  PagedCache cache{nullptr, 3, 2, 16, 64};
  machine::DeviceArray memory(cache_bytes(cache));
  memory.fill(0xff);
  cache.data = memory.as<bf16>();
  const std::vector<bf16> k = random_bf16(4 * 200, 1), v = random_bf16(4 * 136, 2);  // strided rows
  const std::vector<std::int64_t> slots = {5, -1, 47, 16};
  const machine::DeviceArray d_k{std::span<const bf16>(k)}, d_v{std::span<const bf16>(v)},
      d_slots{std::span<const std::int64_t>(slots)};
  append({cache, d_k.as<bf16>(), d_v.as<bf16>(), 200, 136, d_slots.as<std::int64_t>(), 4, nullptr});
  machine::device_wait();
  std::vector<bf16> want(cache_bytes(cache) / 2);
  for (bf16& x : want) x.bits = 0xffff;
  for (const std::size_t t : {std::size_t{0}, std::size_t{2}, std::size_t{3}}) {
    for (int h = 0; h < 2; ++h) {
      for (std::size_t d = 0; d < 64; ++d) {
        const std::int64_t block = slots[t] / 16;
        const int token = static_cast<int>(slots[t] % 16);
        const std::size_t column = static_cast<std::size_t>(h) * 64 + d;
        want[static_cast<std::size_t>(cache_offset(cache, block, h, CachePart::kK, token)) + d] =
            k[t * 200 + column];
        want[static_cast<std::size_t>(cache_offset(cache, block, h, CachePart::kV, token)) + d] =
            v[t * 136 + column];
      }
    }
  }
  const std::vector<bf16> got = memory.host<bf16>();
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_EQ(got[i].bits, want[i].bits) << i;
}

TEST(DecodeAttentionDevice, ChoosesByShapeAndRefusesInWords) {
  const machine::CudaDevice h200 = machine::described_h200();
  Request request;
  request.cache = {nullptr, 100, 8, 16, 128};
  request.batch = 4;
  request.heads = 64;
  EXPECT_EQ(why_not(request, h200), "");
  EXPECT_EQ(choose_config(request, h200).row_tiles, 1);
  EXPECT_EQ(choose_config(request, h200).blocks, 264);
  request.q_tokens = 6;  // 48 rows: three tiles take the kernel for four
  EXPECT_EQ(choose_config(request, h200).row_tiles, 4);
  machine::CudaDevice small = h200;  // an sm_86: 100 KiB
  small.shared_bytes_per_multiprocessor = 100 << 10;
  EXPECT_EQ(choose_config(request, small).blocks_per_multiprocessor, 1);
  EXPECT_GT(workspace_bytes(request, choose_config(request, h200)), 528u * 48 * 130 * 4);
  request.q_tokens = 9;
  EXPECT_NE(why_not(request, h200), "");
  request.q_tokens = 1;
  request.heads = 12;
  EXPECT_NE(why_not(request, h200), "");
  request.heads = 64;
  request.cache.block_tokens = 24;
  EXPECT_NE(why_not(request, h200), "");
  request.cache.block_tokens = 16;
  request.cache.head_size = 96;
  EXPECT_NE(why_not(request, h200), "");
  request.cache.head_size = 64;
  request.batch = 2000;
  EXPECT_NE(why_not(request, h200), "");
  request.batch = 4;
  request.cache.type = CacheType::kE4m3;
  EXPECT_EQ(why_not(request, h200), "");
  machine::CudaDevice ada = h200;
  ada.major = 8;
  ada.minor = 9;
  EXPECT_NE(why_not(request, ada), "");
  machine::CudaDevice turing = h200;
  turing.major = 7;
  EXPECT_NE(why_not(request, turing), "");
}

}  // namespace
}  // namespace aisp::kernels::decode_attention_cuda
