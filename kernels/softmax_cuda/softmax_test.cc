// Softmax on the device against the formula in double: every way to hold a row, ragged widths,
// alignments, special values; and the choice without a card.
#include "kernels/softmax_cuda/softmax.h"

#include <algorithm>

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::softmax_cuda {
namespace {

using cuda::expect_within;
using cuda::TestTensor;
using Doubles = std::vector<double>;

// The formula and the bound of softmax.h.
void reference(const Doubles& x, std::int64_t rows, std::int64_t n, DType type, Doubles& want,
               Doubles& bound) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const double* row = &x[r * n];
    const double largest = *std::max_element(row, row + n);
    double sum = 0.0, distance = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
      sum += std::exp(row[i] - largest);
      if (std::isfinite(row[i])) distance += std::exp(row[i] - largest) * (largest - row[i]);
    }
    const double common =
        6.0 * std::sqrt(static_cast<double>(n) + 2.0) + 3.0 * distance / sum + 32.0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double p = std::exp(row[i] - largest) / sum;
      const double far = std::isfinite(row[i]) ? 3.0 * (largest - row[i]) : 0.0;
      want[r * n + i] = p;
      bound[r * n + i] = 0x1p-24 * p * (common + far) + 0x1p-126;
      if (type == DType::kBF16) bound[r * n + i] += 0x1p-8 * (p + bound[r * n + i]);
    }
  }
}

void check_case(DType type, std::int64_t rows, std::int64_t n, int offset,
                const cuda::SoftmaxCut* cut = nullptr) {
  auto x = TestTensor::random(type, rows * n, n, offset, 4.0, 100.0);
  TestTensor y(type, rows * n, offset), drawn(type, rows * n, offset);
  TestTensor ticket(DType::kI32, Doubles{0.0});
  Request request{.type = type, .rows = rows, .n = n, .x = x.data(), .y = y.data()};
  const auto run = [&] {
    if (cut == nullptr) return softmax(request);
    variants()[cut->cluster > 1 ? 0 : 1].run(request, *cut);
  };
  run();
  request.y = drawn.data();
  request.ticket = ticket.data<std::uint32_t>();
  run();
  machine::device_wait();
  EXPECT_EQ(ticket.read()[0], 0.0);
  EXPECT_TRUE(y.read() == drawn.read());
  Doubles want(rows * n), bound(rows * n);
  reference(x.read(), rows, n, type, want, bound);
  expect_within(y.read(), want, bound,
                std::string(name(type)) + " rows " + std::to_string(rows) + " n " +
                    std::to_string(n) + " offset " + std::to_string(offset));
}

TEST(SoftmaxCuda, EveryWidthAndAlignment) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const std::int64_t n :
         {1, 7, 8, 33, 128, 256, 1000, 4096, 4099, 16384, 50257, 65536, 70000, 128256}) {
      for (const int offset : {0, 1}) check_case(type, 3, n, offset);
    }
    check_case(type, 1500, 512, 0);
    check_case(type, 200, 4096, 0);
    check_case(type, 150, 32768, 0);
    check_case(type, 200, type == DType::kBF16 ? 36000 : 18000, 0);  // clusters take several rows
    check_case(type, 1, 300000, 0);
  }
}

TEST(SoftmaxCuda, EveryCut) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    const std::int64_t lanes = type == DType::kBF16 ? 8 : 4, rows = 5;
    for (const int packs : {1, 2, 4, 8}) {
      const cuda::SoftmaxCut held{{.aligned = true, .packs = packs, .threads = 256, .blocks = 2}};
      check_case(type, rows, packs * 256 * lanes - lanes, 0, &held);
    }
    const cuda::SoftmaxCut twice{{.aligned = true, .packs = 4, .threads = 96, .blocks = 2}, false};
    for (const std::int64_t n : {64, 3000, 40000}) check_case(type, rows, n * lanes, 0, &twice);
    if (!variants()[0].why_not(machine::cuda_device()).empty()) continue;
    for (const int cluster : {2, 4, 8}) {
      for (const int packs : {4, 16}) {
        const cuda::SoftmaxCut cut{{.aligned = true,
                                    .packs = packs,
                                    .threads = cuda::kClusterThreads,
                                    .blocks = 2 * cluster},
                                   true,
                                   cluster};
        // Full, ragged, and too short for every block to have a part.
        const std::int64_t most = std::int64_t{packs} * cuda::kClusterThreads * cluster;
        for (const std::int64_t n : {most, most / 2 + 3, std::int64_t{1}}) {
          check_case(type, rows, n * lanes, 0, &cut);
        }
      }
    }
  }
}

TEST(SoftmaxCuda, SpecialValuesAndInPlace) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const double inf = std::numeric_limits<double>::infinity();
  for (const std::int64_t n : {40, 1024, 131072}) {
    Doubles values(5 * n, 3.0);
    for (std::int64_t i = 1; i < n; ++i) values[i] = -inf;      // one word is left
    for (std::int64_t i = 0; i < n; ++i) values[n + i] = -inf;  // none
    values[2 * n + n / 2] = inf;
    values[3 * n + n - 1] = std::nan("");
    TestTensor x(DType::kF32, values);
    softmax({.type = DType::kF32, .rows = 5, .n = n, .x = x.data(), .y = x.data()});
    const Doubles got = x.read();
    EXPECT_EQ(got[0], 1.0);
    EXPECT_EQ(got[n - 1], 0.0);
    for (const std::int64_t row : {1, 2, 3}) {
      EXPECT_TRUE(std::isnan(got[row * n]) && std::isnan(got[row * n + n - 1])) << row;
    }
    EXPECT_NEAR(got[4 * n], 1.0 / static_cast<double>(n), 1e-6 / static_cast<double>(n) + 1e-9);
  }
}

TEST(SoftmaxDevice, ChoiceWithoutACard) {
  const machine::CudaDevice h200 = machine::described_h200();
  Request request{.rows = 4096, .n = 128256};
  cuda::SoftmaxCut cut = choose_config(request, h200);
  EXPECT_TRUE(cut.held);
  EXPECT_GT(cut.cluster, 1);
  machine::CudaDevice ampere = h200;
  ampere.major = 8;
  cut = choose_config(request, ampere);
  EXPECT_EQ(cut.cluster, 1);
  EXPECT_FALSE(cut.held);
  request.n = 4096;
  EXPECT_EQ(choose_config(request, h200).cluster, 1);
  request.n = 50257;  // odd rows do not start on 16 bytes
  EXPECT_FALSE(choose_config(request, h200).row.aligned);
  request = {.rows = 1, .n = 128256};  // a single row is shared by more blocks
  EXPECT_EQ(choose_config(request, h200).cluster, 8);
  EXPECT_NE(variants()[0].why_not(ampere), "");
}

}  // namespace
}  // namespace aisp::kernels::softmax_cuda
