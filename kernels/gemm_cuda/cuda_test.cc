// Every variant, tile, input, output and epilogue against a sum in double, element by element:
// ragged shapes, gaps between rows, several waves of tiles, special values; and the choice of
// tiles.
//
// The bound of each element follows the hardware's way to sum: `step` products and the sum so far
// are aligned to the largest of them and cut below u of it, so a step loses at most (step + 1) u
// times the largest magnitude in it. e4m3: u = 2^-13 (measured by others: 13 fraction bits), 32 a
// step; bf16: u = 2^-23, 16 a step. A promoted sum restarts every 128 products and rounds in f32.
#include "kernels/gemm_cuda/cuda.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"

namespace aisp::kernels::gemm_cuda {
namespace {

using machine::DeviceArray;

double of_e4m3(std::uint8_t bits) {
  const int exponent = bits >> 3 & 15, fraction = bits & 7;
  if (exponent == 15 && fraction == 7) return std::numeric_limits<double>::quiet_NaN();
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return bits & 128 ? -magnitude : magnitude;
}

/// A matrix on the host as doubles and on the device as `Input` says, NaN between its rows.
struct Matrix {
  std::int64_t rows = 0, cols = 0, stride = 0;
  std::vector<double> value;
  DeviceArray device;

  void make(Input type, std::int64_t r, std::int64_t c, std::int64_t gap, std::uint64_t seed,
            const std::vector<std::pair<std::int64_t, float>>& planted) {
    rows = r, cols = c, stride = c + gap;
    value.resize(static_cast<std::size_t>(rows * cols));
    const auto bytes = static_cast<std::size_t>(rows * stride) * (type == Input::kBF16 ? 2 : 1);
    std::vector<std::uint8_t> raw(bytes, type == Input::kBF16 ? 0xff : 0x7f);
    Rng rng(seed);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        put(type, raw, i, j, static_cast<float>(rng.normal()), rng);
      }
    }
    for (const auto& [at, x] : planted) put(type, raw, at / cols, at % cols, x, rng);
    device = DeviceArray(std::span<const std::uint8_t>(raw));
  }

 private:
  void put(Input type, std::vector<std::uint8_t>& raw, std::int64_t i, std::int64_t j, float x,
           Rng& rng) {
    const auto at = static_cast<std::size_t>(i * stride + j);
    double& wide = value[static_cast<std::size_t>(i * cols + j)];
    if (type == Input::kBF16) {
      const bf16 narrow(x);
      reinterpret_cast<bf16*>(raw.data())[at] = narrow;
      wide = static_cast<double>(static_cast<float>(narrow));
    } else {
      // Any finite e4m3 up to 30: all exponents below, so that alignment has work to do.
      auto bits = static_cast<std::uint8_t>(rng.below(0x60) | (rng.below(2) << 7));
      if (std::isnan(x)) bits = 0x7f;
      raw[at] = bits;
      wide = of_e4m3(bits);
    }
  }
};

struct Sums {
  double value = 0.0, bound = 0.0;
};

Sums dot(const Matrix& a, std::int64_t m, const Matrix& b, std::int64_t n, int step, double u,
         int restart) {
  Sums all;
  double partial = 0.0;
  const double* x = &a.value[static_cast<std::size_t>(m * a.cols)];
  const double* y = &b.value[static_cast<std::size_t>(n * b.cols)];
  for (std::int64_t k = 0; k < a.cols; k += step) {
    if (restart > 0 && k % restart == 0) partial = 0.0;
    double largest = std::abs(partial);
    for (std::int64_t i = k; i < std::min(a.cols, k + step); ++i) {
      const double product = x[i] * y[i];
      largest = std::max(largest, std::abs(product));
      partial += product;
      all.value += product;
    }
    largest = std::max(largest, std::abs(partial));
    all.bound += (step + 1) * u * largest + (restart > 0 ? 0x1p-23 * std::abs(all.value) : 0.0);
  }
  return all;
}

/// What a test varies. Sizes and pointers of Request are filled by run().
struct Given {
  Request request;
  std::int64_t gap = 0;
  bool scale = false, bias = false, residual = false;
  std::vector<std::pair<std::int64_t, float>> planted;  // in A
};

