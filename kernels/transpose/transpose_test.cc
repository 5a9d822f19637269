// Every variant x shapes around its blocks x strides x alignments x kinds of stores, what lies
// between rows untouched, bit patterns, threads, and the choice for made-up machines.
#include "kernels/transpose/transpose.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "base/rng.h"

namespace aisp::kernels::transpose {
namespace {

constexpr std::uint32_t kPoison = 0x7fa12345;  // a signalling NaN that no copy may touch

/// Where the matrices lie: row strides beyond the row, and floats off a line.
struct Layout {
  std::int64_t in_gap = 0, out_gap = 0;
  std::int64_t in_shift = 0, out_shift = 0;
};

struct alignas(64) Line {
  std::uint32_t words[16];
};

/// A buffer of words that starts on a line; any 32 bits must survive.
class Words {
 public:
  Words(std::int64_t count, std::uint32_t value)
      : lines_(static_cast<std::size_t>(count) / 16 + 1) {
    for (Line& line : lines_) {
      for (auto& word : line.words) word = value;
    }
  }
  std::uint32_t& operator[](std::int64_t at) {
    return lines_[static_cast<std::size_t>(at / 16)].words[at % 16];
  }
  std::int64_t count() const { return static_cast<std::int64_t>(lines_.size()) * 16; }
  float* floats() { return reinterpret_cast<float*>(lines_.data()); }

 private:
  std::vector<Line> lines_;
};

void expect_turned(const auto& run, const Shape& shape, const Layout& layout) {
  const auto [rows, cols] = shape;
  const RowStrides strides{cols + layout.in_gap, rows + layout.out_gap};
  Words in(rows * strides.in + layout.in_shift, kPoison);
  Words out(cols * strides.out + layout.out_shift, kPoison);
  Words want = out;
  Rng rng(static_cast<std::uint64_t>(rows * 1000 + cols));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      const auto bits = static_cast<std::uint32_t>(rng.next());
      in[layout.in_shift + i * strides.in + j] = bits;
      want[layout.out_shift + j * strides.out + i] = bits;
    }
  }
  run(Request{in.floats() + layout.in_shift, out.floats() + layout.out_shift, shape, strides});
  for (std::int64_t at = 0; at < out.count(); ++at) {
    ASSERT_EQ(out[at], want[at]) << rows << " x " << cols << ", strides " << strides.in << " and "
                                 << strides.out << ", word " << at;
  }
}

/// Runs `use(run)` for every variant that can run here, and kind of stores.
void for_each_way(const auto& use) {
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    ++ran;
    for (const Store store : {Store::kCached, Store::kStreaming}) {
      SCOPED_TRACE(std::string(variant.name));
      use([&](const Request& request) { variant.run(request, {.store = store}); });
    }
  }
  EXPECT_GE(ran, 1);
}

TEST(Transpose, EveryShapeAroundTheBlocks) {
  for_each_way([](const auto& run) {
    for (const std::int64_t rows : {0, 1, 15, 16, 17, 63, 64, 80, 129, 144}) {
      for (const std::int64_t cols : {0, 1, 15, 16, 17, 32, 65, 80, 97}) {
        expect_turned(run, {rows, cols}, {});
      }
    }
  });
}

TEST(Transpose, EveryStrideAndAlignment) {
  for_each_way([](const auto& run) {
    for (const std::int64_t gap : {1, 16, 48}) {
      for (const std::int64_t shift : {0, 1, 15, 16}) {
        expect_turned(run, {80, 48}, {.in_gap = gap, .out_gap = gap, .in_shift = shift});
        expect_turned(run, {80, 48}, {.in_gap = gap, .out_gap = gap, .out_shift = shift});
        expect_turned(run, {131, 70}, {.in_gap = 3, .out_gap = gap, .out_shift = shift});
      }
    }
  });
}

TEST(Transpose, ThreadsAndTheChoiceOfThisMachine) {
  machine::ThreadPool pool(3);
  const auto threaded = [&](const Request& request) { transpose(request, pool); };
  const auto alone = [](const Request& request) { transpose(request); };
  for (const Shape& shape :
       {Shape{0, 0}, {7, 5}, {640, 400}, {1024, 1025}, {9000, 65}, {66, 5000}}) {
    expect_turned(threaded, shape, {});
    expect_turned(alone, shape, {.in_gap = 2, .out_gap = 16});
  }
}

TEST(Transpose, StridesOfZeroMeanTight) {
  const std::vector<float> in = {1, 2, 3, 4, 5, 6};
  std::vector<float> out(6);
  transpose({in.data(), out.data(), {2, 3}, {}});
  EXPECT_EQ(out, (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

TEST(TransposeDeathTest, AStrideBelowItsRowIsOurBug) {
  std::vector<float> data(12);
  EXPECT_DEATH(transpose({data.data(), data.data() + 6, {2, 3}, {.in = 2}}), "stride");
}

machine::Cpu made_up_cpu() {
  machine::Cpu cpu;
  cpu.data_caches = {{.level = 2, .size_bytes = 1u << 20},
                     {.level = 3, .size_bytes = 32u << 20, .sharing_cores = 8}};
  return cpu;
}

TEST(Transpose, StreamsWhenTheOutputExceedsL2) {
  const machine::Cpu cpu = made_up_cpu();
  EXPECT_EQ(choose_config({512, 512}, cpu, 1).store, Store::kCached);
  EXPECT_EQ(choose_config({512, 513}, cpu, 1).store, Store::kStreaming);
}

TEST(Transpose, ThreadsOnlyWhereTheyPay) {
  const machine::Cpu cpu = made_up_cpu();
  EXPECT_EQ(choose_config({0, 5}, cpu, 8).threads, 1);
  EXPECT_EQ(choose_config({256, 256}, cpu, 8).threads, 1);
  EXPECT_EQ(choose_config({512, 256}, cpu, 8).threads, 2);
  EXPECT_EQ(choose_config({4096, 4096}, cpu, 8).threads, 8);
}

TEST(Transpose, VariantsSayWhyNot) {
  const machine::Cpu bare;
  EXPECT_EQ(variants()[0].why_not(bare), "needs AVX-512");
  EXPECT_EQ(variants()[1].why_not(bare), "needs AVX2");
  EXPECT_EQ(variants()[2].why_not(bare), "");
  EXPECT_EQ(widest(bare).name, "portable");
}

}  // namespace
}  // namespace aisp::kernels::transpose
