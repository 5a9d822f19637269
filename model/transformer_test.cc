// The forward pass against the reference in double, for every architecture; and that a row's bits
// do not depend on what is computed beside it.
#include "model/transformer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/rng.h"
#include "model/lent_model.h"
#include "model/made_model.h"
#include "model/reference.h"
#include "model/rounding_bound.h"

namespace aisp::model {
namespace {

using Logits = std::vector<float>;
using Tokens = std::vector<std::int32_t>;

Tokens random_tokens(std::int64_t count, std::int64_t vocab, std::uint64_t seed) {
  Rng rng(seed);
  Tokens tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(vocab))));
  }
  return tokens;
}

// A model ready to compute, with a cache of blocks that are handed out in a shuffled order.
struct Machine {
  static constexpr std::int32_t kBlocks = 24;

  Machine(const MadeModel& model, KvType type, int threads, std::uint64_t seed = 1)
      : pool(threads),
        weights(model.tensors, model.config, pool),
        cache(model.config, type, kBlocks),
        transformer(weights, cache, pool, 160),
        free_blocks(kBlocks) {
    std::iota(free_blocks.begin(), free_blocks.end(), 0);
    Rng rng(seed);
    for (std::size_t i = free_blocks.size() - 1; i > 0; --i) {
      std::swap(free_blocks[i], free_blocks[rng.below(i + 1)]);
    }
  }

  std::vector<std::int32_t> take_blocks(std::size_t tokens) {
    const std::size_t count = (tokens + kBlockTokens - 1) / kBlockTokens;
    std::vector<std::int32_t> taken(free_blocks.end() - static_cast<std::ptrdiff_t>(count),
                                    free_blocks.end());
    free_blocks.resize(free_blocks.size() - count);
    return taken;
  }

  machine::ThreadPool pool;
  Weights weights;
  KvCache cache;
  Transformer transformer;
  std::vector<std::int32_t> free_blocks;
};

// Logits of all tokens of one sequence, computed `piece` tokens at a time. `beside`: another
// sequence whose tokens ride along in every batch, before or behind.
Logits run(Machine& m, const Tokens& tokens, std::size_t piece, const Tokens& beside = {},
           bool before = false) {
  const auto blocks = m.take_blocks(tokens.size()), other_blocks = m.take_blocks(beside.size());
  const auto vocab = static_cast<std::size_t>(m.weights.config().vocab);
  Logits all;
  std::size_t other_done = 0;
  for (std::size_t done = 0; done < tokens.size();) {
    const std::size_t rows = std::min(piece, tokens.size() - done);
    const std::size_t others = std::min<std::size_t>(3, beside.size() - other_done);
    Tokens batch_tokens;
    std::vector<Sequence> sequences;
    std::vector<std::int32_t> wanted;
    const auto add = [&](const Tokens& from, std::size_t first, std::size_t count,
                         const std::vector<std::int32_t>& table) {
      if (count == 0) return;
      sequences.push_back({.first_row = static_cast<std::int64_t>(batch_tokens.size()),
                           .rows = static_cast<std::int64_t>(count),
                           .context = static_cast<std::int64_t>(first),
                           .blocks = table});
      batch_tokens.insert(batch_tokens.end(), from.begin() + static_cast<std::ptrdiff_t>(first),
                          from.begin() + static_cast<std::ptrdiff_t>(first + count));
    };
    if (before) add(beside, other_done, others, other_blocks);
    for (std::size_t i = 0; i < rows; ++i) {
      wanted.push_back(static_cast<std::int32_t>(batch_tokens.size() + i));
    }
    add(tokens, done, rows, blocks);
    if (!before) add(beside, other_done, others, other_blocks);
    Logits logits(rows * vocab);
    m.transformer.forward({batch_tokens, sequences, wanted}, logits);
    all.insert(all.end(), logits.begin(), logits.end());
    done += rows;
    other_done += others;
  }
  return all;
}

