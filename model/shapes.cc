// See shapes.h.
#include "model/shapes.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace aisp::model {
namespace {

struct Row {
  std::string_view name;
  std::string_view architecture;  // as in a GGUF file
  std::int64_t layers, width, ff_size, heads, kv_heads, head_size, vocab, context;
  double theta, epsilon;
  bool tied = false;
  double llama3_factor = 0.0;  // of 8192 positions
  std::int64_t window = 0;
  Experts experts = {};
};

// clang-format off
constexpr Row kShapes[] = {
    {"stories-15m", "llama", 6, 288, 768, 6, 6, 48, 32000, 256, 1e4, 1e-5, true},
    {"smollm-135m", "llama", 30, 576, 1536, 9, 3, 64, 49152, 2048, 1e4, 1e-5, true},
    {"smollm-360m", "llama", 32, 960, 2560, 15, 5, 64, 49152, 2048, 1e4, 1e-5, true},
    {"tinyllama-1.1b", "llama", 22, 2048, 5632, 32, 4, 64, 32000, 2048, 1e4, 1e-5},
    {"llama3.2-1b", "llama", 16, 2048, 8192, 32, 8, 64, 128256, 131072, 5e5, 1e-5, true, 32.0},
    {"llama3.2-3b", "llama", 28, 3072, 8192, 24, 8, 128, 128256, 131072, 5e5, 1e-5, true, 32.0},
    {"llama3.1-8b", "llama", 32, 4096, 14336, 32, 8, 128, 128256, 131072, 5e5, 1e-5, false, 8.0},
    {"mistral-7b", "llama", 32, 4096, 14336, 32, 8, 128, 32768, 32768, 1e6, 1e-5},
    {"mixtral-8x7b", "llama", 32, 4096, 14336, 32, 8, 128, 32000, 32768, 1e6, 1e-5, false, 0.0, 0,
     {.count = 8, .used = 2, .size = 14336, .normalize = true}},
    {"qwen2.5-0.5b", "qwen2", 24, 896, 4864, 14, 2, 64, 151936, 32768, 1e6, 1e-6, true},
    {"qwen2.5-1.5b", "qwen2", 28, 1536, 8960, 12, 2, 128, 151936, 32768, 1e6, 1e-6, true},
    {"qwen1.5-moe-a2.7b", "qwen2moe", 24, 2048, 5632, 16, 16, 128, 151936, 8192, 1e6, 1e-6, false,
     0.0, 0, {.count = 60, .used = 4, .size = 1408, .shared_size = 5632}},
    {"qwen3-0.6b", "qwen3", 28, 1024, 3072, 16, 8, 128, 151936, 40960, 1e6, 1e-6, true},
    {"qwen3-1.7b", "qwen3", 28, 2048, 6144, 16, 8, 128, 151936, 40960, 1e6, 1e-6, true},
    {"qwen3-30b-a3b", "qwen3moe", 48, 2048, 6144, 32, 4, 128, 151936, 40960, 1e6, 1e-6, false, 0.0,
     0, {.count = 128, .used = 8, .size = 768, .normalize = true}},
    // Nobody's: 1.3 G parameters of which a token passes 0.4 G, for machines of 8 GB.
    {"moe-1.3b-a0.4b", "qwen3moe", 24, 1024, 3072, 16, 8, 64, 32000, 8192, 1e6, 1e-6, true, 0.0, 0,
     {.count = 32, .used = 8, .size = 512, .normalize = true}},
    {"gemma-2b", "gemma", 18, 2048, 16384, 8, 1, 256, 256000, 8192, 1e4, 1e-6, true},
    {"gemma2-2b", "gemma2", 26, 2304, 9216, 8, 4, 256, 256000, 8192, 1e4, 1e-6, true, 0.0, 4096},
    {"gemma3-1b", "gemma3", 26, 1152, 6912, 4, 1, 256, 262144, 32768, 1e6, 1e-6, true, 0.0, 512},
};

// Small, with every part: rows of whole super-blocks, several heads to a key, two windowed layers
// around one that sees everything where there are windows, more experts than are used.
constexpr Row kTiny[] = {
    {"llama", "llama", 2, 256, 512, 4, 2, 64, 512, 4096, 5e5, 1e-5, false, 8.0},
    {"mistral", "llama", 2, 256, 768, 8, 2, 32, 512, 4096, 1e6, 1e-5},
    {"mixtral", "llama", 2, 256, 512, 4, 2, 64, 512, 4096, 1e6, 1e-5, false, 0.0, 0,
     {.count = 4, .used = 2, .size = 512, .normalize = true}},
    {"qwen2", "qwen2", 2, 256, 512, 4, 2, 64, 512, 4096, 1e6, 1e-6, true},
    {"qwen2moe", "qwen2moe", 2, 256, 1024, 4, 4, 64, 512, 4096, 1e6, 1e-6, false, 0.0, 0,
     {.count = 6, .used = 3, .size = 256, .shared_size = 512}},
    {"qwen3", "qwen3", 2, 256, 512, 4, 2, 128, 512, 4096, 1e6, 1e-6, true},
    {"qwen3moe", "qwen3moe", 2, 256, 512, 4, 1, 128, 512, 4096, 1e6, 1e-6, false, 0.0, 0,
     {.count = 8, .used = 2, .size = 256, .normalize = true}},
    {"gemma", "gemma", 2, 256, 512, 4, 1, 64, 512, 4096, 1e4, 1e-6, true},
    {"gemma2", "gemma2", 3, 256, 512, 4, 2, 64, 512, 4096, 1e4, 1e-6, true, 0.0, 8},
    {"gemma3", "gemma3", 7, 256, 512, 4, 1, 64, 512, 4096, 1e6, 1e-6, true, 0.0, 8},
};
// clang-format on

ModelConfig config_of_row(const Row& row) {
  const std::string_view a = row.architecture;
  ModelConfig c;
  c.architecture = a;
  c.layers = row.layers;
  c.width = row.width;
  c.ff_size = row.ff_size;
  c.heads = row.heads;
  c.kv_heads = row.kv_heads;
  c.head_size = row.head_size;
  c.vocab = row.vocab;
  c.context = row.context;
  c.norm_epsilon = static_cast<double>(static_cast<float>(row.epsilon));  // as a file holds it
  c.tied_output = row.tied;
  c.experts = row.experts;
  c.attention_scale = 1.0 / std::sqrt(static_cast<double>(row.head_size));
  c.rope.pairs = a == "llama" ? RopePairs::kInterleaved : RopePairs::kHalves;
  c.rope.size = row.head_size;
  c.rope.theta = row.theta;
  c.rope.original_context = row.context;
  if (row.llama3_factor > 0.0) {
    const Rope plain{.size = row.head_size, .theta = row.theta};
    Rope stretched = plain;
    stretched.scaling = RopeScaling::kLlama3;
    stretched.factor = row.llama3_factor;
    stretched.original_context = 8192;
    const RopeTable from = rope_table(plain, 1), to = rope_table(stretched, 1);
    for (std::size_t i = 0; i < from.frequency.size(); ++i) {
      const double divisor = from.frequency[i] / to.frequency[i];
      c.rope.divisors.push_back(static_cast<double>(static_cast<float>(divisor)));
    }
  }
  c.local_rope = c.rope;
  if (a == "gemma3") {
    c.local_rope = Rope{.size = c.rope.size, .theta = 10000.0};
  }
  c.qkv_biases = a == "qwen2" || a == "qwen2moe";
  c.query_key_norm = a == "qwen3" || a == "qwen3moe" || a == "gemma3";
  c.post_norms = a == "gemma2" || a == "gemma3";
  if (a.starts_with("gemma")) {
    c.activation = Activation::kGelu;
    c.embedding_scale = std::sqrt(static_cast<double>(c.width));
  }
  if (a == "gemma2") {
    c.attention_cap = 50.0;
    c.logit_cap = 30.0;
  }
  const std::int64_t period = a == "gemma2" ? 2 : 6;
  for (std::int64_t i = 0; i < c.layers; ++i) {
    c.windows.push_back(row.window > 0 && i % period != period - 1 ? row.window : 0);
  }
  return c;
}

template <std::size_t kCount>
std::optional<ModelConfig> find(const Row (&rows)[kCount], std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return config_of_row(row);
  }
  return std::nullopt;
}

