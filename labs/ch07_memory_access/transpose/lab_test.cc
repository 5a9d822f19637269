// Transpose beyond equality with the reference: twice is the identity, bit patterns survive, column
// ranges stay within themselves, and the choice of stores follows its rule.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Lab describe();

namespace {

struct Kernel {
  const char* name;
  void (*run)(const Call&, Store);
  bool available;
};

std::vector<Kernel> kernels() {
  return {{"avx2", transpose_avx2, machine::cpu().avx2},
          {"avx512", transpose_avx512, machine::cpu().avx512}};
}

struct alignas(64) Line {
  float values[16];
};

// A 64-byte aligned array, as the kernels' outputs are.
class Aligned {
 public:
  explicit Aligned(std::size_t count) : lines_((count + 15) / 16 + 1) {}
  float* data() { return lines_[0].values; }

 private:
  std::vector<Line> lines_;
};

TEST(TransposeLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

// Shapes around every block size with both kinds of stores: the lab's sizes reach streaming stores
// only where the L2 is small.
TEST(TransposeLab, KernelsHandleEveryEdgeWithBothStores) {
  for (const Kernel& kernel : kernels()) {
    if (!kernel.available) continue;
    for (const std::int64_t rows : {16, 64, 80, 144, 176}) {
      for (const std::int64_t cols : {1, 15, 16, 17, 64, 80, 97}) {
        for (const Store store : {Store::kCached, Store::kStreaming}) {
          const Shape shape{rows, cols};
          const auto count = static_cast<std::size_t>(rows * cols);
          Aligned in(count), out(count);
          fill_uniform({in.data(), count}, 5);
          kernel.run({in.data(), out.data(), shape, 0, cols}, store);
          for (std::int64_t i = 0; i < rows; ++i) {
            for (std::int64_t j = 0; j < cols; ++j) {
              ASSERT_EQ(out.data()[j * rows + i], in.data()[i * cols + j])
                  << kernel.name << " " << rows << "x" << cols << " at " << i << "," << j;
            }
          }
        }
      }
    }
  }
}

TEST(TransposeLab, TwiceIsTheIdentityForEveryBitPattern) {
  const Shape shape{192, 112};
  const auto count = static_cast<std::size_t>(shape.rows * shape.cols);
  for (const Kernel& kernel : kernels()) {
    if (!kernel.available) continue;
    Aligned in(count), once(count), twice(count);
    Rng rng(7);  // any 32 bits: signalling NaNs, infinities, denormals, negative zero
    for (std::size_t i = 0; i < count; ++i) {
      in.data()[i] = std::bit_cast<float>(static_cast<std::uint32_t>(rng.next()));
    }
    kernel.run({in.data(), once.data(), shape, 0, shape.cols}, Store::kStreaming);
    kernel.run({once.data(), twice.data(), {shape.cols, shape.rows}, 0, shape.rows},
               Store::kStreaming);
    EXPECT_EQ(std::memcmp(in.data(), twice.data(), count * sizeof(float)), 0) << kernel.name;
  }
}

TEST(TransposeLab, ARangeOfColumnsWritesItsRowsOnly) {
  const Shape shape{64, 96};
  const auto count = static_cast<std::size_t>(shape.rows * shape.cols);
  for (const Kernel& kernel : kernels()) {
    if (!kernel.available) continue;
    Aligned in(count), out(count);
    fill_uniform({in.data(), count}, 9);
    for (std::size_t i = 0; i < count; ++i) out.data()[i] = 42.0f;
    kernel.run({in.data(), out.data(), shape, 32, 81}, Store::kStreaming);
    for (std::int64_t j = 0; j < shape.cols; ++j) {
      const bool inside = j >= 32 && j < 81;
      const float want = inside ? in.data()[j] : 42.0f;
      EXPECT_EQ(out.data()[j * shape.rows], want) << kernel.name << " column " << j;
    }
  }
}

TEST(TransposeLab, StreamsOnlyWholeLinesBeyondTheCaches) {
  machine::Cpu cpu;
  cpu.data_caches = {{.level = 2, .size_bytes = 1 << 20}};
  EXPECT_EQ(choose_store({4096, 1024}, cpu), Store::kStreaming);
  EXPECT_EQ(choose_store({4097, 1024}, cpu), Store::kCached) << "rows must be whole lines";
  EXPECT_EQ(choose_store({512, 512}, cpu), Store::kCached) << "2 MiB stay in the caches";
  EXPECT_EQ(choose_store({512, 528}, cpu), Store::kStreaming);
}

TEST(TransposeLab, EverySimdTechniqueSaysWhatItNeeds) {
  int with_needs = 0;
  for (const auto& technique : describe().techniques) {
    if (!technique.needs) continue;
    ++with_needs;
    EXPECT_NE(technique.needs(machine::Cpu{}), "") << technique.name;
    machine::Cpu all;
    all.avx2 = all.avx512 = true;
    EXPECT_EQ(technique.needs(all), "") << technique.name;
  }
  EXPECT_EQ(with_needs, 5);
}

}  // namespace
}  // namespace aisp::labs::ch07::transpose