double rms(std::span<const double> values) {
  double sum = 0.0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

class Architectures : public testing::TestWithParam<const char*> {};

TEST_P(Architectures, LogitsAreTheReferences) {
  const MadeModel model(GetParam());
  const Tokens tokens = random_tokens(70, model.config.vocab, 3);
  const std::vector<double> want = reference_logits(model.tensors, model.config, tokens);
  Machine m(model, KvType::kF32, 2);
  const Logits got = run(m, tokens, tokens.size());
  const double bound = rounding_bound(model.tensors, model.config, tokens, want, 9);
  double worst = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - want[i]));
  }
  EXPECT_LE(worst, bound);
  EXPECT_LE(bound, 0.01 * rms(want)) << "a bound that tells nothing";
  RecordProperty("worst_in_bounds", std::to_string(worst / bound));
  RecordProperty("bound_of_rms", std::to_string(bound / rms(want)));
}

TEST_P(Architectures, ARowsBitsAreItsOwn) {
  const MadeModel model(GetParam(), GetParam() == std::string("llama") ? "q8_0" : "f32");
  const Tokens tokens = random_tokens(75, model.config.vocab, 4);
  const Tokens other = random_tokens(75, model.config.vocab, 5);
  Machine two(model, KvType::kBF16, 2, 7), one(model, KvType::kBF16, 1, 8);
  const Logits alone = run(two, tokens, tokens.size());
  EXPECT_TRUE(alone == run(one, tokens, tokens.size())) << "threads";
  EXPECT_TRUE(alone == run(two, tokens, 1)) << "a token at a time";
  EXPECT_TRUE(alone == run(one, tokens, 31)) << "pieces of 31";
  EXPECT_TRUE(alone == run(two, tokens, 2, other, true)) << "behind another sequence";
  EXPECT_TRUE(alone == run(two, tokens, 37, other, false)) << "before another sequence";
}

INSTANTIATE_TEST_SUITE_P(Transformer, Architectures,
                         testing::Values("llama", "mistral", "mixtral", "qwen2", "qwen2moe",
                                         "qwen3", "qwen3moe", "gemma", "gemma2", "gemma3"),
                         [](const auto& info) { return std::string(info.param); });

// Mean Kullback-Leibler divergence of next-token distributions, in nats.
double mean_divergence(const std::vector<double>& want, const Logits& got, std::size_t vocab) {
  double sum = 0.0;
  for (std::size_t at = 0; at < want.size(); at += vocab) {
    const auto log_sum = [&](auto&& value) {
      double largest = -INFINITY, total = 0.0;
      for (std::size_t i = 0; i < vocab; ++i) largest = std::max(largest, value(i));
      for (std::size_t i = 0; i < vocab; ++i) total += std::exp(value(i) - largest);
      return largest + std::log(total);
    };
    const auto p = [&](std::size_t i) { return want[at + i]; };
    const auto q = [&](std::size_t i) { return static_cast<double>(got[at + i]); };
    const double p_sum = log_sum(p), q_sum = log_sum(q);
    for (std::size_t i = 0; i < vocab; ++i) {
      sum += std::exp(p(i) - p_sum) * (p(i) - p_sum - q(i) + q_sum);
    }
  }
  return sum / static_cast<double>(want.size() / vocab);
}

class StoredTypes : public testing::TestWithParam<const char*> {};

// Against the reference on the same stored weights: what is left is the rounding of activations
// (8 bits where weights are integers) and of keys and values.
TEST_P(StoredTypes, DriftIsSmall) {
  const MadeModel model("llama", GetParam());
  const Tokens tokens = random_tokens(64, model.config.vocab, 6);
  const std::vector<double> want = reference_logits(model.tensors, model.config, tokens);
  for (const KvType kv : {KvType::kF16, KvType::kBF16, KvType::kI8}) {
    Machine m(model, kv, 2);
    const Logits got = run(m, tokens, tokens.size());
    EXPECT_LE(mean_divergence(want, got, static_cast<std::size_t>(model.config.vocab)), 0.002);
  }
}

