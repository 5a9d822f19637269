// Every kernel of norm.h against the formula in double: types, outputs, residual, ragged widths,
// every alignment, special values; and the choice of the cut without a card.
#include "kernels/norm_cuda/norm.h"

#include <algorithm>

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::norm_cuda {
namespace {

using cuda::expect_within;
using cuda::TestTensor;
using Doubles = std::vector<double>;

struct Case {
  DType type = DType::kBF16;
  Kind kind = Kind::kRms;
  Output output = Output::kSame;
  bool residual = false;
  bool bias = false;
  std::int64_t rows = 3;
  std::int64_t n = 4096;
  int offset = 0;  // elements by which every tensor is misaligned
  std::string text() const {
    return "type " + std::string(name(type)) + " kind " + std::to_string(static_cast<int>(kind)) +
           " output " + std::to_string(static_cast<int>(output)) + " residual " +
           std::to_string(residual) + " rows " + std::to_string(rows) + " n " + std::to_string(n) +
           " offset " + std::to_string(offset);
  }
};

constexpr double kU = 0x1p-24;

// y and the bound of norm.h before the rounding of the output, both of one row.
void reference_row(const Case& c, const double* x, const double* w, const double* b, double epsilon,
                   double* y, double* bound) {
  const auto n = static_cast<double>(c.n);
  double mean = 0.0, squares = 0.0, spread = 0.0;
  if (c.kind == Kind::kLayer) {
    for (std::int64_t i = 0; i < c.n; ++i) mean += x[i] / n;
  }
  for (std::int64_t i = 0; i < c.n; ++i) {
    squares += (x[i] - mean) * (x[i] - mean);
    spread += std::fabs(x[i] - mean) / n;
  }
  const double s = 1.0 / std::sqrt(squares / n + epsilon), root = 6.0 * std::sqrt(n + 2.0);
  for (std::int64_t i = 0; i < c.n; ++i) {
    const double d = x[i] - mean, bias = b == nullptr ? 0.0 : b[i];
    y[i] = d * s * w[i] + bias;
    double scale = (root + 12.0) * std::fabs(d);
    // The mean's own error: its sum is of values of its size, whose roundings reach every element.
    if (c.kind == Kind::kLayer) scale += root * (spread + std::fabs(mean) + std::sqrt(squares / n));
    bound[i] = kU * (std::fabs(w[i]) * s * scale + 2.0 * std::fabs(y[i]) + std::fabs(bias));
  }
}

DType out_type(const Case& c) {
  if (c.output == Output::kSame) return c.type;
  return c.output == Output::kInt8 ? DType::kI8 : DType::kU8;
}

void check_output(const Case& c, const TestTensor& y, const TestTensor& scale, const Doubles& want,
                  Doubles bound) {
  Doubles got = y.read();
  const Doubles scales = c.output == Output::kSame ? Doubles() : scale.read();
  for (std::int64_t i = 0; i < c.rows * c.n; ++i) {
    if (c.output == Output::kSame) {
      // The rounding of the output, of a value that is itself within the bound.
      if (c.type == DType::kBF16) bound[i] += 0x1p-8 * (std::fabs(want[i]) + bound[i]);
      continue;
    }
    const double step = scales[i / c.n], q = want[i] / step;
    const double rounding = c.output == Output::kInt8 ? 0.5 : cuda::e4m3_rounding(q);
    // The quotient is off by the bound, and by 4 roundings of the factor; near a tie between two
    // elements that flips the rounding, which both sides of the tie allow.
    bound[i] = step * (rounding * (1.0 + 0x1p-20) + std::fabs(q) * 4.0 * kU) + bound[i];
    got[i] *= step;
  }
  expect_within(got, want, bound, c.text());
  for (std::int64_t r = 0; r < c.rows && c.output != Output::kSame; ++r) {
    double most = 0.0, slack = 0.0;
    for (std::int64_t i = r * c.n; i < (r + 1) * c.n; ++i) {
      most = std::max(most, std::fabs(want[i]));
      slack = std::max(slack, bound[i]);
    }
    EXPECT_NEAR(scales[r] * (c.output == Output::kInt8 ? 127.0 : 448.0), most,
                most * kU * (6.0 * std::sqrt(static_cast<double>(c.n) + 2.0) + 16.0))
        << c.text();
  }
}

void check_case(const Case& c) {
  const std::int64_t count = c.rows * c.n;
  auto x = TestTensor::random(c.type, count, 1, c.offset, 1.5, 0.25);
  auto residual = TestTensor::random(c.type, count, 2, c.offset, 3.0);
  auto weight = TestTensor::random(c.type, c.n, 3, c.offset, 0.2, 1.0);
  auto bias = TestTensor::random(c.type, c.n, 4, c.offset);
  TestTensor sum(c.type, count, c.offset), y(out_type(c), count, c.offset);
  TestTensor scale(DType::kF32, c.rows);
  const Request request{.type = c.type,
                        .kind = c.kind,
                        .output = c.output,
                        .rows = c.rows,
                        .n = c.n,
                        .x = x.data(),
                        .residual = c.residual ? residual.data() : nullptr,
                        .sum = c.residual ? sum.data() : nullptr,
                        .weight = weight.data(),
                        .bias = c.bias ? bias.data() : nullptr,
                        .y = y.data(),
                        .scale = c.output == Output::kSame ? nullptr : scale.data<float>()};
  normalize(request);
  machine::device_wait();

  Doubles in = x.read();
  const Doubles w = weight.read(), b = bias.read();
  if (c.residual) {
    const Doubles more = residual.read();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto total = static_cast<float>(in[i]) + static_cast<float>(more[i]);
      in[i] = c.type == DType::kBF16 ? static_cast<float>(bf16(total)) : total;
    }
    EXPECT_EQ(sum.read(), in) << c.text();  // one rounding: exactly this
  }
  Doubles want(count), bound(count);
  for (std::int64_t r = 0; r < c.rows; ++r) {
    reference_row(c, &in[r * c.n], w.data(), c.bias ? b.data() : nullptr, request.epsilon,
                  &want[r * c.n], &bound[r * c.n]);
  }
  check_output(c, y, scale, want, bound);
}

TEST(NormCuda, EveryWidthOutputAndAlignment) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    // 1, 2, 4 and 8 packs; rows of a warp; ragged; the longest.
    for (const std::int64_t n : {1, 7, 8, 33, 128, 1000, 4096, 4100, 5120, 8192, 14336, 28672}) {
      for (const int offset : {0, 1, 8}) {
        for (const bool residual : {false, true}) {
          for (const Kind kind : {Kind::kRms, Kind::kLayer}) {
            check_case(
                {.type = type, .kind = kind, .residual = residual, .n = n, .offset = offset});
          }
          if (type == DType::kF32) continue;
          for (const Output output : {Output::kInt8, Output::kFp8E4m3}) {
            check_case({.output = output, .residual = residual, .n = n, .offset = offset});
          }
        }
      }
    }
    check_case({.type = type, .rows = 1, .n = cuda::longest_row(type == DType::kBF16 ? 2 : 4)});
    check_case({.type = type, .kind = Kind::kLayer, .bias = true, .rows = 5, .n = 768});
    check_case({.type = type, .kind = Kind::kLayer, .bias = true, .rows = 2, .n = 769});
    check_case({.type = type, .residual = true, .rows = 1500, .n = 1024});  // blocks keep several
    check_case({.type = type, .rows = 20000, .n = 128});                    // eight rows a block
  }
}

