// Quantised weights: packing (no GPU needed) against the layout's description, then every format
// and shape on the device against the formula in double over the plain weights.
#include "kernels/gemv_quantized_cuda/cuda.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "kernels/gemm_skinny_cuda/test_problem.h"
#include "kernels/gemv_quantized_cuda/device_run.h"

#define NEEDS_DEVICE                                \
  if (!machine::cuda_device().why_not.empty()) {    \
    GTEST_SKIP() << machine::cuda_device().why_not; \
  }

namespace aisp::kernels::gemv_quantized_cuda {
namespace {

using gemm_skinny_cuda::compare_with;
using gemm_skinny_cuda::Expected;
using gemm_skinny_cuda::expected;
using gemm_skinny_cuda::normal_bf16;
using gemm_skinny_cuda::TestProblem;
using gemm_skinny_cuda::value;
using machine::DeviceArray;

constexpr Format kFormats[] = {Format::kInt8Channel,       Format::kInt8Group128,
                               Format::kInt8Group32,       Format::kInt4Group128,
                               Format::kInt4Group128Zeros, Format::kInt4Group32};

// Plain weights of a format with all values of q, and what they mean.
struct Weights {
  std::vector<std::uint8_t> q, zeros;
  std::vector<float> scales;
  Plain plain;
  std::vector<double> w, size;  // size: |w|, and 136 steps for 4 bits (the contract's bound)
};

Weights make_weights(Format format, std::int64_t n, std::int64_t k, bool gated) {
  const FormatFacts is = facts(format);
  const std::int64_t group = is.group > 0 ? is.group : k, groups = k / group;
  Weights out;
  Rng rng(7);
  out.q.resize(static_cast<std::size_t>(n * k * is.bits / 8));
  for (auto& byte : out.q) byte = static_cast<std::uint8_t>(rng.next());
  out.scales.resize(static_cast<std::size_t>(n * groups));
  fill_uniform(out.scales, 8, 0.001F, 0.01F);
  // Every other scale is negative: formats allow it.
  for (std::size_t i = 0; i < out.scales.size(); i += 2) out.scales[i] = -out.scales[i];
  if (is.zeros) {
    for (std::size_t i = 0; i < out.scales.size(); ++i) {
      out.zeros.push_back(static_cast<std::uint8_t>(rng.below(16)));
    }
  }
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t at = 0; at < k; ++at) {
      const auto index = static_cast<std::size_t>(row * k + at);
      const auto where = static_cast<std::size_t>(row * groups + at / group);
      const int zero = is.bits == 8 ? 0 : is.zeros ? out.zeros[where] : 8;
      const int q = is.bits == 8 ? static_cast<std::int8_t>(out.q[index])
                                 : out.q[index / 2] >> (4 * (at % 2)) & 15;
      const double scale = half_value(half_bits(out.scales[where]));
      out.w.push_back((q - zero) * scale);
      out.size.push_back(std::fabs(out.w.back()) + (is.bits == 4 ? 136 * std::fabs(scale) : 0.0));
    }
  }
  out.plain = {
      .n = n, .k = k, .q = out.q, .scales = out.scales, .zeros = out.zeros, .gate_and_up = gated};
  return out;
}

TEST(GemvQuantized, HalfRoundsToNearestEven) {
  EXPECT_EQ(half_bits(1.0F), 0x3c00);
  EXPECT_EQ(half_bits(-2.0F), 0xc000);
  EXPECT_EQ(half_bits(65504.0F), 0x7bff);
  EXPECT_EQ(half_bits(65520.0F), 0x7c00);
  EXPECT_EQ(half_bits(1.0F + 0x1p-11F), 0x3c00);
  EXPECT_EQ(half_bits(1.0F + 3 * 0x1p-11F), 0x3c02);
  EXPECT_EQ(half_bits(0x1p-24F), 0x0001);
  EXPECT_EQ(half_bits(0x1p-25F), 0x0000);
  EXPECT_EQ(half_bits(0x1p-14F), 0x0400);
  EXPECT_EQ(half_bits(0x1.ffep-15F), 0x0400);
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const float wide = half_value(static_cast<std::uint16_t>(bits));
    ASSERT_TRUE(std::isnan(wide) || half_bits(wide) == bits) << bits;
  }
}

