// cuBLASLt as a peer: a product in both layouts and with an epilogue, and its absence.
#include "machine/peer_cublaslt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::machine {
namespace {

TEST(PeerCublasLt, WithoutALibraryOrDeviceItThrows) {
  if (cuda_device().why_not.empty()) GTEST_SKIP() << "there is a GPU";
  EXPECT_THROW(CublasLt({.m = 16, .n = 16, .k = 16}), Error);
}

/// Both layouts of B and an epilogue, against sums in double.
TEST(PeerCublasLtCuda, MultipliesAsDescribed) {
  if (!cuda_device().why_not.empty()) GTEST_SKIP() << cuda_device().why_not;
  if (!CublasLt::why_not().empty()) GTEST_SKIP() << CublasLt::why_not();
  constexpr std::int64_t kM = 24, kN = 40, kK = 56;
  std::vector<float> a(kM * kK), b(kK * kN), bias(kN);
  fill_uniform(a, 1);
  fill_uniform(b, 2);
  fill_uniform(bias, 3);
  const DeviceArray a_there{std::span<const float>(a)}, b_there{std::span<const float>(b)};
  const DeviceArray bias_there{std::span<const float>(bias)};
  for (const bool by_columns : {false, true}) {
    for (const bool biased : {false, true}) {
      CublasLt product({.m = kM,
                        .n = kN,
                        .k = kK,
                        .type = LtProduct::Type::kF32,
                        .b_by_columns = by_columns,
                        .epilogue =
                            biased ? LtProduct::Epilogue::kBias : LtProduct::Epilogue::kNone});
      DeviceArray c_there(kM * kN * sizeof(float));
      c_there.fill(0xff);
      product.run(nullptr, a_there.as(), b_there.as(), c_there.as(),
                  biased ? bias_there.as() : nullptr);
      device_wait();
      const std::vector<float> c = c_there.host<float>();
      for (std::int64_t i = 0; i < kM; ++i) {
        for (std::int64_t j = 0; j < kN; ++j) {
          double sum = biased ? bias[j] : 0.0;
          for (std::int64_t q = 0; q < kK; ++q) {
            sum += static_cast<double>(a[i * kK + q]) * b[by_columns ? j * kK + q : q * kN + j];
          }
          ASSERT_NEAR(c[i * kN + j], sum, 1e-5) << i << " " << j;  // 56 terms below 1: 56 x 2^-24
        }
      }
    }
  }
}

}  // namespace
}  // namespace aisp::machine
