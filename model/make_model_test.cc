// Made models: every architecture can be made, read back as it was meant, and computes sanely.
#include "model/make_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "base/error.h"
#include "base/rng.h"
#include "model/made_model.h"
#include "model/reference.h"

namespace aisp::model {
namespace {

void expect_same(const Rope& a, const Rope& b) {
  EXPECT_EQ(a.pairs, b.pairs);
  EXPECT_EQ(a.size, b.size);
  EXPECT_EQ(a.theta, b.theta);
  EXPECT_EQ(a.scaling, b.scaling);
  EXPECT_EQ(a.factor, b.factor);
  EXPECT_EQ(a.divisors, b.divisors);
}

TEST(MakeModel, IsReadAsItWasMeant) {
  for (const char* name : kArchitectures) {
    SCOPED_TRACE(name);
    const MadeModel m(name);
    const ModelConfig &a = m.made, &b = m.config;
    EXPECT_EQ(a.architecture, b.architecture);
    for (const auto field : {&ModelConfig::vocab, &ModelConfig::context, &ModelConfig::layers,
                             &ModelConfig::width, &ModelConfig::heads, &ModelConfig::kv_heads,
                             &ModelConfig::head_size, &ModelConfig::ff_size}) {
      EXPECT_EQ(a.*field, b.*field);
    }
    for (const auto field :
         {&ModelConfig::norm_epsilon, &ModelConfig::embedding_scale, &ModelConfig::attention_scale,
          &ModelConfig::attention_cap, &ModelConfig::logit_cap}) {
      EXPECT_EQ(a.*field, b.*field);
    }
    for (const auto field :
         {&ModelConfig::norm_adds_one, &ModelConfig::query_key_norm, &ModelConfig::post_norms,
          &ModelConfig::qkv_biases, &ModelConfig::tied_output}) {
      EXPECT_EQ(a.*field, b.*field);
    }
    EXPECT_EQ(a.activation, b.activation);
    EXPECT_EQ(a.windows, b.windows);
    EXPECT_EQ(a.experts.count, b.experts.count);
    EXPECT_EQ(a.experts.used, b.experts.used);
    EXPECT_EQ(a.experts.size, b.experts.size);
    EXPECT_EQ(a.experts.shared_size, b.experts.shared_size);
    EXPECT_EQ(a.experts.normalize, b.experts.normalize);
    expect_same(a.rope, b.rope);
    expect_same(a.local_rope, b.local_rope);
  }
}

TEST(MakeModel, CountsItsParameters) {
  for (const char* name : kArchitectures) {
    const MadeModel m(name);
    std::int64_t count = 0;
    for (const Tensor& tensor : m.file.tensors()) {
      if (tensor.name != "rope_freqs.weight") count += tensor.elements();
    }
    EXPECT_EQ(parameter_count(m.config), count) << name;
    EXPECT_LE(parameter_count(m.config, true), count) << name;
  }
  EXPECT_EQ(parameter_count(*shape_of_name("llama3.2-1b")), 1235814400);
  EXPECT_EQ(parameter_count(*shape_of_name("qwen2.5-0.5b")), 494032768);
  EXPECT_EQ(parameter_count(*shape_of_name("qwen3-0.6b")), 596049920);
  EXPECT_EQ(parameter_count(*shape_of_name("smollm-135m")), 134515008);
  EXPECT_EQ(parameter_count(*shape_of_name("mixtral-8x7b")), 46702792704);
  EXPECT_EQ(parameter_count(*shape_of_name("gemma3-1b")), 999885952);
  EXPECT_EQ(parameter_count(*shape_of_name("gemma2-2b")), 2614341888);
}

TEST(MakeModel, TheSameSeedGivesTheSameBytes) {
  const TemporaryFolder folder;
  MakeOptions options;
  options.config = *tiny_shape("qwen2moe");
  options.tokenizer = byte_vocabulary(options.config.vocab);
  options.type = "q4_k_m";
  options.outliers = 0.01;
  for (const int threads : {1, 3}) {
    options.threads = threads;
    make_model(options, folder.path(std::to_string(threads)));
  }
  EXPECT_EQ(folder.get("1"), folder.get("3"));
  options.seed = 2;
  make_model(options, folder.path("1"));
  EXPECT_NE(folder.get("1"), folder.get("3"));
}

double deviation(std::span<const double> values) {
  double square = 0.0;
  for (const double v : values) square += v * v;
  return std::sqrt(square / static_cast<double>(values.size()));
}

TEST(MakeModel, ActivationsStaySane) {
  std::vector<std::int32_t> tokens;
  Rng rng(5);
  for (int i = 0; i < 24; ++i) tokens.push_back(static_cast<std::int32_t>(rng.below(512)));
  for (const char* name : kArchitectures) {
    SCOPED_TRACE(name);
    const MadeModel m(name);
    ReferenceOptions options;
    double before = 0.0;
    options.on_layer = [&](std::int64_t layer, std::span<const double> hidden) {
      if (layer < 0) before = deviation(hidden);
      EXPECT_GE(deviation(hidden), 0.9 * before);
      EXPECT_LE(deviation(hidden), 2.5 * before);
    };
    std::map<std::int64_t, int> loads;
    options.on_experts = [&](std::int64_t, std::span<const std::int64_t> experts) {
      for (const std::int64_t e : experts) ++loads[e];
    };
    const std::vector<double> logits = reference_logits(m.tensors, m.config, tokens, options);
    EXPECT_GE(deviation(logits), 2.0);
    EXPECT_LE(deviation(logits), 4.5);
    // Every expert is used, none by more than three times its share.
    EXPECT_EQ(static_cast<std::int64_t>(loads.size()), m.config.experts.count);
    for (const auto& [expert, load] : loads) {
      EXPECT_LE(load, 3 * 2 * 24 * m.config.experts.used / m.config.experts.count) << expert;
    }
  }
}

TEST(MakeModel, EveryTypeIsMade) {
  for (const char* type : {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_k", "q6_k", "q4_k_m"}) {
    const MadeModel m("llama", type);
    const BlockType embedding = m.file.find("token_embd.weight")->type;
    EXPECT_EQ(embedding,
              type == std::string("q4_k_m") ? BlockType::kQ4_K : *block_type_of_name(type));
    EXPECT_EQ(m.file.find("blk.0.attn_norm.weight")->type, BlockType::kF32);
  }
  EXPECT_THROW(MadeModel("llama", "q3_k"), UsageError);
  EXPECT_EQ(stored_type("q4_k_m", "output.weight", 16, false, {512, 256}), BlockType::kQ6_K);
  EXPECT_EQ(stored_type("q4_k_m", "token_embd.weight", 16, true, {512, 256}), BlockType::kQ6_K);
  EXPECT_EQ(stored_type("q4_k_m", "blk.0.ffn_down.weight", 16, true, {8, 256}), BlockType::kQ6_K);
  EXPECT_EQ(stored_type("q4_k_m", "blk.3.ffn_down.weight", 16, true, {8, 256}), BlockType::kQ4_K);
  EXPECT_EQ(stored_type("q4_k_m", "blk.3.attn_q.weight", 16, true, {8, 896}), BlockType::kQ8_0);
  EXPECT_EQ(stored_type("q4_0", "blk.3.attn_q.weight", 16, true, {8, 100}), BlockType::kF16);
  EXPECT_EQ(stored_type("q4_0", "blk.3.ffn_gate_inp.weight", 16, true, {8, 128}), BlockType::kF32);
}

TEST(MakeModel, StopsWhenAskedAndLeavesNothing) {
  const TemporaryFolder folder;
  MakeOptions options;
  options.config = *tiny_shape("llama");
  options.tokenizer = byte_vocabulary(options.config.vocab);
  options.progress = [](std::int64_t done, std::int64_t all) { return done < all / 2; };
  EXPECT_THROW(make_model(options, folder.path("m.gguf")), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("")));
  EXPECT_THROW(byte_vocabulary(200), Error);
}

}  // namespace
}  // namespace aisp::model