// Every plain element is found where pack.h says, read the way the kernels read it.
TEST(GemvQuantized, PackedElementsLieWhereTheLayoutSays) {
  constexpr std::int64_t kN = 84, kK = 384;
  for (const Format format : kFormats) {
    const FormatFacts is = facts(format);
    const Weights weights = make_weights(format, kN, kK, false);
    const std::vector<std::uint8_t> packed = pack(format, weights.plain);
    const std::int64_t groups = is.group > 0 ? 128 / is.group : 0, tile_bytes = 256 * is.bits;
    const std::int64_t unit_bytes = 4 * tile_bytes + groups * 64 * (is.zeros ? 3 : 2);
    ASSERT_EQ(static_cast<std::int64_t>(packed.size()), packed_bytes(format, kN, kK));
    ASSERT_EQ(static_cast<std::int64_t>(packed.size()),
              2 * 3 * unit_bytes + (is.group > 0 ? 0 : 2 * kN));
    for (std::int64_t row = 0; row < kN; ++row) {
      for (std::int64_t at = 0; at < kK; ++at) {
        const std::int64_t j = at % 128 / 32, e = at % 8, half = row % 16 / 8;
        const std::uint8_t* unit = packed.data() + (row / 64 * 3 + at / 128) * unit_bytes;
        const std::uint8_t* lane =
            unit + row % 64 / 16 * tile_bytes + (row % 8 * 4 + at % 32 / 8) * 16;
        const std::int64_t word_at = is.bits == 8 ? j * 512 + e / 4 * 8 : j / 2 * 512 + j % 2 * 8;
        std::uint32_t word = 0;
        std::memcpy(&word, lane + word_at + 4 * half, 4);
        // k 0 and 1 are in the low and the high half of the word, 2 and 3 above them, ...
        const std::uint32_t field = word >> (e % 2 * 16 + (is.bits == 8 ? e % 4 : e) / 2 * is.bits);
        const double q = is.bits == 8 ? static_cast<double>(static_cast<std::int8_t>(field & 0xff))
                                      : static_cast<double>(field & 15);
        double zero = is.bits == 8 ? 0.0 : 8.0;
        const std::uint8_t* scale_at = packed.data() + 6 * unit_bytes + 2 * row;
        if (is.group > 0) {
          const std::int64_t index =
              at % 128 / is.group * 64 + row % 64 / 16 * 16 + 2 * (row % 8) + half;
          scale_at = unit + 4 * tile_bytes + 2 * index;
          if (is.zeros) zero = unit[4 * tile_bytes + groups * 128 + index];
        }
        std::uint16_t scale = 0;
        std::memcpy(&scale, scale_at, 2);
        ASSERT_EQ((q - zero) * half_value(scale),
                  weights.w[static_cast<std::size_t>(row * kK + at)])
            << is.name << " " << row << " " << at;
      }
    }
  }
}

// Blocks of a file hold the same weights as the plain arrays.
TEST(GemvQuantized, GgufBlocksPackLikePlainWeights) {
  constexpr std::int64_t kN = 32, kK = 160;
  for (const Format format : {Format::kInt8Group32, Format::kInt4Group32}) {
    for (const bool gated : {false, true}) {
      const FormatFacts is = facts(format);
      const Weights weights = make_weights(format, kN, kK, gated);
      std::vector<std::uint8_t> blocks;
      for (std::int64_t at = 0; at < kN * kK; at += 32) {
        const std::uint16_t scale = half_bits(weights.scales[static_cast<std::size_t>(at / 32)]);
        blocks.push_back(static_cast<std::uint8_t>(scale & 0xff));
        blocks.push_back(static_cast<std::uint8_t>(scale >> 8));
        const auto q = [&](std::int64_t i) -> unsigned {
          const auto index = static_cast<std::size_t>(at + i);
          return is.bits == 8 ? weights.q[index] : weights.q[index / 2] >> (4 * (i % 2)) & 15U;
        };
        for (std::int64_t i = 0; i < 4 * is.bits; ++i) {
          blocks.push_back(static_cast<std::uint8_t>(is.bits == 8 ? q(i) : q(i) | q(i + 16) << 4));
        }
      }
      EXPECT_EQ(pack(format, weights.plain), pack_gguf(format, kN, kK, blocks, gated));
      blocks.pop_back();
      EXPECT_THROW(pack_gguf(format, kN, kK, blocks, gated), Error);
    }
  }
  EXPECT_THROW(pack_gguf(Format::kInt8Group128, 16, 128, {}), Error);
}

