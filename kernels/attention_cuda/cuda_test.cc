// Attention on the GPU: the choice and the schedule on any machine; every variant against the
// formula in double on a card: causal or not, grouped heads, ragged and packed sequences, layouts,
// types, special values.
#include "kernels/attention_cuda/cuda.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <vector>

#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/attention_cuda/launches.h"
#include "kernels/attention_cuda/schedule.h"

namespace aisp::kernels::attention_cuda {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::uint16_t kPoison = 0x7fff;  // a NaN in both types

std::uint16_t narrow(DType type, float value) {
  if (type == DType::kBF16) return bf16(value).bits;
  return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
}
double widen(DType type, std::uint16_t bits) {
  if (type == DType::kF16) return static_cast<double>(std::bit_cast<_Float16>(bits));
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

/// One tensor: every element of the layout is random, so that a wrong stride finds wrong numbers.
struct Tensor {
  DType type;
  Strides strides;
  std::vector<std::uint16_t> host;
  machine::DeviceArray device;

  Tensor(DType type_of, const Strides& strides_of, std::int64_t elements, std::uint64_t seed,
         float deviation)
      : type(type_of), strides(strides_of) {
    std::vector<float> values(static_cast<std::size_t>(elements));
    fill_normal(values, seed, deviation);
    for (const float value : values) host.push_back(narrow(type, value));
  }
  std::size_t at(std::int64_t b, std::int64_t row, std::int64_t head, std::int64_t d) const {
    return static_cast<std::size_t>(b * strides.batch + row * strides.token + head * strides.head +
                                    d);
  }
  double value(std::int64_t b, std::int64_t row, std::int64_t head, std::int64_t d) const {
    return widen(type, host[at(b, row, head, d)]);
  }
};

enum class Layout { kTokensHeads, kHeadsTokens, kOddStrides };

struct Sequence {
  std::int64_t queries, keys;
};

/// A request with its memory. Packed when `sequences` are given.
class Problem {
 public:
  explicit Problem(const Shape& shape, Layout layout = Layout::kTokensHeads, float q_deviation = 1,
                   std::vector<Sequence> sequences = {})
      : shape_(shape),
        sequences_(std::move(sequences)),
        packed_(!sequences_.empty()),
        q(tensor(shape.heads, layout, true, 1, q_deviation)),
        k(tensor(shape.kv_heads, layout, false, 2, 1)),
        v(tensor(shape.kv_heads, layout, false, 3, 1)),
        o(tensor(shape.heads, layout, true, 4, 1)) {
    std::fill(o.host.begin(), o.host.end(), kPoison);
    for (std::int64_t b = 0; !packed_ && b < shape.batch; ++b) {
      sequences_.push_back({shape.queries, shape.keys});
    }
  }

  /// Runs the variant and says what is wrong, "" when nothing is.
  std::string wrong(const Variant& variant) {
    run(variant);
    const std::string lse = wrong_lse();
    if (!lse.empty()) return lse;
    std::vector<double> got, want, bound;
    std::vector<bool> inside(o.host.size(), false);
    for_all_rows([&](std::int64_t b, std::int64_t row, std::int64_t i, std::int64_t h) {
      const Row exact = reference(b, i, h);
      for (std::int64_t d = 0; d < shape_.D; ++d) {
        got.push_back(o.value(packed_ ? 0 : b, row, h, d));
        want.push_back(exact.o[static_cast<std::size_t>(d)]);
        bound.push_back(exact.bound[static_cast<std::size_t>(d)]);
        inside[o.at(packed_ ? 0 : b, row, h, d)] = true;
      }
    });
    for (std::size_t i = 0; i < inside.size(); ++i) {
      if (!inside[i] && o.host[i] != kPoison) return fmt::format("wrote outside of o at {}", i);
    }
    // The root mean square of the error, in bounds, for random data (simulated): 0.06 with 300 keys
    // to 0.17 with a few; with two bits less in the probabilities 0.18 to 0.35.
    const Comparison comparison =
        compare(got.data(), DType::kF64, got.size(), {want, bound}, {.relative = 1.0, .rms = 0.2});
    return comparison.ok() ? "" : describe(comparison);
  }

  void run(const Variant& variant) {
    for (Tensor* tensor : {&q, &k, &v, &o}) {
      tensor->device = machine::DeviceArray(std::span<const std::uint16_t>(tensor->host));
    }
    std::vector<std::int32_t> q_starts = {0}, k_starts = {0};
    for (const Sequence& sequence : sequences_) {
      q_starts.push_back(q_starts.back() + static_cast<std::int32_t>(sequence.queries));
      k_starts.push_back(k_starts.back() + static_cast<std::int32_t>(sequence.keys));
    }
    machine::DeviceArray q_device{std::span<const std::int32_t>(q_starts)};
    machine::DeviceArray k_device{std::span<const std::int32_t>(k_starts)};
    const std::int64_t rows = packed_ ? q_starts.back() : shape_.batch * shape_.queries;
    machine::DeviceArray lse_device(static_cast<std::size_t>(rows * shape_.heads) * sizeof(float));
    lse_device.fill(0xff);
    Request request = this->request();
    request.lse = lse_device.as<float>();
    if (packed_) {
      request.query_starts = q_device.as<std::int32_t>();
      request.key_starts = k_device.as<std::int32_t>();
      request.total_queries = q_starts.back();
      request.total_keys = k_starts.back();
    }
    variant.run(request);
    machine::device_wait();
    lse_ = lse_device.host<float>();
    o.host = o.device.host<std::uint16_t>();
  }

  Request request() const {
    return {.shape = shape_,
            .q = q.device.as<>(),
            .k = k.device.as<>(),
            .v = v.device.as<>(),
            .o = o.device.as<>(),
            .q_strides = q.strides,
            .k_strides = k.strides,
            .v_strides = v.strides,
            .o_strides = o.strides};
  }

 private:
  struct Row {
    std::vector<double> o, bound;
    double lse, lse_bound;
  };

  Tensor tensor(std::int64_t heads, Layout layout, bool of_queries, std::uint64_t seed,
                float deviation) const {
    std::int64_t tokens = of_queries ? shape_.queries : shape_.keys, batch = shape_.batch;
    if (packed_) {
      tokens = 0;
      batch = 1;
      for (const Sequence& s : sequences_) tokens += of_queries ? s.queries : s.keys;
    }
    const std::int64_t D = shape_.D + (layout == Layout::kOddStrides ? 3 : 0);
    const Strides strides = layout == Layout::kHeadsTokens
                                ? Strides{heads * tokens * D, D, tokens * D}
                                : Strides{tokens * heads * D, heads * D, D};
    return {shape_.type, strides, batch * tokens * heads * D, seed, deviation};
  }

  template <class Visit>
  void for_all_rows(Visit visit) const {
    std::int64_t begin = 0;
    for (std::size_t b = 0; b < sequences_.size(); ++b) {
      for (std::int64_t i = 0; i < sequences_[b].queries; ++i) {
        for (std::int64_t h = 0; h < shape_.heads; ++h) {
          visit(static_cast<std::int64_t>(b), begin + i, i, h);
        }
      }
      if (packed_) begin += sequences_[b].queries;
    }
  }

  /// The formula in double, and its bound. With u the rounding of the type and w = 2^-24: a score
  /// is wrong by at most ds = (dot_bound(D) + 4 w) scale sum |q k| (the 4: scale, log2 e and their
  /// product, rounded), so an exponential by 2 ds relative to the row's largest, plus 8 w for exp2
  /// and the online rescaling of each tile; rounded to the type for the product with V: u; sums of
  /// n in f32: dot_bound(n). f16 has no exponentials below 2^-25: that much of each |v|. The result
  /// is rounded once more: u |o|.
  Row reference(std::int64_t b, std::int64_t i, std::int64_t h) const {
    const auto at = static_cast<std::size_t>(b);
    const std::int64_t keys = sequences_[at].keys, queries = sequences_[at].queries;
    std::int64_t q_row = i, k_row = 0;
    for (std::size_t before = 0; packed_ && before < at; ++before) {
      q_row += sequences_[before].queries;
      k_row += sequences_[before].keys;
    }
    const std::int64_t batch = packed_ ? 0 : b, kv = h / (shape_.heads / shape_.kv_heads);
    const std::int64_t seen = shape_.causal ? std::min(keys, i + keys - queries + 1) : keys;
    const double scale = 1.0 / std::sqrt(static_cast<double>(shape_.D)), w = 0x1p-24;
    const double u = shape_.type == DType::kBF16 ? 0x1p-8 : 0x1p-11;
    Row row{std::vector<double>(static_cast<std::size_t>(shape_.D)), {}, -kInf, 0.0};
    row.bound.resize(row.o.size());
    if (seen <= 0) return row;
    std::vector<double> score(static_cast<std::size_t>(seen));
    double top = -kInf, ds = 0.0, sum = 0.0;
    for (std::int64_t j = 0; j < seen; ++j) {
      double dot = 0.0, size = 0.0;
      for (std::int64_t d = 0; d < shape_.D; ++d) {
        const double term = q.value(batch, q_row, h, d) * k.value(batch, k_row + j, kv, d);
        dot += term;
        size += std::abs(term);
      }
      score[static_cast<std::size_t>(j)] = scale * dot;
      top = std::max(top, scale * dot);
      ds = std::max(ds, scale * size * (dot_bound(static_cast<double>(shape_.D), w) + 4 * w));
    }
    for (double& s : score) sum += s = std::exp(s - top);
    const double n = static_cast<double>(seen);
    const double relative = u + 2 * ds + 2 * dot_bound(n, w) + (8 + n / 64) * w;
    const double absolute = shape_.type == DType::kF16 ? 0x1p-25 / sum : 0.0;
    for (std::int64_t d = 0; d < shape_.D; ++d) {
      double value = 0.0, size = 0.0, plain = 0.0;
      for (std::int64_t j = 0; j < seen; ++j) {
        const double x = v.value(batch, k_row + j, kv, d);
        value += score[static_cast<std::size_t>(j)] / sum * x;
        size += score[static_cast<std::size_t>(j)] / sum * std::abs(x);
        plain += std::abs(x);
      }
      const auto to = static_cast<std::size_t>(d);
      row.o[to] = value;
      row.bound[to] = relative * size + absolute * plain + u * std::abs(value) + 0x1p-60;
    }
    row.lse = top + std::log(sum);
    row.lse_bound = ds + dot_bound(n, w) + (8 + n / 64) * w + 4 * w * std::abs(row.lse);
    return row;
  }

  std::string wrong_lse() const {
    std::string wrong;
    const std::int64_t rows =
        static_cast<std::int64_t>(lse_.size()) / shape_.heads / (packed_ ? 1 : shape_.batch);
    for_all_rows([&](std::int64_t b, std::int64_t row, std::int64_t i, std::int64_t h) {
      const Row exact = reference(b, i, h);
      const auto at = static_cast<std::size_t>(((packed_ ? 0 : b) * shape_.heads + h) * rows + row);
      const double got = static_cast<double>(lse_[at]);
      const bool ok = std::isfinite(exact.lse) ? std::abs(got - exact.lse) <= exact.lse_bound
                                               : got == exact.lse;
      if (!ok && wrong.empty()) {
        wrong = fmt::format("lse of sequence {}, query {}, head {}: {}, want {} within {}", b, i, h,
                            got, exact.lse, exact.lse_bound);
      }
    });
    return wrong;
  }

  Shape shape_;
  std::vector<Sequence> sequences_;
  bool packed_;
  std::vector<float> lse_;

 public:
  Tensor q, k, v, o;
};

/// The variants that run here and take it; a test that finds none is not a test.
std::vector<const Variant*> runnable(const Request& request) {
  std::vector<const Variant*> list;
  for (const Variant& variant : variants()) {
    if (variant.why_not(machine::cuda_device()).empty() && variant.refuses(request).empty()) {
      list.push_back(&variant);
    }
  }
  EXPECT_FALSE(list.empty());
  return list;
}

void expect_right(Problem problem, const std::string& what) {
  for (const Variant* variant : runnable(problem.request())) {
    EXPECT_EQ(problem.wrong(*variant), "") << variant->name << ", " << what;
  }
}

std::string text(const Shape& shape) {
  return fmt::format("B{} Tq{} Tk{} H{}/{} D{} {} {}", shape.batch, shape.queries, shape.keys,
                     shape.heads, shape.kv_heads, shape.D, shape.causal ? "causal" : "full",
                     name(shape.type));
}

#define AISP_NEEDS_GPU()                            \
  if (!machine::cuda_device().why_not.empty()) {    \
    GTEST_SKIP() << machine::cuda_device().why_not; \
  }

TEST(AttentionCuda, RaggedSizes) {
  AISP_NEEDS_GPU();
  for (const std::int64_t D : {64, 128}) {
    for (const bool causal : {false, true}) {
      for (const auto& [queries, keys] : std::vector<Sequence>{{1, 1},
                                                               {1, 300},
                                                               {63, 64},
                                                               {64, 65},
                                                               {129, 127},
                                                               {200, 200},
                                                               {193, 385},
                                                               {130, 70}}) {
        const Shape shape{1, queries, keys, 4, 2, D, causal};
        expect_right(Problem(shape), text(shape));
      }
    }
  }
}

TEST(AttentionCuda, F16AndGroups) {
  AISP_NEEDS_GPU();
  for (const std::int64_t D : {64, 128}) {
    const Shape shape{2, 150, 170, 6, 1, D, true, DType::kF16};
    expect_right(Problem(shape), text(shape));
    const Shape own_heads{2, 150, 170, 3, 3, D, false, DType::kF16};
    expect_right(Problem(own_heads), text(own_heads));
  }
}

// More tiles than multiprocessors: blocks take several, with and without keys to see.
TEST(AttentionCuda, SeveralTilesForEachBlock) {
  AISP_NEEDS_GPU();
  for (const std::int64_t D : {64, 128}) {
    const Shape shape{11, 260, 200, 8, 2, D, true};
    expect_right(Problem(shape), text(shape));
  }
}

TEST(AttentionCuda, Packed) {
  AISP_NEEDS_GPU();
  const std::vector<Sequence> sequences = {{5, 50},  {200, 200}, {0, 3}, {129, 100},
                                           {64, 64}, {1, 1},     {3, 0}, {40, 300}};
  for (const std::int64_t D : {64, 128}) {
    for (const bool causal : {false, true}) {
      const Shape shape{static_cast<std::int64_t>(sequences.size()), 200, 300, 4, 2, D, causal};
      expect_right(Problem(shape, Layout::kTokensHeads, 1, sequences), "packed " + text(shape));
    }
  }
}

TEST(AttentionCuda, Layouts) {
  AISP_NEEDS_GPU();
  const Shape shape{2, 140, 150, 4, 2, 64, true};
  expect_right(Problem(shape, Layout::kHeadsTokens), "heads before tokens");
  Problem odd(shape, Layout::kOddStrides);
  EXPECT_NE(why_unaligned(odd.request()), "");
  expect_right(std::move(odd), "odd strides");
}

// Softmax that is all but one key, scores of some hundreds.
TEST(AttentionCuda, LargeScores) {
  AISP_NEEDS_GPU();
  for (const std::int64_t D : {64, 128}) {
    const Shape shape{1, 140, 200, 2, 2, D, true};
    expect_right(Problem(shape, Layout::kTokensHeads, 50), "large scores " + text(shape));
  }
}

TEST(AttentionCuda, NanAndInfinityStayInTheirRows) {
  AISP_NEEDS_GPU();
  const Shape shape{1, 200, 200, 1, 1, 128, true};
  const std::int64_t query = 70, key = 130;
  for (const float special : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    for (const bool in_k : {false, true}) {
      Problem problem(shape);
      Tensor& tensor = in_k ? problem.k : problem.q;
      tensor.host[tensor.at(0, in_k ? key : query, 0, 5)] = narrow(shape.type, special);
      for (const Variant* variant : runnable(problem.request())) {
        problem.run(*variant);
        for (std::int64_t i = 0; i < shape.queries; ++i) {
          const bool spoiled = std::isnan(problem.o.value(0, i, 0, 7));
          if (in_k && special > 0) {  // a score of -inf is a probability of 0
            EXPECT_TRUE(!spoiled || i >= key) << variant->name << " row " << i;
          } else {
            EXPECT_EQ(spoiled, in_k ? i >= key : i == query) << variant->name << " row " << i;
          }
        }
      }
    }
  }
}

TEST(AttentionCuda, NothingToDo) {
  AISP_NEEDS_GPU();
  forward({.shape = {0, 5, 5, 1, 1, 64}});
  forward({.shape = {1, 0, 5, 1, 1, 64}});
  Problem no_keys({1, 70, 0, 2, 1, 64, false});
  expect_right(std::move(no_keys), "no keys");
}

// Every tile once, none else, whatever the number of blocks.
TEST(AttentionSchedule, CoversEveryTileOnce) {
  for (const int blocks : {1, 3, 132}) {
    for (const int section : {1, 4, 7, 1000}) {
      const Work work{.batch = 3,
                      .queries = 500,
                      .keys = 500,
                      .heads = 4,
                      .section_heads = section,
                      .causal = 1};
      std::set<std::tuple<int, int, int>> seen;
      int count = 0;
      for (int block = 0; block < blocks; ++block) {
        Schedule<128> schedule(work, block, blocks);
        for (Tile tile = schedule.next(); tile.batch >= 0; tile = schedule.next(), ++count) {
          seen.insert({tile.batch, tile.head, tile.first_query});
        }
      }
      EXPECT_EQ(count, 3 * 4 * 4);
      EXPECT_EQ(seen.size(), 48u);
    }
  }
}

TEST(AttentionSchedule, CoversPackedSequences) {
  const std::vector<std::int32_t> starts = {0, 5, 5, 300, 428};  // 1, 0, 3 and 1 tiles
  const Work work{.query_starts = starts.data(),
                  .key_starts = starts.data(),
                  .batch = 4,
                  .heads = 2,
                  .causal = 1};
  for (const int blocks : {1, 3, 132}) {
    std::set<std::tuple<int, int, int>> seen;
    for (int block = 0; block < blocks; ++block) {
      Schedule<128> schedule(work, block, blocks);
      for (Tile tile = schedule.next(); tile.batch >= 0; tile = schedule.next()) {
        EXPECT_LT(tile.first_query, tile.queries);
        EXPECT_EQ(tile.query_row, starts[static_cast<std::size_t>(tile.batch)]);
        EXPECT_TRUE(seen.insert({tile.batch, tile.head, tile.first_query}).second);
      }
    }
    EXPECT_EQ(seen.size(), 10u);
  }
}

// The busiest block has at most 1 % more keys than the mean, sections or not.
TEST(AttentionSchedule, BalancesCausalTiles) {
  for (const int section : {16, 32, 128}) {
    const Work work{.batch = 4,
                    .queries = 4096,
                    .keys = 4096,
                    .heads = 32,
                    .section_heads = section,
                    .causal = 1};
    int most = 0, all = 0;
    for (int block = 0; block < 132; ++block) {
      Schedule<128> schedule(work, block, 132);
      int sum = 0;
      for (Tile tile = schedule.next(); tile.batch >= 0; tile = schedule.next()) {
        sum += key_tiles<128, 128>(tile, 1);
      }
      most = std::max(most, sum);
      all += sum;
    }
    EXPECT_LT(most, 1.01 * all / 132) << section;
  }
}

TEST(AttentionSchedule, KeysBeforeTheTile) {
  const Tile tile{.first_query = 128, .queries = 300, .keys = 200};
  EXPECT_EQ((key_tiles<128, 64>(tile, 0)), 4);
  EXPECT_EQ((key_tiles<128, 64>(tile, 1)), 3);  // the last query is 255, it sees 156 keys
  EXPECT_EQ((key_tiles<128, 64>(Tile{.first_query = 0, .queries = 300, .keys = 100}, 1)), 0);
}

TEST(AttentionConfig, FillsTheCardAndKeepsSectionsInCache) {
  const machine::CudaDevice h200 = machine::described_h200();
  const Config llama = choose_config({4, 4096, 4096, 32, 8, 128}, h200);
  EXPECT_EQ(llama.blocks, h200.multiprocessors);
  EXPECT_EQ(llama.tile_queries, 128);
  EXPECT_LE(static_cast<std::size_t>(llama.section_heads / 4 * 4 * 4096 * 128),
            h200.l2_bytes * 5 / 8);
  EXPECT_EQ(llama.section_heads % 4, 0);
  EXPECT_EQ(choose_config({1, 100, 100, 2, 2, 64}, h200).blocks, 2);
  EXPECT_GE(choose_config({1, 1 << 20, 1 << 20, 4, 4, 128}, h200).section_heads, 1);
}

TEST(AttentionConfig, VariantsAreListedEverywhere) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  ASSERT_EQ(variants().size(), 2u);
  EXPECT_NE(variants()[0].why_not(ampere), "");
  EXPECT_EQ(variants()[1].why_not(ampere), "");
  ampere.major = 7;
  EXPECT_NE(variants()[1].why_not(ampere), "");
}

}  // namespace
}  // namespace aisp::kernels::attention_cuda
