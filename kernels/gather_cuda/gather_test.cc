// Gathering and scattered addition of rows against plain loops: element sizes, ragged rows,
// alignments, ids outside the table, and the same bits every time where that is promised.
#include "kernels/gather_cuda/gather.h"

#include <algorithm>
#include <numeric>

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::gather_cuda {
namespace {

using cuda::expect_within;
using cuda::TestTensor;
using Doubles = std::vector<double>;

// Ids of 0..rows-1 with repetitions, and one on each side of the table.
Doubles some_ids(std::int64_t count, std::int64_t rows) {
  Rng rng(static_cast<std::uint64_t>(count));
  Doubles ids(count);
  for (double& id : ids) id = static_cast<double>(rng.below(rows));
  if (count > 4) ids[1] = -1, ids[3] = static_cast<double>(rows);
  return ids;
}

void check_gather(DType type, std::int64_t count, std::int64_t n, int offset) {
  const std::int64_t rows = 50;
  auto table = TestTensor::random(type, rows * n, 1, offset, 50.0);
  const Doubles ids = some_ids(count, rows);
  TestTensor id(DType::kI32, ids), out(type, count * n, offset);
  const int bytes = static_cast<int>(size_bytes(type));
  gather({.element_bytes = bytes,
          .row_bytes = n * bytes,
          .table_rows = rows,
          .count = count,
          .table = table.data(),
          .ids = id.data<std::int32_t>(),
          .out = out.data()});
  machine::device_wait();
  const Doubles from = table.read();
  Doubles want(count * n, 0.0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::int64_t>(ids[i]);
    if (row < 0 || row >= rows) continue;
    std::copy_n(from.begin() + row * n, n, want.begin() + i * n);
  }
  EXPECT_EQ(out.read(), want) << name(type) << " count " << count << " n " << n << " offset "
                              << offset;
}

TEST(GatherCuda, EveryElementWidthAndAlignment) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kI8, DType::kBF16, DType::kF32}) {
    for (const std::int64_t n : {1, 7, 16, 128, 1000, 4096}) {
      for (const int offset : {0, 1}) {
        for (const std::int64_t count : {1, 100}) check_gather(type, count, n, offset);
      }
    }
  }
}

void check_scatter(DType type, std::int64_t count, std::int64_t n, int offset, bool in_order) {
  const std::int64_t table_rows = 20;
  auto rows = TestTensor::random(type, count * n, 1, offset);
  const Doubles start = TestTensor::random(DType::kF32, table_rows * n, 2).read();
  const Doubles ids = some_ids(count, table_rows);
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return ids[a] < ids[b]; });
  TestTensor id(DType::kI32, ids), by(DType::kI32, Doubles(order.begin(), order.end()));
  TestTensor table(DType::kF32, start, offset);
  const ScatterAdd request{.type = type,
                           .n = n,
                           .table_rows = table_rows,
                           .count = count,
                           .rows = rows.data(),
                           .ids = id.data<std::int32_t>(),
                           .order = in_order ? by.data<std::int32_t>() : nullptr,
                           .table = table.data<float>()};
  scatter_add(request);
  machine::device_wait();
  const Doubles got = table.read(), in = rows.read();
  Doubles want = start, size(table_rows * n), times(table_rows, 1.0);
  for (std::int64_t i = 0; i < table_rows * n; ++i) size[i] = std::fabs(start[i]);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::int64_t>(ids[i]);
    if (row < 0 || row >= table_rows) continue;
    times[row] += 1.0;
    for (std::int64_t c = 0; c < n; ++c) {
      want[row * n + c] += in[i * n + c];
      size[row * n + c] += std::fabs(in[i * n + c]);
    }
  }
  for (std::int64_t i = 0; i < table_rows * n; ++i) size[i] *= 0x1p-24 * times[i / n];
  const std::string what = std::string(name(type)) + " count " + std::to_string(count) + " n " +
                           std::to_string(n) + " offset " + std::to_string(offset);
  expect_within(got, want, size, what);
  if (!in_order) return;
  table.write(start);
  scatter_add(request);
  EXPECT_EQ(table.read(), got) << what << ": the same bits again";
}

TEST(GatherCuda, ScatterAdd) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const std::int64_t n : {1, 7, 64, 1000, 4096}) {
      for (const int offset : {0, 1}) {
        for (const bool in_order : {false, true}) {
          check_scatter(type, 1, n, offset, in_order);
          check_scatter(type, 300, n, offset, in_order);
        }
      }
    }
  }
}

TEST(Gather, TableSaysWhyNot) {
  machine::CudaDevice none;
  for (const Variant& variant : variants()) EXPECT_NE(variant.why_not(none), "");
}

}  // namespace
}  // namespace aisp::kernels::gather_cuda