TEST(GemvQuantized, PackingRefusesWhatDoesNotFit) {
  const auto refused = [](Format format, auto change) {
    Weights weights = make_weights(format, 16, 256, false);
    change(weights);
    EXPECT_THROW(pack(format, weights.plain), Error);
  };
  refused(Format::kInt8Channel, [](Weights& w) { w.plain.k = 255; });
  refused(Format::kInt4Group128, [](Weights& w) { w.plain.k = 192; });
  refused(Format::kInt8Group128, [](Weights& w) { w.plain.n = 17; });
  refused(Format::kInt8Group128, [](Weights& w) { w.plain.n = 0; });
  refused(Format::kInt4Group128Zeros, [](Weights& w) { w.plain.zeros = {}; });
  refused(Format::kInt4Group128Zeros, [](Weights& w) { w.zeros[3] = 16; });
  refused(Format::kInt4Group32, [](Weights& w) { w.scales[5] = 1e6F; });
  refused(Format::kInt4Group32, [](Weights& w) { w.scales[5] = NAN; });
  Weights weights = make_weights(Format::kInt8Channel, 24, 64, true);
  EXPECT_THROW(pack(Format::kInt8Channel, weights.plain), Error);
}

TEST(GemvQuantized, ChoiceFollowsShapeAndDevice) {
  const machine::CudaDevice device = machine::described_h200();
  for (const Format format : kFormats) {
    for (const std::int64_t m : {1, 8, 9, 16}) {
      for (const std::int64_t n : {1, 1024, 28672}) {
        const Shape shape{m, n, 8192};
        const Config config = choose_config(shape, format, device);
        EXPECT_EQ(config.variant, "bulk");
        EXPECT_EQ(config.token_tiles, m <= 8 ? 1 : 2);
        EXPECT_GE(config.blocks, 1);
        EXPECT_LE(8 * config.blocks * config.tile_rows * config.token_tiles * 8,
                  static_cast<std::int64_t>(workspace_bytes(device)));
      }
    }
  }
  EXPECT_EQ(choose_config({8, 28672, 8192}, Format::kInt4Group128, device).tile_rows, 256);
  EXPECT_EQ(choose_config({8, 8192, 8192}, Format::kInt4Group128, device).tile_rows, 64);
  EXPECT_EQ(choose_config({8, 28672, 8192}, Format::kInt8Channel, device).tile_rows, 64);
  EXPECT_EQ(choose_config({1, 16, 128}, Format::kInt8Channel, device).blocks, 1);
  EXPECT_EQ(choose_config({1, 16, 200}, Format::kInt8Channel, device).variant, "stream");
  machine::CudaDevice ampere = device;
  ampere.major = 8;
  EXPECT_EQ(choose_config({1, 16, 128}, Format::kInt8Channel, ampere).variant, "stream");
}

struct Case {
  std::int64_t m, n, k;
  bool bias = false, residual = false, gated = false;
};

// Runs one configuration twice; the second time over what the first left in the workspace.
void expect_right_with(const Variant& variant, const Config& config, const Request& request,
                       const Expected& want, DeviceArray& out, std::size_t guard) {
  std::vector<bf16> first;
  for (int time = 0; time < 2; ++time) {
    out.fill(0xff);
    variant.run(request, config);
    machine::device_wait();
    std::vector<bf16> got = out.host<bf16>();
    for (std::size_t i = got.size() - guard; i < got.size(); ++i) EXPECT_EQ(got[i].bits, 0xffff);
    got.resize(want.value.size());
    const Comparison result = compare_with(want, got);
    EXPECT_TRUE(result.ok()) << variant.name << " " << facts(request.format).name << " "
                             << request.shape.m << "x" << request.shape.n << "x" << request.shape.k
                             << " blocks " << config.blocks << ": " << describe(result);
    if (time == 0) first = got;
    EXPECT_EQ(std::memcmp(first.data(), got.data(), 2 * got.size()), 0);  // the same bits again
  }
}