double activated(double x, Activation activation) {
  if (activation == Activation::kSilu) return x / (1.0 + std::exp(-x));
  if (activation == Activation::kGelu) {
    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  return x;
}

/// One problem with its inputs on both sides.
class Problem {
 public:
  explicit Problem(const Given& given) : given_(given) {
    const auto [M, N, K] = given.request.shape;
    const std::int64_t of_b = given.request.gated ? 2 * N : N;
    Request& r = given_.request;
    a_.make(r.input, M, K, given.gap, 1, given.planted);
    b_.make(r.input, of_b, K, given.gap, 2, {});
    r.a = a_.device.as(), r.b = b_.device.as();
    r.a_stride = r.b_stride = K + given.gap, r.c_stride = N + given.gap;
    Rng rng(3);
    const auto floats = [&](std::int64_t n, double low, double high) {
      std::vector<float> values(static_cast<std::size_t>(n));
      for (float& x : values) x = static_cast<float>(low + (high - low) * rng.uniform());
      return values;
    };
    if (given.scale) {
      scale_a_ = floats(r.per_row ? M : 1, 0.01, 0.03);
      scale_b_ = floats(r.per_row ? of_b : 1, 0.5, 1.5);
      on_device_.emplace_back(std::span<const float>(scale_a_));
      r.scale_a = on_device_.back().as<float>();
      on_device_.emplace_back(std::span<const float>(scale_b_));
      r.scale_b = on_device_.back().as<float>();
    }
    if (given.bias) r.bias = narrow(floats(N, -2.0, 2.0), bias_);
    if (given.residual) r.residual = narrow(floats(M * r.c_stride, -3.0, 3.0), residual_);
    if (r.output == Output::kE4M3) {
      const std::vector<float> scale = {0.37F};
      on_device_.emplace_back(std::span<const float>(scale));
      r.output_scale = on_device_.back().as<float>();
      output_scale_ = 0.37F;
    }
    expect();
  }

  /// "" or what is wrong with what `variant` wrote.
  std::string wrong(const Variant& variant, const Config& config) {
    const auto [M, N, K] = given_.request.shape;
    Request r = given_.request;
    const auto bytes = static_cast<std::size_t>(r.output == Output::kF32    ? 4
                                                : r.output == Output::kBF16 ? 2
                                                                            : 1);
    const auto pitch = static_cast<std::size_t>(r.c_stride);
    DeviceArray c((static_cast<std::size_t>(M) * pitch + 64) * bytes);
    c.fill(0xff);  // NaN in every type
    r.c = c.as();
    variant.run(r, config);
    machine::device_wait();
    const auto raw = c.host<std::uint8_t>();
    std::vector<float> got;
    for (std::size_t i = 0; i < raw.size() / bytes; ++i) {
      const std::size_t m = i / pitch, n = i % pitch;
      if (m < static_cast<std::size_t>(M) && n < static_cast<std::size_t>(N)) {
        got.push_back(read(&raw[i * bytes], r.output));
        continue;
      }
      for (std::size_t b = 0; b < bytes; ++b) {
        if (raw[i * bytes + b] != 0xff) return fmt::format("wrote outside at {}, {}", m, n);
      }
    }
    const Comparison result = compare(got.data(), DType::kF32, got.size(), {want_, bound_}, {1.0});
    return result.ok() ? "" : describe(result);
  }
  const Request& request() const { return given_.request; }

 private:
  const bf16* narrow(const std::vector<float>& from, std::vector<double>& wide) {
    std::vector<bf16> values;
    for (const float x : from) {
      values.emplace_back(x);
      wide.push_back(static_cast<double>(static_cast<float>(values.back())));
    }
    on_device_.emplace_back(std::span<const bf16>(values));
    return on_device_.back().as<bf16>();
  }
  float read(const std::uint8_t* at, Output type) const {
    if (type == Output::kF32) return *reinterpret_cast<const float*>(at);
    if (type == Output::kBF16) return static_cast<float>(*reinterpret_cast<const bf16*>(at));
    return static_cast<float>(of_e4m3(*at) * static_cast<double>(output_scale_));
  }
  Sums scaled(std::int64_t m, std::int64_t n) const {
    const Request& r = given_.request;
    const bool e4m3 = r.input == Input::kE4M3;
    Sums x = dot(a_, m, b_, n, e4m3 ? 32 : 16, e4m3 ? 0x1p-13 : 0x1p-23,
                 e4m3 && r.sum == Sum::kPromoted ? 128 : 0);
    if (!given_.scale) return x;
    const double factor =
        static_cast<double>(scale_a_[static_cast<std::size_t>(r.per_row ? m : 0)]) *
        static_cast<double>(scale_b_[static_cast<std::size_t>(r.per_row ? n : 0)]);
    x.value *= factor;
    x.bound = x.bound * factor + 0x1p-22 * std::abs(x.value);
    return x;
  }
  Sums element(std::int64_t m, std::int64_t n) const {
    const Request& r = given_.request;
    Sums x = scaled(m, n);
    if (r.bias != nullptr) {
      x.value += bias_[static_cast<std::size_t>(n)];
      x.bound += 0x1p-24 * std::abs(x.value);
    }
    if (r.activation != Activation::kNone) {  // slopes are below 1.13
      x.bound = 1.13 * x.bound + 0x1p-20 * std::abs(x.value);
      x.value = activated(x.value, r.activation);
    }
    if (r.gated) {
      const Sums up = scaled(m, r.shape.N + n);
      x.bound = x.bound * std::abs(up.value) + up.bound * std::abs(x.value) + x.bound * up.bound;
      x.value *= up.value;
      x.bound += 0x1p-23 * std::abs(x.value);
    }
    if (r.residual != nullptr) {
      x.value += residual_[static_cast<std::size_t>(m * r.c_stride + n)];
      x.bound += 0x1p-24 * std::abs(x.value);
    }
    const double magnitude = std::abs(x.value) + x.bound;
    if (r.output == Output::kF32) x.bound += 0x1p-24 * magnitude;
    if (r.output == Output::kBF16) x.bound += 0x1p-8 * magnitude;
    if (r.output == Output::kE4M3) {  // half a step: relative, below 2^-6 absolute; saturating
      const auto scale = static_cast<double>(output_scale_);
      x.bound += 0x1p-4 * 1.0001 * magnitude + 0x1p-10 * scale;
      x.value = std::clamp(x.value, -448.0 * scale, 448.0 * scale);
    }
    return x;
  }
  void expect() {
    const auto [M, N, K] = given_.request.shape;
    for (std::int64_t m = 0; m < M; ++m) {
      for (std::int64_t n = 0; n < N; ++n) {
        const Sums x = element(m, n);
        want_.push_back(x.value);
        bound_.push_back(x.bound);
      }
    }
  }

  Given given_;
  Matrix a_, b_;
  std::vector<float> scale_a_, scale_b_;
  std::vector<double> bias_, residual_, want_, bound_;
  std::vector<DeviceArray> on_device_;
  float output_scale_ = 1.0F;
};

/// Every variant and tiling that takes it. At least one must.
void expect_right(const Given& given) {
  Problem problem(given);
  const Request& r = problem.request();
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.why_not(machine::cuda_device()).empty() || !variant.refuses(r).empty()) continue;
    for (const Config& config : {Config{256, 2, 8}, Config{128, 2, 3}, Config{256, 1, 8}}) {
      const bool tiled = variant.name == std::string("wgmma_tma");
      if (!tiled && config.tile_n == 128) continue;
      if (tiled && r.gated && config.tile_n == 128) continue;
      ++ran;
      EXPECT_EQ(problem.wrong(variant, config), "")
          << variant.name << " " << r.shape.M << "x" << r.shape.N << "x" << r.shape.K << " input "
          << static_cast<int>(r.input) << " output " << static_cast<int>(r.output) << " sum "
          << static_cast<int>(r.sum) << " activation " << static_cast<int>(r.activation)
          << " gated " << r.gated << " tile " << config.tile_n << " cluster " << config.cluster;
    }
  }
  EXPECT_GT(ran, 0);
}

