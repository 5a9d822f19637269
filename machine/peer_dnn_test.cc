// oneDNN's primitives compute what their names say when the library is there, and give a reason
// when it is not.
#include "machine/peer_dnn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "machine/peer_blas.h"

namespace aisp::machine {
namespace {

/// Absence is a reason, and a primitive an Error. True when there is nothing more to test.
bool absent() {
  const std::string reason = dnn_why_not();
  if (reason.empty()) return false;
  EXPECT_NE(reason.find("dnn"), std::string::npos) << reason;
  EXPECT_THROW(DnnPrimitive::softmax({{2, 3}, {}}), Error);
  return true;
}

TEST(PeerDnn, SoftmaxOfStridedRowsInPlaceWithAMask) {
  if (absent()) return;
  for (const int threads : {1, 2}) {
    PeerUse use(peer_blas(PeerLibrary::kOneDnn), threads);
    use.blas();
    auto softmax = DnnPrimitive::softmax({{2, 3}, {4, 1}});
    std::vector<float> y = {0.0f, 0.0f, -INFINITY, 77.0f, 1.0f, 1.0f, 1.0f, 77.0f};
    softmax.run({y.data(), y.data()});
    const std::vector<float> want = {0.5f,        0.5f,        0.0f,        77.0f,
                                     1.0f / 3.0f, 1.0f / 3.0f, 1.0f / 3.0f, 77.0f};
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], want[i], 1e-6) << i;
    EXPECT_NE(softmax.implementation(), "");
  }
}

TEST(PeerDnn, LayerNormWithScaleAndShift) {
  if (absent()) return;
  auto norm = DnnPrimitive::layer_norm({{2, 4}, {}}, 0.25f);
  const std::vector<float> x = {1, 2, 3, 4, -5, -5, -5, -5};
  const std::vector<float> scale = {1, 2, 1, 1}, shift = {0, 0, 10, 0};
  std::vector<float> y(8);
  norm.run({x.data(), scale.data(), shift.data(), y.data()});
  const double factor = 1.0 / std::sqrt(1.25 + 0.25);
  EXPECT_NEAR(y[0], -1.5 * factor, 1e-6);
  EXPECT_NEAR(y[1], 2.0 * -0.5 * factor, 1e-6);
  EXPECT_NEAR(y[2], 10.0 + 0.5 * factor, 1e-5);
  EXPECT_EQ(y[4], 0.0f);
  EXPECT_EQ(y[6], 10.0f);
}

TEST(PeerDnn, BatchedMatmulWithATransposedSharedFactor) {
  if (absent()) return;
  // Two products of [1,3] with one [3,2] that is stored transposed, times 0.5.
  auto product =
      DnnPrimitive::matmul({{2, 1, 3}, {}}, {{1, 3, 2}, {6, 1, 3}}, {{2, 1, 2}, {}}, 0.5f);
  const std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {1, 1, 1, 2, 0, 1};
  std::vector<float> c(4);
  product.run({a.data(), b.data(), c.data()});
  EXPECT_EQ(c, (std::vector<float>{3.0f, 2.5f, 7.5f, 7.0f}));
}

TEST(PeerDnn, SgemmTransposedWithAFactor) {
  if (absent()) return;
  const std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {1, 1, 1, 2, 0, 1};
  std::vector<float> c(4);
  const DnnSgemm gemm = {
      .m = 2, .n = 2, .k = 3, .alpha = 0.5f, .transposed_b = true, .lda = 3, .ldb = 3, .ldc = 2};
  gemm.run(a.data(), b.data(), c.data());
  EXPECT_EQ(c, (std::vector<float>{3.0f, 2.5f, 7.5f, 7.0f}));
}

TEST(PeerDnn, ARefusalIsAnError) {
  if (absent()) return;
  EXPECT_THROW(DnnPrimitive::matmul({{2, 3}, {}}, {{4, 2}, {}}, {{2, 2}, {}}, 1.0f), Error);
}

}  // namespace
}  // namespace aisp::machine