TEST(NormCuda, InPlaceEqualsApart) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const std::int64_t rows = 700, n = 4096;
  auto x = TestTensor::random(DType::kBF16, rows * n, 1);
  auto residual = TestTensor::random(DType::kBF16, rows * n, 2);
  auto weight = TestTensor::random(DType::kBF16, n, 3);
  TestTensor sum(DType::kBF16, rows * n), y(DType::kBF16, rows * n);
  Request request{.rows = rows,
                  .n = n,
                  .x = x.data(),
                  .residual = residual.data(),
                  .sum = sum.data(),
                  .weight = weight.data(),
                  .y = y.data()};
  normalize(request);
  const Doubles apart = y.read(), apart_sum = sum.read();
  request.y = const_cast<void*>(request.x);
  request.sum = const_cast<void*>(request.residual);
  normalize(request);
  EXPECT_EQ(x.read(), apart);
  EXPECT_EQ(residual.read(), apart_sum);
}

TEST(NormCuda, SpecialValuesSpoilTheirRowAlone) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const std::int64_t n = 512;
  Doubles values(4 * n, 1.0);
  values[0 * n + 17] = nan;
  values[1 * n + 511] = inf;
  for (std::int64_t i = 0; i < n; ++i) values[3 * n + i] = -0.0;
  TestTensor x(DType::kBF16, values), weight(DType::kBF16, Doubles(n, 2.0));
  for (const Output output : {Output::kSame, Output::kInt8, Output::kFp8E4m3}) {
    const DType type = out_type({.output = output});
    TestTensor y(type, 4 * n), scale(DType::kF32, 4);
    normalize({.output = output,
               .rows = 4,
               .n = n,
               .x = x.data(),
               .weight = weight.data(),
               .y = y.data(),
               .scale = output == Output::kSame ? nullptr : scale.data<float>(),
               .epsilon = 0x1p-20F});
    Doubles got = y.read();
    if (output != Output::kSame) {
      const Doubles scales = scale.read();
      for (std::int64_t i = 0; i < 4 * n; ++i) got[i] *= scales[i / n];
    }
    EXPECT_TRUE(std::isnan(got[0 * n + 17]));
    EXPECT_TRUE(std::isnan(got[1 * n + 511]));
    for (std::int64_t i = 0; i < n; ++i) {
      EXPECT_NEAR(got[2 * n + i], 2.0, 0x1p-18);
      EXPECT_EQ(got[3 * n + i], 0.0);
    }
  }
}

