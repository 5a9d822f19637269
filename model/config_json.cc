// A config.json to ModelConfig. What it leaves out has the default of its class in transformers.
// Source: github.com/huggingface/transformers (models/*/configuration_*.py,
// modeling_rope_utils.py).
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/shown.h"
#include "model/config.h"

namespace aisp::model {
namespace {

using Json = nlohmann::json;

enum class Windows { kNone, kAll, kFromLayer, kPeriod };

struct Family {
  const char* name;
  const char* short_name;
  Windows windows = Windows::kNone;
  std::int64_t period = 0;
  bool query_key_norm = false, qkv_biases = false, gemma = false, post_norms = false;
  const char* expert_count = nullptr;
  bool normalize = false, shared = false;
  std::int64_t head_size = 0;  // 0: width / heads
  double theta = 10000.0;
};

constexpr Family kFamilies[] = {
    {.name = "LlamaForCausalLM", .short_name = "llama"},
    {.name = "MistralForCausalLM", .short_name = "mistral", .windows = Windows::kAll},
    {.name = "MixtralForCausalLM",
     .short_name = "mixtral",
     .windows = Windows::kAll,
     .expert_count = "num_local_experts",
     .normalize = true,
     .theta = 1e6},
    {.name = "Qwen2ForCausalLM",
     .short_name = "qwen2",
     .windows = Windows::kFromLayer,
     .qkv_biases = true},
    {.name = "Qwen2MoeForCausalLM",
     .short_name = "qwen2moe",
     .windows = Windows::kFromLayer,
     .qkv_biases = true,
     .expert_count = "num_experts",
     .shared = true},
    {.name = "Qwen3ForCausalLM",
     .short_name = "qwen3",
     .windows = Windows::kFromLayer,
     .query_key_norm = true,
     .head_size = 128},
    {.name = "Qwen3MoeForCausalLM",
     .short_name = "qwen3moe",
     .windows = Windows::kFromLayer,
     .query_key_norm = true,
     .expert_count = "num_experts"},
    {.name = "GemmaForCausalLM", .short_name = "gemma", .gemma = true, .head_size = 256},
    {.name = "Gemma2ForCausalLM",
     .short_name = "gemma2",
     .windows = Windows::kPeriod,
     .period = 2,
     .gemma = true,
     .post_norms = true,
     .head_size = 256},
    {.name = "Gemma3ForCausalLM",
     .short_name = "gemma3",
     .windows = Windows::kPeriod,
     .period = 6,
     .query_key_norm = true,
     .gemma = true,
     .post_norms = true,
     .head_size = 256,
     .theta = 1e6},
};

// Members of one JSON object; null counts as absent.
class Fields {
 public:
  Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  std::int64_t integer(const char* key, std::int64_t otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_number_integer() || *value > std::int64_t{1} << 60) wrong(key, "an integer");
    return value->get<std::int64_t>();
  }
  std::int64_t required(const char* key) const {
    if (find(key) == nullptr) wrong(key, "an integer");
    return integer(key, 0);
  }
  double number(const char* key, double otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_number()) wrong(key, "a number");
    return value->get<double>();
  }
  bool boolean(const char* key, bool otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) wrong(key, "true or false");
    return value->get<bool>();
  }
  std::string text(const char* key, const char* otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_string()) wrong(key, "a string");
    return value->get<std::string>();
  }
  [[noreturn]] void wrong(const char* key, const char* wanted) const {
    throw Error("\"" + std::string(key) + "\" is missing or is not " + wanted, where_,
                "copy the model's config.json again");
  }
  const std::string& where() const { return where_; }

 private:
  const Json& json_;
  std::string where_;
};

const Family& family_of(const Fields& fields) {
  std::string name = "none", known;
  if (const Json* names = fields.find("architectures");
      names != nullptr && names->is_array() && !names->empty() && (*names)[0].is_string()) {
    name = (*names)[0].get<std::string>();
  }
  for (const Family& family : kFamilies) {
    if (name == family.name) return family;
    known += std::string(known.empty() ? "" : ", ") + family.name;
  }
  throw Error("architecture \"" + shown(name) + "\" is not known", fields.where(),
              "known are " + known);
}

void read_scaling(const Fields& s, const std::string& type, Rope& rope) {
  rope.factor = s.number("factor", 1.0);
  rope.original_context = s.integer("original_max_position_embeddings", rope.original_context);
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
  } else if (type == "dynamic") {
    rope.scaling = RopeScaling::kDynamic;
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::kLlama3;
    rope.low_factor = s.number("low_freq_factor", 1.0);
    rope.high_factor = s.number("high_freq_factor", 4.0);
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    rope.kept_turns = s.number("beta_fast", 32.0);
    rope.stretched_turns = s.number("beta_slow", 1.0);
    rope.extrapolation = s.number("extrapolation_factor", 1.0);
    rope.attention_factor = s.number("attention_factor", 0.0);
  } else if (type != "default") {
    throw Error("rope scaling \"" + shown(type) + "\" is not known", s.where(),
                "known are default, linear, dynamic, yarn and llama3");
  }
}

