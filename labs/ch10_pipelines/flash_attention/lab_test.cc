// Properties of attention beyond equality with the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

bench::Lab describe();

namespace {

struct Tensors {
  std::vector<float> q, k, v;
};

std::vector<float> attend(const bench::Technique& technique, const Shape& s, Tensors t) {
  std::vector<float> o(t.q.size());
  bench::Io::Buffer in[3] = {{t.q.data(), t.q.size() * 4, DType::kF32, nullptr},
                             {t.k.data(), t.k.size() * 4, DType::kF32, nullptr},
                             {t.v.data(), t.v.size() * 4, DType::kF32, nullptr}};
  bench::Io::Buffer out = {o.data(), o.size() * 4, DType::kF32, nullptr};
  technique
      .plan({{"heads", s.heads},
             {"kv_heads", s.kv_heads},
             {"queries", s.queries},
             {"keys", s.keys},
             {"D", s.D},
             {"causal", s.causal ? 1 : 0}})
      ->run(bench::Io(in, {&out, 1}), 1);
  return o;
}

Tensors random_tensors(const Shape& s) {
  Tensors t = {std::vector<float>(static_cast<std::size_t>(s.heads * s.queries * s.D)),
               std::vector<float>(static_cast<std::size_t>(s.kv_heads * s.keys * s.D)),
               std::vector<float>(static_cast<std::size_t>(s.kv_heads * s.keys * s.D))};
  fill_normal(t.q, 1);
  fill_normal(t.k, 2);
  fill_normal(t.v, 3);
  return t;
}

std::vector<bench::Technique> techniques_here() {
  std::vector<bench::Technique> here;
  for (const bench::Technique& one : describe().techniques) {
    if (one.device != bench::Device::kCpu) continue;
    if (!one.needs || one.needs(machine::cpu()).empty()) here.push_back(one);
  }
  return here;
}

TEST(FlashAttention, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(FlashAttentionCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(FlashAttention, TheFutureChangesNothing) {
  const Shape s = {1, 1, 150, 150, 32};
  const Tensors t = random_tensors(s);
  for (const bench::Technique& technique : techniques_here()) {
    const auto whole = attend(technique, s, t);
    for (const std::int64_t seen : {1, 64, 100}) {
      Tensors changed = t;
      for (auto i = static_cast<std::size_t>(seen * s.D); i < changed.k.size(); ++i) {
        changed.k[i] = 50.0f;
        changed.v[i] = -7.0f;
      }
      const auto other = attend(technique, s, changed);
      const auto until = static_cast<std::ptrdiff_t>(seen * s.D);
      EXPECT_TRUE(std::equal(whole.begin(), whole.begin() + until, other.begin()))
          << technique.name << " " << seen;
    }
  }
}

TEST(FlashAttention, FirstTokenSeesOnlyItself) {
  const Shape s = {2, 1, 40, 40, 24};
  const Tensors t = random_tensors(s);
  for (const bench::Technique& technique : techniques_here()) {
    const auto o = attend(technique, s, t);
    for (std::size_t d = 0; d < 24; ++d) {
      EXPECT_EQ(o[d], t.v[d]) << technique.name;
      EXPECT_EQ(o[40 * 24 + d], t.v[d]) << technique.name;
    }
  }
}

/// Scores of +-10,000: only the running maximum keeps the exponentials in range, and most keys
/// of a later block raise it.
TEST(FlashAttention, HugeScoresStayFinite) {
  const Shape s = {1, 1, 200, 200, 16};
  Tensors t = random_tensors(s);
  for (std::size_t i = 0; i < t.k.size(); ++i) {
    t.q[i] = 10.0f;
    t.k[i] = (i / 16) % 67 == 66 ? 250.0f + static_cast<float>(i / 16) : -250.0f;
  }
  for (const bench::Technique& technique : techniques_here()) {
    const auto o = attend(technique, s, t);
    for (std::size_t query = 66; query < 200; ++query) {
      const std::size_t strongest = (query + 1) / 67 * 67 - 1;
      for (std::size_t d = 0; d < 16; ++d) {
        EXPECT_EQ(o[query * 16 + d], t.v[strongest * 16 + d]) << technique.name << " " << query;
      }
    }
  }
}

TEST(FlashAttention, LowerPrecisionInputsFail) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : {lab.cases[0].smoke, lab.cases[1].smoke, lab.cases[3].smoke}) {
    for (const int dropped_bits : {13, 16}) {  // tf32, bf16
      bench::Technique rounded = {
          .name = "rounded", .plan = [=](const bench::Params& params) {
            return bench::plan_of([=](const bench::Io& io) {
              Tensors t;
              const auto round = [&](std::span<const float> from, std::vector<float>& to) {
                for (const float value : from) {
                  const auto bits =
                      std::bit_cast<std::uint32_t>(value) + (1u << (dropped_bits - 1));
                  to.push_back(std::bit_cast<float>(bits >> dropped_bits << dropped_bits));
                }
              };
              round(io.in<float>(0), t.q);
              round(io.in<float>(1), t.k);
              round(io.in<float>(2), t.v);
              const auto o = attend(tiled_online(), shape_of(params), t);
              std::copy(o.begin(), o.end(), io.out<float>(0).begin());
            });
          }};
      EXPECT_NE(bench::run_and_check(lab, size, rounded, 5), "") << dropped_bits;
    }
  }
}

TEST(FlashAttention, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(tiled_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(tiled_avx512().needs(bare), "needs AVX-512");
  EXPECT_EQ(tiled_simd_threads().needs(bare), "needs 2 cores");
}

}  // namespace
}  // namespace aisp::labs::ch10::flash_attention
