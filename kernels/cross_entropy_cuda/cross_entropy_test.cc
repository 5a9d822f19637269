// Cross-entropy on the device against the formula in double: loss, gradient apart and in place,
// ignored rows, smoothing, special values, every way to hold a row.
#include "kernels/cross_entropy_cuda/cross_entropy.h"

#include <algorithm>

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::cross_entropy_cuda {
namespace {

using cuda::expect_within;
using cuda::TestTensor;
using Doubles = std::vector<double>;

struct Case {
  DType type = DType::kBF16;
  std::int64_t rows = 6;
  std::int64_t n = 1000;
  int offset = 0;
  double smoothing = 0.0;
  bool in_place = false;
  std::string text() const {
    return std::string(name(type)) + " rows " + std::to_string(rows) + " n " + std::to_string(n) +
           " offset " + std::to_string(offset) + " smoothing " + std::to_string(smoothing) +
           (in_place ? " in place" : "");
  }
};

constexpr double kU = 0x1p-24;

struct Expected {
  Doubles loss, loss_bound, lse, lse_bound, gradient, gradient_bound;
};

Expected reference(const Case& c, const Doubles& x, const std::vector<int>& labels, double factor) {
  Expected e;
  const auto n = static_cast<double>(c.n);
  const double root = 6.0 * std::sqrt(n + 2.0), s = c.smoothing;
  for (std::int64_t r = 0; r < c.rows; ++r) {
    const double* row = &x[r * c.n];
    const double largest = *std::max_element(row, row + c.n);
    double sum = 0.0, distance = 0.0, mean = 0.0, size = 0.0;
    for (std::int64_t i = 0; i < c.n; ++i) {
      sum += std::exp(row[i] - largest);
      distance += std::exp(row[i] - largest) * (largest - row[i]);
      mean += row[i] / n;
      size += std::fabs(row[i]) / n;
    }
    const double spread = distance / sum, lse = largest + std::log(sum);
    const bool ignored = labels[r] == -100;
    const double target = ignored ? 0.0 : row[labels[r]];
    const double base = root + 3.0 * spread + 32.0;
    e.lse.push_back(lse);
    e.lse_bound.push_back(kU * (base + 4.0 * std::fabs(lse)));
    e.loss.push_back(ignored ? 0.0 : (1.0 - s) * (lse - target) + s * (lse - mean));
    e.loss_bound.push_back(kU * (base + 4.0 * std::fabs(lse) + 2.0 * std::fabs(target) +
                                 s * (8.0 * std::sqrt(n) * size + 4.0 * std::fabs(mean))));
    for (std::int64_t i = 0; i < c.n; ++i) {
      const double p = std::exp(row[i] - lse), hot = i == labels[r] ? 1.0 - s : 0.0;
      const double g = ignored ? 0.0 : factor * (p - hot - s / n);
      double bound =
          ignored
              ? 0.0
              : std::fabs(factor) * kU *
                        (p * (base + 8.0 + 3.0 * (largest - row[i])) + 2.0 * hot + 2.0 * s / n) +
                    0x1p-126;
      if (c.type == DType::kBF16) bound += 0x1p-8 * (std::fabs(g) + bound);
      e.gradient.push_back(g);
      e.gradient_bound.push_back(bound);
    }
  }
  return e;
}

void check_case(const Case& c, const cuda::SoftmaxCut* cut = nullptr) {
  auto logits = TestTensor::random(c.type, c.rows * c.n, c.n + 1, c.offset, 3.0, 10.0);
  const Doubles x = logits.read();
  std::vector<int> labels(c.rows);
  for (std::int64_t r = 0; r < c.rows; ++r) {
    labels[r] = r % 3 == 1 ? -100 : static_cast<int>((r * 7919 + c.n - 1) % c.n);
  }
  TestTensor label(DType::kI32, Doubles(labels.begin(), labels.end()));
  TestTensor loss(DType::kF32, c.rows), lse(DType::kF32, c.rows), mean(DType::kF32, 1);
  TestTensor gradient(c.type, c.rows * c.n, c.offset), factor(DType::kF32, 1);
  TestTensor ticket(DType::kI32, Doubles{0.0});
  inverse_count(label.data<int>(), c.rows, -100, factor.data<float>(), nullptr);
  Request request{.type = c.type,
                  .rows = c.rows,
                  .n = c.n,
                  .logits = logits.data(),
                  .labels = label.data<int>(),
                  .loss = loss.data<float>(),
                  .lse = lse.data<float>(),
                  .smoothing = static_cast<float>(c.smoothing),
                  .ticket = ticket.data<std::uint32_t>()};
  const auto run = [&] {
    if (cut == nullptr) return cross_entropy(request);
    variants()[cut->cluster > 1 ? 0 : 1].run(request, *cut);
  };
  cross_entropy(request);  // the loss alone
  const Doubles loss_alone = loss.read(), lse_alone = lse.read();
  request.grad_factor = factor.data<float>();
  request.gradient = gradient.data();
  backward(request, nullptr);
  const Doubles apart = gradient.read();
  gradient.write(Doubles(c.rows * c.n, 77.0));
  if (c.in_place) request.gradient = logits.data();
  run();
  scaled_sum(loss.data<float>(), c.rows, factor.data<float>(), mean.data<float>(), nullptr);
  machine::device_wait();
  EXPECT_EQ(ticket.read()[0], 0.0) << c.text();

  const auto valid = static_cast<double>(c.rows - std::count(labels.begin(), labels.end(), -100));
  EXPECT_EQ(static_cast<float>(factor.read()[0]), static_cast<float>(1.0 / valid)) << c.text();
  const Expected e = reference(c, x, labels, factor.read()[0]);
  expect_within(loss.read(), e.loss, e.loss_bound, c.text() + " loss");
  expect_within(loss_alone, e.loss, e.loss_bound, c.text() + " loss alone");
  expect_within(lse_alone, e.lse, e.lse_bound, c.text() + " lse");
  expect_within((c.in_place ? logits : gradient).read(), e.gradient, e.gradient_bound,
                c.text() + " gradient");
  // From the stored lse: its rounding reaches every probability.
  Doubles loose = e.gradient_bound;
  for (std::int64_t i = 0; i < c.rows * c.n; ++i) {
    loose[i] += 4.0 * kU *
                std::fabs(e.lse[i / c.n] * (std::fabs(e.gradient[i]) +
                                            1.0 / valid * std::exp(x[i] - e.lse[i / c.n])));
  }
  expect_within(apart, e.gradient, loose, c.text() + " backward");
  double total = 0.0, slack = 0.0;
  for (std::int64_t r = 0; r < c.rows; ++r) {
    total += e.loss[r] / valid;
    slack += (e.loss_bound[r] + kU * static_cast<double>(c.rows) * e.loss[r]) / valid;
  }
  EXPECT_NEAR(mean.read()[0], total, slack) << c.text();
}

TEST(CrossEntropyCuda, EveryWidthAndAlignment) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const std::int64_t n : {2, 8, 33, 1000, 4096, 50257, 65536, 128256}) {
      for (const int offset : {0, 1}) {
        check_case({.type = type, .n = n, .offset = offset, .in_place = n % 16 == 0});
        check_case({.type = type, .n = n, .offset = offset, .smoothing = 0.1});
      }
    }
    check_case({.type = type, .rows = 1000, .n = 512, .in_place = true});
    check_case({.type = type, .rows = 150, .n = 16384, .in_place = true});
    // Clusters that take several rows.
    const std::int64_t lanes = type == DType::kBF16 ? 8 : 4;
    check_case({.type = type, .rows = 200, .n = 4500 * lanes, .in_place = true});
  }
}

