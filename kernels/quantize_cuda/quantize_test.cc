// Quantisation and its inverse against doubles: both element types, both kinds of scales, ragged
// rows, alignments, special values.
#include "kernels/quantize_cuda/quantize.h"

#include <algorithm>

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::quantize_cuda {
namespace {

using cuda::expect_within;
using cuda::Quantized;
using cuda::TestTensor;
using Doubles = std::vector<double>;

constexpr double kU = 0x1p-24;

void check_case(Request r, int offset) {
  const DType byte = r.to == Quantized::kInt8 ? DType::kI8 : DType::kU8;
  auto values = TestTensor::random(r.type, r.rows * r.n, 1, offset, 3.0);
  TestTensor elements(byte, r.rows * r.n, offset), scales(DType::kF32, scale_count(r));
  TestTensor back(r.type, r.rows * r.n, offset);
  r.values = values.data(), r.elements = elements.data(), r.scales = scales.data<float>();
  quantize(r);
  r.values = back.data();
  dequantize(r);
  machine::device_wait();
  const std::string what = std::string(name(r.type)) + " to " +
                           std::to_string(static_cast<int>(r.to)) + " per " +
                           std::to_string(static_cast<int>(r.per)) + " n " + std::to_string(r.n) +
                           " offset " + std::to_string(offset);
  const Doubles in = values.read(), q = elements.read(), s = scales.read();
  const std::int64_t count = r.rows * r.n;
  const std::int64_t groups = r.per == Scales::kPerRow ? 1 : (r.n + kGroup - 1) / kGroup;
  const auto scale_of = [&](std::int64_t i) {
    return i / r.n * groups + (groups == 1 ? 0 : i % r.n / kGroup);
  };
  Doubles most(s.size(), 0.0), scaled(count), bound(count), want_back(count), bound_back(count);
  for (std::int64_t i = 0; i < count; ++i) {
    most[scale_of(i)] = std::max(most[scale_of(i)], std::fabs(in[i]));
  }
  for (std::size_t i = 0; i < s.size(); ++i) {
    EXPECT_NEAR(s[i] * largest(r.to), most[i], 2.0 * kU * most[i]) << what;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const double scale = s[scale_of(i)];
    scaled[i] = q[i] * scale;
    const double step = r.to == Quantized::kInt8 ? 0.5 : cuda::e4m3_rounding(in[i] / scale);
    bound[i] = scale * step + 4.0 * kU * std::fabs(in[i]);
    want_back[i] = scaled[i];
    bound_back[i] = (kU + (r.type == DType::kBF16 ? 0x1p-8 * 1.01 : 0.0)) * std::fabs(scaled[i]);
  }
  expect_within(scaled, in, bound, what);
  expect_within(back.read(), want_back, bound_back, what + " back");
}

TEST(QuantizeCuda, EveryTypeWidthAndAlignment) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const Quantized to : {Quantized::kInt8, Quantized::kFp8E4m3}) {
      for (const Scales per : {Scales::kPerRow, Scales::kPerGroup128}) {
        for (const std::int64_t n : {1, 8, 37, 128, 200, 1000, 4096, 14336, 28672}) {
          for (const int offset : {0, 1}) {
            check_case({.to = to, .per = per, .type = type, .rows = 3, .n = n}, offset);
          }
        }
        check_case({.to = to, .per = per, .type = type, .rows = 1000, .n = 256}, 0);
      }
    }
  }
}

TEST(QuantizeCuda, SpecialValues) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const double inf = std::numeric_limits<double>::infinity();
  for (const Quantized to : {Quantized::kInt8, Quantized::kFp8E4m3}) {
    for (const Scales per : {Scales::kPerRow, Scales::kPerGroup128}) {
      Doubles values(4 * 128, 0.0);
      values[128] = std::nan("");
      values[256 + 127] = -inf;
      values[384 + 1] = -1e-42;
      TestTensor in(DType::kF32, values), back(DType::kF32, 512), scales(DType::kF32, 4);
      TestTensor q(DType::kI8, 512);
      Request r{.to = to,
                .per = per,
                .type = DType::kF32,
                .rows = 4,
                .n = 128,
                .values = in.data(),
                .elements = q.data(),
                .scales = scales.data<float>()};
      quantize(r);
      r.values = back.data();
      dequantize(r);
      const Doubles got = back.read(), s = scales.read();
      EXPECT_EQ(got[0], 0.0);
      EXPECT_GT(s[0], 0.0);
      EXPECT_TRUE(std::isnan(s[1]) && std::isnan(got[128]));
      EXPECT_EQ(s[2], inf);
      EXPECT_FALSE(std::isfinite(got[256 + 127]));
      EXPECT_NEAR(got[384 + 1], 0.0, 1e-30);
    }
  }
}

TEST(Quantize, TableSaysWhyNot) {
  machine::CudaDevice none;
  for (const Variant& variant : variants()) EXPECT_NE(variant.why_not(none), "");
  EXPECT_EQ(scale_count({.per = Scales::kPerGroup128, .rows = 3, .n = 129}), 6);
}

}  // namespace
}  // namespace aisp::kernels::quantize_cuda