// Older files: "rope_theta" and "rope_scaling". Newer: both in "rope_parameters", for Gemma 3 one
// of them for each kind of layer.
Rope read_rope(const Fields& fields, const ModelConfig& c, const char* kind, double theta,
               bool scaled) {
  Rope rope;
  rope.size = c.head_size;
  rope.theta = theta;
  rope.original_context = c.context;
  const Json* inner = fields.find("rope_parameters");
  if (inner == nullptr && scaled) inner = fields.find("rope_scaling");
  if (inner == nullptr) return rope;
  if (!inner->is_object()) fields.wrong("rope_scaling", "an object");
  if (const auto of_kind = inner->find(kind); of_kind != inner->end()) inner = &*of_kind;
  if (!inner->is_object()) fields.wrong("rope_parameters", "an object");
  const Fields s(*inner, fields.where());
  rope.theta = s.number("rope_theta", rope.theta);
  read_scaling(s, s.text("rope_type", s.text("type", "default").c_str()), rope);
  return rope;
}

void read_windows(const Fields& fields, const Family& family, ModelConfig& c) {
  c.windows.assign(static_cast<std::size_t>(c.layers), 0);
  const std::int64_t standard = family.windows == Windows::kPeriod ? 4096 : 0;
  std::int64_t window = fields.integer("sliding_window", standard);
  if (family.windows == Windows::kFromLayer && !fields.boolean("use_sliding_window", false)) {
    window = 0;
  }
  if (window == 0 || family.windows == Windows::kNone) return;
  if (const Json* types = fields.find("layer_types")) {
    if (!types->is_array() || types->size() != c.windows.size()) {
      fields.wrong("layer_types", "one string for each layer");
    }
    for (std::size_t i = 0; i < types->size(); ++i) {
      c.windows[i] = (*types)[i] == "sliding_attention" ? window : 0;
    }
    return;
  }
  const std::int64_t from =
      family.windows == Windows::kFromLayer ? fields.integer("max_window_layers", 28) : 0;
  const std::int64_t period = family.windows == Windows::kPeriod
                                  ? fields.integer("sliding_window_pattern", family.period)
                                  : 0;
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const bool everything = i < from || (period > 0 && i % period == period - 1);
    c.windows[static_cast<std::size_t>(i)] = everything ? 0 : window;
  }
}

Experts read_experts(const Fields& fields, const Family& family, const ModelConfig& c) {
  Experts experts;
  if (family.expert_count == nullptr) return experts;
  experts.count = fields.required(family.expert_count);
  experts.used = fields.required("num_experts_per_tok");
  experts.size = fields.integer("moe_intermediate_size", c.ff_size);
  if (family.shared) experts.shared_size = fields.required("shared_expert_intermediate_size");
  experts.normalize = family.normalize || fields.boolean("norm_topk_prob", false);
  return experts;
}

Activation read_activation(const Fields& fields, const Family& family) {
  // The first Gemma says "gelu" and means the tanh form.
  const std::string standard = fields.text("hidden_act", family.gemma ? "gelu" : "silu");
  const std::string name = fields.text("hidden_activation", standard.c_str());
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu_pytorch_tanh" || (family.gemma && name == "gelu")) return Activation::kGelu;
  throw Error("activation \"" + shown(name) + "\" is not known", fields.where(),
              "known are silu and gelu_pytorch_tanh");
}

}  // namespace

ModelConfig config_of_json(const TensorFile& file) {
  const Fields fields(file.config(), file.path() + " config.json");
  const Family& family = family_of(fields);
  if (fields.find("quantization_config") != nullptr) {
    throw Error("the weights are quantized in a way that is not read", fields.where(),
                "use the model in F16 or BF16, or as GGUF");
  }
  ModelConfig c;
  c.architecture = family.short_name;
  c.context = fields.integer("max_position_embeddings", 2048);
  c.layers = fields.required("num_hidden_layers");
  c.width = fields.required("hidden_size");
  c.heads = fields.required("num_attention_heads");
  if (c.heads < 1 || c.layers < 1 || c.layers > 2000) {
    fields.wrong("num_hidden_layers or num_attention_heads", "possible");
  }
  c.kv_heads = fields.integer("num_key_value_heads", c.heads);
  c.head_size =
      fields.integer("head_dim", family.head_size > 0 ? family.head_size : c.width / c.heads);
  c.ff_size = fields.required("intermediate_size");
  c.vocab = fields.required("vocab_size");
  c.norm_epsilon = fields.number("rms_norm_eps", 1e-6);
  c.norm_adds_one = family.gemma;
  c.query_key_norm = family.query_key_norm;
  c.post_norms = family.post_norms;
  c.qkv_biases = family.qkv_biases;
  c.activation = read_activation(fields, family);
  if (family.gemma) c.embedding_scale = std::sqrt(static_cast<double>(c.width));
  const double scalar = fields.number("query_pre_attn_scalar", static_cast<double>(c.head_size));
  c.attention_scale = 1.0 / std::sqrt(scalar);
  const bool capped = std::string_view(family.short_name) == "gemma2";
  c.attention_cap = capped ? fields.number("attn_logit_softcapping", 0.0) : 0.0;
  c.logit_cap = family.gemma ? fields.number("final_logit_softcapping", 0.0) : 0.0;
  c.tied_output =
      fields.boolean("tie_word_embeddings", family.gemma) || file.find("lm_head.weight") == nullptr;
  c.experts = read_experts(fields, family, c);
  c.rope = read_rope(fields, c, "full_attention", fields.number("rope_theta", family.theta), true);
  c.local_rope = c.rope;
  if (std::string_view(family.short_name) == "gemma3") {
    c.local_rope = read_rope(fields, c, "sliding_attention",
                             fields.number("rope_local_base_freq", 10000.0), false);
  }
  read_windows(fields, family, c);
  return c;
}

}  // namespace aisp::model