TEST(CrossEntropyCuda, EveryCut) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    const std::int64_t lanes = type == DType::kBF16 ? 8 : 4;
    for (const double smoothing : {0.0, 0.2}) {
      Case c{.type = type, .n = 5000 * lanes, .smoothing = smoothing, .in_place = true};
      const cuda::SoftmaxCut twice{{.aligned = true, .packs = 4, .threads = 96, .blocks = 2},
                                   false};
      check_case(c, &twice);
      if (!variants()[0].why_not(machine::cuda_device()).empty()) continue;
      for (const int cluster : {2, 4, 8}) {
        for (const int packs : {4, 16}) {
          const cuda::SoftmaxCut cut{{.aligned = true,
                                      .packs = packs,
                                      .threads = cuda::kClusterThreads,
                                      .blocks = 4 * cluster},
                                     true,
                                     cluster};
          c.n = (std::int64_t{packs} * cuda::kClusterThreads * cluster - 5) * lanes;
          check_case(c, &cut);
        }
      }
    }
  }
}

TEST(CrossEntropyCuda, SpecialValues) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const double inf = std::numeric_limits<double>::infinity();
  for (const std::int64_t n : {64, 131072}) {
    Doubles values(4 * n, 1.0);
    values[5] = std::nan("");
    for (std::int64_t i = 1; i < n; ++i) values[n + i] = -inf;  // the label alone is possible
    TestTensor logits(DType::kF32, values), label(DType::kI32, Doubles{3, 0, -100, double(n)});
    TestTensor loss(DType::kF32, 4), gradient(DType::kF32, 4 * n);
    cross_entropy({.type = DType::kF32,
                   .rows = 4,
                   .n = n,
                   .logits = logits.data(),
                   .labels = label.data<int>(),
                   .loss = loss.data<float>(),
                   .gradient = gradient.data()});
    const Doubles got = loss.read(), g = gradient.read();
    EXPECT_TRUE(std::isnan(got[0]) && std::isnan(g[0]));
    EXPECT_EQ(got[1], 0.0);
    EXPECT_EQ(g[n], 0.0);
    EXPECT_EQ(g[n + 1], 0.0);
    EXPECT_EQ(got[2], 0.0);
    EXPECT_EQ(g[2 * n + 7], 0.0);
    EXPECT_TRUE(std::isnan(got[3]) && std::isnan(g[3 * n])) << "a label outside the vocabulary";
  }
}

TEST(CrossEntropy, ChoiceWithoutACard) {
  const machine::CudaDevice h200 = machine::described_h200();
  Request request{.rows = 8192, .n = 128256};
  EXPECT_EQ(choose_config(request, h200).cluster, 1);  // only read
  request.gradient = reinterpret_cast<void*>(std::uintptr_t{4096});
  const cuda::SoftmaxCut cut = choose_config(request, h200);
  EXPECT_TRUE(cut.held);
  EXPECT_EQ(cut.row.blocks % cut.cluster, 0);
  EXPECT_GE(std::int64_t{cut.row.packs} * cut.row.threads * cut.cluster * 8, 128256);
  machine::CudaDevice none = h200;
  none.why_not = "no NVIDIA driver";
  for (const Variant& variant : variants()) EXPECT_NE(variant.why_not(none), "");
}

}  // namespace
}  // namespace aisp::kernels::cross_entropy_cuda
