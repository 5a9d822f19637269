// Transposition on the device: both element sizes, whole and ragged shapes, strides, alignments;
// exact.
#include "kernels/transpose_cuda/transpose.h"

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::transpose_cuda {
namespace {

using cuda::TestTensor;
using Doubles = std::vector<double>;

void check_case(int bytes, std::int64_t rows, std::int64_t cols, int offset, std::int64_t pad) {
  const DType type = bytes == 2 ? DType::kBF16 : DType::kF32;
  const std::int64_t in_stride = cols + pad, out_stride = rows + 2 * pad;
  auto in = TestTensor::random(type, rows * in_stride, 1, offset);
  const Doubles before(cols * out_stride, 5.0);
  TestTensor out(type, before, offset);
  transpose({.element_bytes = bytes,
             .rows = rows,
             .cols = cols,
             .in = in.data(),
             .out = out.data(),
             .in_stride = pad == 0 ? 0 : in_stride,
             .out_stride = pad == 0 ? 0 : out_stride});
  machine::device_wait();
  const Doubles x = in.read();
  Doubles want = before;  // what lies between rows is left alone
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) want[c * out_stride + r] = x[r * in_stride + c];
  }
  EXPECT_EQ(out.read() == want, true)
      << bytes << " bytes, " << rows << " x " << cols << ", offset " << offset << ", pad " << pad;
}

TEST(TransposeCuda, EveryShapeStrideAndAlignment) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const int bytes : {2, 4}) {
    for (const std::int64_t rows : {1, 8, 33, 64, 200, 1000}) {
      for (const std::int64_t cols : {1, 8, 37, 64, 136, 1024}) {
        for (const int offset : {0, 1}) {
          for (const std::int64_t pad : {0, 3, 8}) check_case(bytes, rows, cols, offset, pad);
        }
      }
    }
    check_case(bytes, 2100000, 8, 0, 0);  // more rows of blocks than a grid has
    check_case(bytes, 2100001, 3, 0, 0);
  }
}

TEST(Transpose, ChoiceWithoutACard) {
  Request r{.element_bytes = 2, .rows = 4096, .cols = 4096};
  EXPECT_EQ(choose_variant(r).name, "registers");
  r.cols = 4100;
  EXPECT_EQ(choose_variant(r).name, "tile");
  r = {.element_bytes = 4, .rows = 4096, .cols = 4100};
  EXPECT_EQ(choose_variant(r).name, "registers");
  r.out_stride = 4098;
  EXPECT_EQ(choose_variant(r).name, "tile");
  machine::CudaDevice none;
  for (const Variant& variant : variants()) EXPECT_NE(variant.why_not(none), "");
}

}  // namespace
}  // namespace aisp::kernels::transpose_cuda
