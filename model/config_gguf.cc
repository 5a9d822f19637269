// GGUF's values to ModelConfig. What a file leaves out has the default that its architecture's
// readers agree on.
// Source: github.com/ggml-org/llama.cpp (src/llama-model.cpp, src/models/), docs/gguf.md of ggml.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/shown.h"
#include "model/config.h"

namespace aisp::model {
namespace {

// What an architecture is, beyond its file's values.
struct Family {
  const char* name;
  RopePairs pairs = RopePairs::kHalves;
  bool query_key_norm = false, qkv_biases = false;
  bool gemma = false;  // scaled embedding, gelu
  bool post_norms = false;
  bool mixture = false, normalize = false;  // experts must be there; their weights sum to 1
  std::int64_t period = 0;                  // every so many layers one sees everything
};

constexpr Family kFamilies[] = {
    {.name = "llama", .pairs = RopePairs::kInterleaved, .normalize = true},
    {.name = "qwen2", .qkv_biases = true},
    {.name = "qwen2moe", .qkv_biases = true, .mixture = true},
    {.name = "qwen3", .query_key_norm = true},
    {.name = "qwen3moe", .query_key_norm = true, .mixture = true, .normalize = true},
    {.name = "gemma", .gemma = true},
    {.name = "gemma2", .gemma = true, .post_norms = true, .period = 2},
    {.name = "gemma3", .query_key_norm = true, .gemma = true, .post_norms = true, .period = 6},
};

const Family& family_of(const TensorFile& file) {
  const std::string* name = file.metadata().text("general.architecture");
  std::string known;
  for (const Family& family : kFamilies) {
    if (name != nullptr && *name == family.name) return family;
    known += std::string(known.empty() ? "" : ", ") + family.name;
  }
  throw Error(name == nullptr ? std::string("does not say its architecture")
                              : "architecture \"" + shown(*name) + "\" is not known",
              file.path(), "known are " + known);
}

// Values "<architecture>.<key>".
class Keys {
 public:
  Keys(const TensorFile& file, const std::string& prefix) : file_(file), prefix_(prefix + ".") {}

  bool has(const char* key) const { return file_.metadata().find(prefix_ + key) != nullptr; }
  std::int64_t integer(const char* key, std::int64_t otherwise) const {
    return file_.metadata().integer(prefix_ + key, otherwise);
  }
  double number(const char* key, double otherwise) const {
    return file_.metadata().number(prefix_ + key, otherwise);
  }
  bool boolean(const char* key, bool otherwise) const {
    return file_.metadata().boolean(prefix_ + key, otherwise);
  }
  const std::string* text(const char* key) const { return file_.metadata().text(prefix_ + key); }
  std::int64_t required(const char* key) const {
    if (!has(key)) missing(key);
    return integer(key, 0);
  }
  [[noreturn]] void missing(const char* key) const {
    throw Error("the value " + prefix_ + key + " is missing", file_.path(),
                "download or convert the model again");
  }
  // One for all layers, or an array with the same for each.
  std::int64_t uniform(const char* key, std::int64_t otherwise) const {
    const MetaValue* value = file_.metadata().find(prefix_ + key);
    if (value == nullptr || !value->is_array) return integer(key, otherwise);
    const auto* each = std::get_if<std::vector<std::int64_t>>(&value->value);
    if (each == nullptr || each->empty() ||
        std::any_of(each->begin(), each->end(), [&](auto v) { return v != each->front(); })) {
      throw Error("the value " + prefix_ + key + " differs from layer to layer", file_.path(),
                  "models whose layers all have one size are read");
    }
    return each->front();
  }
  const MetaValue* find(const char* key) const { return file_.metadata().find(prefix_ + key); }
  const TensorFile& file() const { return file_; }