INSTANTIATE_TEST_SUITE_P(Transformer, StoredTypes,
                         testing::Values("f32", "f16", "bf16", "q8_0", "q4_0", "q4_k_m"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Transformer, NothingIsAskedNothingIsDone) {
  const MadeModel model("llama");
  Machine m(model, KvType::kF32, 1);
  m.transformer.forward({}, {});
  const Tokens tokens = {1, 2};
  const std::vector<std::int32_t> blocks = m.take_blocks(2);
  const Sequence sequence{.first_row = 0, .rows = 2, .context = 0, .blocks = blocks};
  m.transformer.forward({tokens, {&sequence, 1}, {}}, {});  // fills the cache, wants no logits
}

// Somebody who only asks for keys and values between two layers leaves what the layer would have
// left there, and the rows as they were.
TEST(Transformer, InPartsItIsTheSame) {
  for (const char* shape : {"llama", "gemma3", "qwen3"}) {
    const MadeModel made(shape, "bf16", 5);
    const Tokens tokens = random_tokens(20, made.config.vocab, 5);
    Machine whole(made, KvType::kF32, 1), parts(made, KvType::kF32, 1);
    const Logits want = run(whole, tokens, tokens.size());
    const std::vector<std::int32_t> blocks = parts.take_blocks(1);
    const Sequence sequence{.first_row = 0, .rows = 20, .context = 0, .blocks = blocks};
    std::vector<std::int32_t> all(20);
    std::iota(all.begin(), all.end(), 0);
    Logits got(20 * static_cast<std::size_t>(made.config.vocab));
    parts.transformer.begin({tokens, {&sequence, 1}, all});
    for (std::int64_t layer = 0; layer < made.config.layers; ++layer) {
      const auto rows = parts.transformer.hidden();
      const std::vector<float> before(rows.begin(), rows.end());
      parts.transformer.only_keys_and_values(layer);
      EXPECT_TRUE(std::ranges::equal(before, parts.transformer.hidden())) << shape;
      const auto block = parts.cache.block(blocks[0]);
      const std::vector<std::byte> kept(block.begin(), block.end());
      parts.transformer.layer(layer);
      EXPECT_TRUE(std::ranges::equal(kept, parts.cache.block(blocks[0]))) << shape;
    }
    parts.transformer.finish(got);
    EXPECT_TRUE(got == want) << shape;
  }
}

// The bytes of a model in borrowed memory, and packed weights used in place: the same logits as
// from a file of the same seed.
TEST(Transformer, BorrowedMemoryGivesTheSameBits) {
  const MadeModel made("mixtral", "q8_0", 3);
  const LentModel lent(made.made, "q8_0");
  const machine::PageBuffer memory(static_cast<std::size_t>(lent.bytes()));
  const std::span<std::byte> bytes(memory.data(), memory.size_bytes());
  lent.fill(3, bytes);
  const Tokens tokens = random_tokens(40, made.config.vocab, 3);
  Machine from_file(made, KvType::kF32, 1);
  KvCache cache(lent.config(), KvType::kF32, 2);
  LentTransformer borrowed(lent, cache, from_file.pool, 40);
  // Another seed's weights first: nothing of them may stay.
  const machine::PageBuffer others(memory.size_bytes());
  lent.fill(4, {others.data(), others.size_bytes()});
  const std::vector<std::int32_t> blocks = {1, 0};
  const Sequence sequence{.first_row = 0, .rows = 40, .context = 0, .blocks = blocks};
  std::vector<std::int32_t> all(40);
  std::iota(all.begin(), all.end(), 0);
  Logits logits(40 * static_cast<std::size_t>(made.config.vocab));
  borrowed.on({others.data(), others.size_bytes()}).forward({tokens, {&sequence, 1}, all}, logits);
  EXPECT_FALSE(logits == run(from_file, tokens, tokens.size()));
  borrowed.on(bytes).forward({tokens, {&sequence, 1}, all}, logits);
  EXPECT_EQ(borrowed.weights().bytes_per_token(), from_file.weights.bytes_per_token());
  EXPECT_TRUE(logits == run(from_file, tokens, tokens.size()));
}

}  // namespace
}  // namespace aisp::model