template <std::size_t kCount>
std::string names(const Row (&rows)[kCount]) {
  std::string all;
  for (const Row& row : rows) all += (all.empty() ? "" : ", ") + std::string(row.name);
  return all;
}

}  // namespace

std::optional<ModelConfig> shape_of_name(std::string_view name) { return find(kShapes, name); }
std::optional<ModelConfig> tiny_shape(std::string_view name) { return find(kTiny, name); }
ModelConfig cut_shape(ModelConfig config, std::int64_t layers, std::int64_t vocab) {
  check(layers <= config.layers && vocab <= config.vocab, "a cut makes a model smaller");
  config.layers = layers;
  config.windows.resize(static_cast<std::size_t>(layers));
  config.vocab = vocab;
  return config;
}
std::string shape_names() { return names(kShapes); }
std::string tiny_shape_names() { return names(kTiny); }

Metadata metadata_of(const ModelConfig& c) {
  Metadata m;
  m.set("general.architecture", MetaValue::text(c.architecture));
  const auto u32 = [&](const char* key, std::int64_t value) {
    m.set(c.architecture + "." + key, MetaValue::u32(value));
  };
  const auto f32 = [&](const char* key, double value) {
    m.set(c.architecture + "." + key, MetaValue::f32(value));
  };
  u32("block_count", c.layers);
  u32("context_length", c.context);
  u32("embedding_length", c.width);
  u32("feed_forward_length", c.ff_size);
  u32("attention.head_count", c.heads);
  u32("attention.head_count_kv", c.kv_heads);
  u32("attention.key_length", c.head_size);
  u32("attention.value_length", c.head_size);
  f32("attention.layer_norm_rms_epsilon", c.norm_epsilon);
  u32("rope.dimension_count", c.rope.size);
  f32("rope.freq_base", c.rope.theta);
  check(c.rope.scaling != RopeScaling::kDynamic && c.rope.scaling != RopeScaling::kLlama3,
        "a scaling that GGUF says by other means");
  if (c.rope.scaling != RopeScaling::kNone) {
    const bool yarn = c.rope.scaling == RopeScaling::kYarn;
    m.set(c.architecture + ".rope.scaling.type", MetaValue::text(yarn ? "yarn" : "linear"));
    f32("rope.scaling.factor", c.rope.factor);
    if (yarn) u32("rope.scaling.original_context_length", c.rope.original_context);
  }
  u32("vocab_size", c.vocab);
  if (c.experts.count > 0) {
    u32("expert_count", c.experts.count);
    u32("expert_used_count", c.experts.used);
    u32("expert_feed_forward_length", c.experts.size);
    if (c.experts.shared_size > 0) {
      u32("expert_shared_feed_forward_length", c.experts.shared_size);
    }
  }
  std::int64_t window = 0;
  for (const std::int64_t w : c.windows) window = std::max(window, w);
  if (window > 0) u32("attention.sliding_window", window);
  if (c.attention_cap > 0.0) f32("attn_logit_softcapping", c.attention_cap);
  if (c.logit_cap > 0.0) f32("final_logit_softcapping", c.logit_cap);
  return m;
}

}  // namespace aisp::model