void expect_right(Format format, const Case& c, bool special = false) {
  TestProblem problem{.m = c.m, .n = c.n, .k = c.k, .gated = c.gated};
  problem.a = normal_bf16(c.m * c.k, 1, 1.0F);
  if (special) {
    // With 4 bits an infinity meets the minus infinity that the offset takes away: NaN.
    problem.a[0] = bf16(facts(format).bits == 4 ? NAN : std::numeric_limits<float>::infinity());
    problem.a[static_cast<std::size_t>(c.m * c.k - 1)] = bf16(NAN);
  }
  if (c.bias) problem.bias = normal_bf16(c.n, 3, 1.0F);
  if (c.residual) problem.residual = normal_bf16(c.m * problem.columns(), 4, 1.0F);
  const Weights weights = make_weights(format, c.n, c.k, c.gated);
  problem.w = weights.w;
  problem.size = weights.size;
  const Expected want = expected(problem);
  const std::vector<std::uint8_t> packed = pack(format, weights.plain);
  const DeviceArray a{std::span<const bf16>(problem.a)}, bias{std::span<const bf16>(problem.bias)},
      residual{std::span<const bf16>(problem.residual)}, q{std::span<const std::uint8_t>(packed)};
  const Shape shape{c.m, c.n, c.k};
  constexpr std::size_t kGuard = 64;
  DeviceArray out(2 * (want.value.size() + kGuard));
  DeviceArray workspace(workspace_bytes(machine::cuda_device()));
  workspace.fill(0);
  const Request request{.shape = shape,
                        .format = format,
                        .a = a.as<bf16>(),
                        .weights = q.as(),
                        .c = out.as<bf16>(),
                        .bias = c.bias ? bias.as<bf16>() : nullptr,
                        .residual = c.residual ? residual.as<bf16>() : nullptr,
                        .activation = c.gated ? Activation::kSwiGlu : Activation::kNone,
                        .workspace = workspace.as()};
  for (const Variant& variant : variants()) {
    if (!variant.why_not(machine::cuda_device()).empty() || c.k % variant.step_k != 0) continue;
    const Config config = choose_config(shape, format, machine::cuda_device(), variant.name);
    for (const int blocks : {config.blocks, 1, 3, 11}) {
      if (blocks > config.blocks) continue;
      Config now = config;
      now.blocks = blocks;
      expect_right_with(variant, now, request, want, out, kGuard);
      if (variant.name != "bulk" || facts(format).bits != 4) continue;
      now.tile_rows = kWideRowWarps * kUnitRows;
      now.blocks = split_of(shape, now).blocks;
      expect_right_with(variant, now, request, want, out, kGuard);
    }
  }
}

TEST(GemvQuantizedCuda, EveryFormatAndRaggedShapes) {
  NEEDS_DEVICE;
  for (const Format format : kFormats) {
    for (const Case& c : {Case{1, 1, 128}, Case{1, 64, 256}, Case{8, 100, 384}, Case{3, 33, 1152},
                          Case{7, 200, 640}, Case{9, 65, 512}, Case{16, 300, 896}}) {
      expect_right(format, c);
    }
  }
  // Groups of 32 and whole rows end anywhere in a unit of 128.
  expect_right(Format::kInt8Channel, {5, 50, 8});
  expect_right(Format::kInt8Channel, {5, 50, 200});
  expect_right(Format::kInt8Group32, {5, 50, 32});
  expect_right(Format::kInt4Group32, {5, 50, 352});
}

TEST(GemvQuantizedCuda, LongSums) {
  NEEDS_DEVICE;
  for (const Format format : kFormats) expect_right(format, {8, 96, 14336});
  expect_right(Format::kInt4Group128, {16, 1024, 2048});
}

TEST(GemvQuantizedCuda, Epilogues) {
  NEEDS_DEVICE;
  for (const Format format : kFormats) {
    expect_right(format, {4, 70, 256, true, false, false});
    expect_right(format, {4, 70, 256, false, true, false});
    expect_right(format, {8, 96, 512, false, false, true});
    expect_right(format, {11, 272, 384, true, true, true});
  }
}

TEST(GemvQuantizedCuda, SpecialValues) {
  NEEDS_DEVICE;
  for (const Format format : kFormats) expect_right(format, {3, 80, 256}, true);
}

TEST(GemvQuantizedCuda, RefusesWhatItCannotTake) {
  NEEDS_DEVICE;
  const DeviceArray memory(1 << 20);
  const Request right{.shape = {8, 32, 128},
                      .format = Format::kInt4Group128,
                      .a = memory.as<bf16>(),
                      .weights = memory.as(),
                      .c = memory.as<bf16>(),
                      .workspace = memory.as()};
  const auto refused = [&](auto change) {
    Request request = right;
    change(request);
    EXPECT_THROW(run(request), Error);
  };
  refused([](Request& r) { r.shape.m = 0; });
  refused([](Request& r) { r.shape.m = 17; });
  refused([](Request& r) { r.shape.n = 0; });
  refused([](Request& r) { r.shape.k = 64; });
  refused([](Request& r) { r.shape.n = 24, r.activation = Activation::kSwiGlu; });
  refused([](Request& r) { r.a += 1; });
  refused([](Request& r) { r.weights = nullptr; });
  refused([](Request& r) { r.workspace = nullptr; });
}

}  // namespace
}  // namespace aisp::kernels::gemv_quantized_cuda