#define SKIP_WITHOUT_GPU() \
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not

TEST(GemmCuda, RaggedShapes) {
  SKIP_WITHOUT_GPU();
  for (const Shape& shape : {Shape{1, 8, 8}, Shape{128, 256, 64}, Shape{129, 264, 72},
                             Shape{300, 520, 200}, Shape{64, 1000, 1024}, Shape{513, 40, 2056}}) {
    for (const Output output : {Output::kBF16, Output::kF32}) {
      for (const std::int64_t gap : {0, 8}) {
        expect_right({.request = {.shape = shape, .output = output}, .gap = gap});
      }
    }
  }
}

TEST(GemmCuda, SeveralWavesOfTiles) {
  SKIP_WITHOUT_GPU();
  expect_right({.request = {.shape = {2320, 4360, 136}}});
  expect_right({.request = {.shape = {2320, 4368, 144}, .input = Input::kE4M3}});
}

TEST(GemmCuda, Epilogues) {
  SKIP_WITHOUT_GPU();
  const Shape shape{333, 656, 264};
  for (const Activation activation : {Activation::kNone, Activation::kSilu, Activation::kGelu}) {
    for (const Output output : {Output::kBF16, Output::kF32, Output::kE4M3}) {
      if (output == Output::kE4M3) {
        expect_right({.request = {.shape = shape, .output = output, .activation = activation},
                      .bias = true});
        continue;
      }
      expect_right({.request = {.shape = shape, .output = output, .activation = activation},
                    .gap = 8,
                    .bias = true,
                    .residual = output == Output::kBF16});
    }
    for (const Output output : {Output::kBF16, Output::kE4M3}) {
      expect_right({.request = {.shape = {200, 400, 136},
                                .output = output,
                                .activation = activation,
                                .gated = true},
                    .residual = output == Output::kBF16});
    }
  }
  expect_right({.request = {.shape = {520, 1032, 72}}, .residual = true});
}