 private:
  const TensorFile& file_;
  std::string prefix_;
};

RopeScaling scaling_of(const Keys& keys, double factor) {
  const std::string* name = keys.text("rope.scaling.type");
  if (name == nullptr || *name == "linear") {
    return factor == 1.0 ? RopeScaling::kNone : RopeScaling::kLinear;
  }
  if (*name == "none") return RopeScaling::kNone;
  if (*name == "yarn") return RopeScaling::kYarn;
  throw Error("rope scaling \"" + shown(*name) + "\" is not known", keys.file().path(),
              "known are none, linear and yarn");
}

Rope read_rope(const Keys& keys, const Family& family, const ModelConfig& config) {
  Rope rope;
  rope.pairs = family.pairs;
  rope.size = keys.integer("rope.dimension_count", config.head_size);
  rope.theta = keys.number("rope.freq_base", 10000.0);
  rope.factor = keys.number("rope.scaling.factor", keys.number("rope.scale_linear", 1.0));
  if (rope.factor == 0.0) rope.factor = 1.0;
  rope.scaling = scaling_of(keys, rope.factor);
  rope.original_context = keys.integer("rope.scaling.original_context_length", config.context);
  rope.extrapolation = keys.number("rope.scaling.yarn_ext_factor", 1.0);
  rope.kept_turns = keys.number("rope.scaling.yarn_beta_fast", 32.0);
  rope.stretched_turns = keys.number("rope.scaling.yarn_beta_slow", 1.0);
  rope.attention_factor = keys.number("rope.scaling.yarn_attn_factor", 0.0);
  if (const Tensor* factors = keys.file().find("rope_freqs.weight")) {
    if (factors->type != BlockType::kF32 || factors->elements() != rope.size / 2) {
      throw Error("rope_freqs.weight is not " + std::to_string(rope.size / 2) + " f32 values",
                  keys.file().path(), "download or convert the model again");
    }
    std::vector<float> values(static_cast<std::size_t>(factors->elements()));
    dequantize(factors->type, factors->bytes.data(), values);
    rope.divisors.assign(values.begin(), values.end());
  }
  return rope;
}

// Which layers have a window: an array, or every so many layers one that sees everything.
void read_windows(const Keys& keys, const Family& family, ModelConfig& config) {
  const std::int64_t standard = std::string_view(family.name) == "gemma2" ? 4096 : 0;
  const std::int64_t window = keys.integer("attention.sliding_window", standard);
  config.windows.assign(static_cast<std::size_t>(config.layers), 0);
  if (window == 0) return;
  const MetaValue* pattern = keys.find("attention.sliding_window_pattern");
  if (pattern != nullptr && pattern->is_array) {
    const auto* each = std::get_if<std::vector<std::int64_t>>(&pattern->value);
    if (each == nullptr || each->size() != config.windows.size()) {
      throw Error("attention.sliding_window_pattern is not one value for each layer",
                  keys.file().path(), "download or convert the model again");
    }
    for (std::size_t i = 0; i < each->size(); ++i) {
      config.windows[i] = (*each)[i] != 0 ? window : 0;
    }
    return;
  }
  const std::int64_t period = keys.integer("attention.sliding_window_pattern", family.period);
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const bool everything = period > 0 && i % period == period - 1;
    config.windows[static_cast<std::size_t>(i)] = everything ? 0 : window;
  }
}

Experts read_experts(const Keys& keys, const Family& family, const ModelConfig& config) {
  Experts experts;
  experts.count = keys.integer("expert_count", 0);
  if (experts.count == 0 && family.mixture) keys.missing("expert_count");
  if (experts.count == 0) return experts;
  experts.used = keys.required("expert_used_count");
  const bool llama = std::string_view(family.name) == "llama";
  const std::int64_t share = llama ? 1 : std::max<std::int64_t>(1, experts.used);
  experts.size = keys.integer("expert_feed_forward_length", config.ff_size / share);
  if (std::string_view(family.name) == "qwen2moe") {
    experts.shared_size = keys.integer("expert_shared_feed_forward_length", config.ff_size);
  }
  experts.normalize = keys.boolean("expert_weights_norm", family.normalize);
  experts.scale = keys.number("expert_weights_scale", 1.0);
  if (experts.scale == 0.0) experts.scale = 1.0;
  if (const std::int64_t gate = keys.integer("expert_gating_func", 1); gate > 1) {
    throw Error("experts are chosen by the unknown function " + std::to_string(gate),
                keys.file().path(), "softmax (1) is known");
  }
  return experts;
}

// Gemma 2 and 3 with 27 B parameters scale by the width of a head's share, the others by the head;
// files do not say it, so every reader knows them by their layers.
double attention_scale(const Family& family, const ModelConfig& c) {
  const std::string_view name = family.name;
  const bool by_share =
      (name == "gemma2" && c.layers == 46) || (name == "gemma3" && c.layers == 62);
  const std::int64_t size = by_share && c.heads > 0 ? c.width / c.heads : c.head_size;
  return size > 0 ? 1.0 / std::sqrt(static_cast<double>(size)) : 0.0;
}

}  // namespace

ModelConfig config_of_gguf(const TensorFile& file) {
  const Family& family = family_of(file);
  const Keys keys(file, family.name);
  ModelConfig c;
  c.architecture = family.name;
  c.context = keys.required("context_length");
  c.layers = keys.required("block_count");
  c.width = keys.required("embedding_length");
  c.heads = keys.uniform("attention.head_count", 0);
  if (c.heads < 1) keys.missing("attention.head_count");
  c.kv_heads = keys.uniform("attention.head_count_kv", c.heads);
  c.head_size = keys.integer("attention.key_length", c.width / c.heads);
  if (keys.integer("attention.value_length", c.head_size) != c.head_size) {
    throw Error("heads of keys and of values differ in size", file.path(),
                "models with one size for both are read");
  }
  c.ff_size = keys.uniform("feed_forward_length", 0);
  if (c.layers < 1 || c.layers > 2000) keys.missing("block_count");
  if (!keys.has("attention.layer_norm_rms_epsilon")) {
    keys.missing("attention.layer_norm_rms_epsilon");
  }
  c.norm_epsilon = keys.number("attention.layer_norm_rms_epsilon", 0.0);
  c.query_key_norm = family.query_key_norm;
  c.post_norms = family.post_norms;
  c.qkv_biases = family.qkv_biases;
  if (family.gemma) {
    c.activation = Activation::kGelu;
    c.embedding_scale = std::sqrt(static_cast<double>(c.width));
  }
  c.attention_scale = keys.number("attention.scale", 0.0);
  if (c.attention_scale == 0.0) c.attention_scale = attention_scale(family, c);
  const bool capped = std::string_view(family.name) == "gemma2";
  c.attention_cap = keys.number("attn_logit_softcapping", capped ? 50.0 : 0.0);
  c.logit_cap = keys.number("final_logit_softcapping", capped ? 30.0 : 0.0);
  c.experts = read_experts(keys, family, c);
  c.rope = read_rope(keys, family, c);
  c.local_rope = c.rope;
  read_windows(keys, family, c);
  if (std::string_view(family.name) == "gemma3") {
    c.local_rope = Rope{.pairs = c.rope.pairs, .size = c.rope.size};
    c.local_rope.theta = keys.number("rope.freq_base_swa", 10000.0);
  } else {
    c.local_rope.theta = keys.number("rope.freq_base_swa", c.rope.theta);
  }
  const Tensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    throw Error("tensor token_embd.weight is missing or no matrix", file.path(),
                "download or convert the model again");
  }
  c.vocab = embedding->shape[0];
  c.tied_output = file.find("output.weight") == nullptr;
  return c;
}

}  // namespace aisp::model
