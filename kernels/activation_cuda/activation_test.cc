// Every operation of activation.h against the formula in double: types, ragged rows, packed halves,
// alignments, in place, special values.
#include "kernels/activation_cuda/activation.h"

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::activation_cuda {
namespace {

using cuda::expect_within;
using cuda::TestTensor;
using Doubles = std::vector<double>;

constexpr double kU = 0x1p-24;

double formula(Op op, double a, double b) {
  switch (op) {
    case Op::kSwiglu:
      return a / (1.0 + std::exp(-a)) * b;
    case Op::kGelu:
      return 0.5 * a * std::erfc(-a * std::sqrt(0.5));
    case Op::kGeluTanh:
      return a / (1.0 + std::exp(-2.0 * std::sqrt(2.0 / M_PI) * (a + 0.044715 * a * a * a)));
    case Op::kSilu:
      return a / (1.0 + std::exp(-a));
    case Op::kAdd:
      return a + b;
  }
  return 0.0;
}

// Of activation.h, and the rounding to the type.
double bound_of(Op op, DType type, double a, double y) {
  const double z = op == Op::kGeluTanh ? 1.6 * std::fabs(a + 0.044715 * a * a * a) : std::fabs(a);
  double bound = kU * (8.0 + 4.0 * z) * std::fabs(y) + 0x1p-119;
  if (op == Op::kGelu) bound = 8.0 * kU * std::fabs(a);
  if (op == Op::kAdd) bound = kU * std::fabs(y);
  if (type == DType::kBF16) bound += 0x1p-8 * (std::fabs(y) + bound);
  return bound;
}

void check_case(Op op, DType type, std::int64_t rows, std::int64_t n, int offset, bool packed) {
  const std::int64_t stride = packed ? 2 * n : n;
  auto a = TestTensor::random(type, rows * stride, 1, offset, 3.0);
  auto b = TestTensor::random(type, rows * n, 2, offset, 2.0);
  TestTensor out(type, rows * n, offset);
  const int bytes = type == DType::kBF16 ? 2 : 4;
  activate({.op = op,
            .type = type,
            .rows = rows,
            .n = n,
            .a = a.data(),
            .b = packed ? a.data<char>() + n * bytes : b.data(),
            .out = out.data(),
            .a_stride = stride,
            .b_stride = packed ? stride : n});
  machine::device_wait();
  const Doubles x = a.read(), y = b.read();
  Doubles want(rows * n), bound(rows * n);
  for (std::int64_t i = 0; i < rows * n; ++i) {
    const std::int64_t at = i / n * stride + i % n;
    want[i] = formula(op, x[at], packed ? x[at + n] : y[i]);
    bound[i] = bound_of(op, type, x[at], want[i]);
  }
  expect_within(out.read(), want, bound,
                "op " + std::to_string(static_cast<int>(op)) + " " + std::string(name(type)) +
                    " rows " + std::to_string(rows) + " n " + std::to_string(n) + " offset " +
                    std::to_string(offset) + (packed ? " packed" : ""));
}

TEST(ActivationCuda, EveryOperationWidthAndAlignment) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const Op op : {Op::kSwiglu, Op::kGelu, Op::kGeluTanh, Op::kSilu, Op::kAdd}) {
      for (const std::int64_t n : {1, 8, 37, 512, 14336}) {
        for (const int offset : {0, 3}) {
          check_case(op, type, 5, n, offset, false);
          check_case(op, type, 5, n, offset, true);
        }
      }
      check_case(op, type, 1, 1000003, 0, false);
    }
  }
}

TEST(ActivationCuda, SwigluBackward) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const std::int64_t n : {1, 24, 37, 4096}) {
      const std::int64_t rows = 7, count = rows * n;
      auto a = TestTensor::random(type, count, 1, 0, 3.0), b = TestTensor::random(type, count, 2);
      auto dout = TestTensor::random(type, count, 3);
      TestTensor da(type, count), db(type, count);
      swiglu_backward({.type = type, .rows = rows, .n = n, .a = a.data(), .b = b.data()},
                      dout.data(), da.data(), db.data());
      machine::device_wait();
      const Doubles x = a.read(), y = b.read(), d = dout.read();
      Doubles want_a(count), bound_a(count), want_b(count), bound_b(count);
      for (std::int64_t i = 0; i < count; ++i) {
        const double s = 1.0 / (1.0 + std::exp(-x[i])), size = 16.0 + 8.0 * std::fabs(x[i]);
        want_a[i] = d[i] * y[i] * s * (1.0 + x[i] * (1.0 - s));
        want_b[i] = d[i] * x[i] * s;
        bound_a[i] = kU * size * std::fabs(d[i] * y[i]) * (1.0 + std::fabs(x[i]));
        bound_b[i] = kU * size * std::fabs(want_b[i]);
        if (type == DType::kBF16) {
          bound_a[i] += 0x1p-8 * (std::fabs(want_a[i]) + bound_a[i]);
          bound_b[i] += 0x1p-8 * (std::fabs(want_b[i]) + bound_b[i]);
        }
      }
      expect_within(da.read(), want_a, bound_a, "da n " + std::to_string(n));
      expect_within(db.read(), want_b, bound_b, "db n " + std::to_string(n));
    }
  }
}

TEST(ActivationCuda, SpecialValuesInPlace) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const double inf = std::numeric_limits<double>::infinity();
  for (const Op op : {Op::kGelu, Op::kGeluTanh, Op::kSilu}) {
    TestTensor x(DType::kF32, Doubles{0.0, -0.0, inf, std::nan(""), 1e30, -1e4, 50.0, -100.0});
    activate({.op = op, .type = DType::kF32, .rows = 1, .n = 8, .a = x.data(), .out = x.data()});
    const Doubles y = x.read();
    EXPECT_EQ(y[0], 0.0);
    EXPECT_EQ(y[1], 0.0);
    EXPECT_EQ(y[2], inf);
    EXPECT_TRUE(std::isnan(y[3]));
    EXPECT_EQ(static_cast<float>(y[4]), 1e30F);
    EXPECT_NEAR(y[5], 0.0, 1e-30);
    EXPECT_EQ(y[6], 50.0);
    EXPECT_NEAR(y[7], 0.0, 1e-30);
  }
}

TEST(Activation, TableSaysWhyNot) {
  machine::CudaDevice none;
  for (const Variant& variant : variants()) EXPECT_NE(variant.why_not(none), "");
}

}  // namespace
}  // namespace aisp::kernels::activation_cuda