void check_backward(DType type, std::int64_t rows, std::int64_t n, int offset, bool add) {
  const std::string what = "backward " + std::string(name(type)) + " rows " + std::to_string(rows) +
                           " n " + std::to_string(n) + " offset " + std::to_string(offset);
  auto x = TestTensor::random(type, rows * n, 1, offset, 2.0);
  auto dy = TestTensor::random(type, rows * n, 2, offset, 0.1);
  auto weight = TestTensor::random(type, n, 3, offset, 0.2, 1.0);
  auto more = TestTensor::random(type, rows * n, 4, offset, 0.1);
  TestTensor dx(type, rows * n, offset), dweight(DType::kF32, n);
  Backward request{.type = type,
                   .rows = rows,
                   .n = n,
                   .x = x.data(),
                   .weight = weight.data(),
                   .dy = dy.data(),
                   .dx_add = add ? more.data() : nullptr,
                   .dx = dx.data(),
                   .dweight = dweight.data<float>()};
  TestTensor partial(DType::kF32, backward_scratch_floats(request, machine::cuda_device()));
  request.partial = partial.data<float>();
  backward(request);
  machine::device_wait();

  const Doubles in = x.read(), g = dy.read(), w = weight.read(), past = more.read();
  Doubles want(rows * n), bound(rows * n), want_w(n), bound_w(n);
  const double root = 6.0 * std::sqrt(static_cast<double>(n) + 2.0);
  const double root_w = 6.0 * std::sqrt(static_cast<double>(rows + n));
  for (std::int64_t r = 0; r < rows; ++r) {
    double squares = 0.0, products = 0.0, sizes = 0.0;
    for (std::int64_t i = r * n; i < (r + 1) * n; ++i) {
      squares += in[i] * in[i];
      products += g[i] * w[i - r * n] * in[i];
      sizes += std::fabs(g[i] * w[i - r * n] * in[i]);
    }
    const auto count = static_cast<double>(n);
    const double s = 1.0 / std::sqrt(squares / count + request.epsilon);
    for (std::int64_t i = r * n; i < (r + 1) * n; ++i) {
      const double h = g[i] * w[i - r * n], extra = add ? past[i] : 0.0;
      want[i] = s * (h - in[i] * s * s * products / count) + extra;
      bound[i] =
          kU * (s * (root + 16.0) * (std::fabs(h) + std::fabs(in[i]) * s * s * sizes / count) +
                2.0 * std::fabs(extra));
      if (type == DType::kBF16) bound[i] += 0x1p-8 * (std::fabs(want[i]) + bound[i]);
      want_w[i - r * n] += g[i] * in[i] * s;
      bound_w[i - r * n] += kU * (root_w + 16.0) * std::fabs(g[i] * in[i] * s);
    }
  }
  expect_within(dx.read(), want, bound, what);
  expect_within(dweight.read(), want_w, bound_w, what + " weight");
}

TEST(NormCuda, Backward) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const std::int64_t n : {1, 8, 100, 128, 4096, 4097, 8192}) {
      for (const int offset : {0, 1}) check_backward(type, 3, n, offset, n % 8 == 0);
    }
    check_backward(type, 1, longest_backward_row(type == DType::kBF16 ? 2 : 4), 0, false);
    check_backward(type, 1200, 1024, 0, true);  // blocks keep several rows
    check_backward(type, 5000, 128, 0, false);
  }
}

TEST(NormDevice, ChoiceWithoutACard) {
  Request request{.rows = 16384, .n = 4096};
  EXPECT_TRUE(choose_config(request).aligned);
  request.n = 4100;  // 8200 bytes: rows do not start on 16
  EXPECT_FALSE(choose_config(request).aligned);
  request.n = 128;
  EXPECT_EQ(choose_config(request).rows_per_block, 8);
  for (std::int64_t n = 1; n <= cuda::longest_row(2); n += 977) {
    request.n = n;
    const cuda::RowConfig config = choose_config(request);
    EXPECT_GE(static_cast<std::int64_t>(config.packs) * config.threads * 8, n);
    EXPECT_LE(config.threads, config.packs == 8 ? 1024 : 512);
    EXPECT_EQ(config.threads % 32, 0);
  }
}

TEST(NormDevice, TableSaysWhyNot) {
  machine::CudaDevice turing = machine::described_h200();
  turing.major = 7, turing.minor = 5;
  for (const Variant& variant : variants()) EXPECT_NE(variant.why_not(turing), "");
}

}  // namespace
}  // namespace aisp::kernels::norm_cuda