TEST(GemmCuda, SumsOfE4m3) {
  SKIP_WITHOUT_GPU();
  for (const Sum sum : {Sum::kInstruction, Sum::kPromoted}) {
    for (const bool per_row : {false, true}) {
      for (const Output output : {Output::kBF16, Output::kF32, Output::kE4M3}) {
        expect_right({.request = {.shape = {201, 528, 1040},
                                  .input = Input::kE4M3,
                                  .output = output,
                                  .per_row = per_row,
                                  .sum = sum},
                      .scale = true,
                      .bias = per_row});
      }
      expect_right({.request = {.shape = {130, 272, 256},
                                .input = Input::kE4M3,
                                .per_row = per_row,
                                .activation = Activation::kSilu,
                                .gated = true,
                                .sum = sum},
                    .scale = true});
    }
  }
}

TEST(GemmCuda, SpecialValuesStayInTheirRow) {
  SKIP_WITHOUT_GPU();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Shape shape{140, 264, 128};
  expect_right({.request = {.shape = shape}, .planted = {{5, nan}, {130 * 128, nan}}});
  expect_right({.request = {.shape = shape, .input = Input::kE4M3}, .planted = {{5, nan}}});
  expect_right({.request = {.shape = shape},
                .planted = {{5, std::numeric_limits<float>::infinity()}, {128 * 9 + 3, -0.0F}}});
}

TEST(GemmCuda, OddSizesGoTheOtherWay) {
  SKIP_WITHOUT_GPU();
  for (const Shape& shape : {Shape{3, 5, 7}, Shape{65, 33, 31}, Shape{100, 129, 64}}) {
    Problem problem({.request = {.shape = shape}, .bias = true});
    EXPECT_NE(variants()[0].refuses(problem.request()), "");
    EXPECT_EQ(problem.wrong(variants()[1], {}), "");
  }
}

TEST(GemmCuda, TheDriverRefusesMapsOfUnalignedMatrices) {
  SKIP_WITHOUT_GPU();
  if (!variants()[0].why_not(machine::cuda_device()).empty()) GTEST_SKIP() << "needs tensor maps";
  const DeviceArray memory(1 << 20);
  const Request request{
      .shape = {64, 64, 64}, .a = memory.as<char>() + 8, .b = memory.as(), .c = memory.as()};
  EXPECT_THROW(variants()[0].run(request, {}), Error);
}

TEST(GemmCuda, GemmChoosesForItself) {
  SKIP_WITHOUT_GPU();
  Problem problem({.request = {.shape = {300, 300, 300}}});
  const Variant chosen = {"gemm", nullptr, nullptr,
                          [](const Request& request, const Config&) { gemm(request); }};
  EXPECT_EQ(problem.wrong(chosen, {}), "");
}

TEST(GemmCudaChoice, WhatTheCopyEngineCannotTakeIsSaid) {
  Request request{.shape = {64, 64, 64}};
  EXPECT_EQ(variants()[0].refuses(request), "");
  request.shape.K = 65;
  EXPECT_NE(variants()[0].refuses(request), "");
  request.shape = {64, 60, 64};
  EXPECT_NE(variants()[0].refuses(request), "");
  request.shape = {64, 64, 64};
  request.a = reinterpret_cast<const void*>(8);
  EXPECT_NE(variants()[0].refuses(request), "");
}

TEST(GemmCudaChoice, DevicesThatCannotSaySo) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  EXPECT_NE(variants()[0].why_not(ampere), "");
  EXPECT_EQ(variants()[1].why_not(ampere), "");
  ampere.major = 7;
  EXPECT_NE(variants()[1].why_not(ampere), "");
  if (!machine::cuda_device().why_not.empty()) {
    EXPECT_THROW(gemm({.shape = {8, 8, 8}}), Error);
  }
}

TEST(GemmCudaChoice, TilesFillTheDevice) {
  const machine::CudaDevice h200 = machine::described_h200();
  EXPECT_EQ(choose_config({4096, 4096, 4096}, false, h200).tile_n, 256);
  EXPECT_EQ(choose_config({8192, 28672, 8192}, false, h200).tile_n, 256);
  // 64 tiles of 256 x 128 fill 66 clusters where 32 of 256 x 256 leave half of them idle.
  EXPECT_EQ(choose_config({1024, 2048, 4096}, false, h200).tile_n, 128);
  EXPECT_EQ(choose_config({1024, 2048, 4096}, true, h200).tile_n, 256);
}

}  // namespace
}  // namespace aisp::kernels::gemm_cuda
