// See layer_tensors.h: the names of both kinds of files, side by side.
#include "model/layer_tensors.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/error.h"
#include "base/shown.h"

namespace aisp::model {
namespace {

// Looks tensors up by GGUF's or by transformers' names, and remembers which were used.
class Finder {
 public:
  Finder(const TensorFile& file, const ModelConfig& config)
      : file_(file), config_(config), gguf_(file.format() == TensorFile::Format::kGguf) {}

  bool gguf() const { return gguf_; }
  const ModelConfig& config() const { return config_; }

  // `layer` < 0: no prefix.
  std::string name(std::int64_t layer, const std::string& in_gguf,
                   const std::string& in_transformers) const {
    if (layer < 0) return gguf_ ? in_gguf : in_transformers;
    const std::string number = std::to_string(layer);
    return gguf_ ? "blk." + number + "." + in_gguf
                 : "model.layers." + number + "." + in_transformers;
  }

  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw Error("tensor \"" + shown(name) + "\" " + what, file_.path(),
                "download or convert the model again");
  }

  // Of rows x columns elements in all (experts: matrices one after another). Absent: an empty one.
  Weight optional(const std::string& name, std::int64_t rows, std::int64_t columns) {
    const Tensor* tensor = file_.find(name);
    if (tensor == nullptr) return {};
    used_.insert(tensor->name);
    if (tensor->shape.back() != columns || tensor->elements() != rows * columns) {
      std::string shape;
      for (const std::int64_t extent : tensor->shape) {
        shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
      }
      fail(name,
           "is " + shape + " instead of " + std::to_string(rows) + " x " + std::to_string(columns));
    }
    const BlockFormat& format = format_of(tensor->type);
    if (format.dequantize == nullptr) {
      throw Error("tensor \"" + shown(name) + "\" is stored as " + std::string(format.name),
                  file_.path(), "convert the model to one of " + block_type_names(false));
    }
    return {tensor->name, tensor->type, rows, columns, tensor->bytes};
  }

  Weight required(const std::string& name, std::int64_t rows, std::int64_t columns) {
    const Weight weight = optional(name, rows, columns);
    if (!weight) fail(name, "is missing");
    return weight;
  }

  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  void ignore(const std::string& name) { used_.insert(name); }

  void refuse_unused() const {
    for (const Tensor& tensor : file_.tensors()) {
      if (used_.contains(tensor.name) || tensor.name.ends_with("rotary_emb.inv_freq")) continue;
      fail(tensor.name, "has no place in the architecture " + config_.architecture);
    }
  }

 private:
  const TensorFile& file_;
  const ModelConfig& config_;
  bool gguf_;
  std::set<std::string, std::less<>> used_;
};

void find_attention(Finder& find, std::int64_t layer, LayerTensors& out) {
  const ModelConfig& c = find.config();
  const std::int64_t queries = c.heads * c.head_size, keys = c.kv_heads * c.head_size;
  const auto bias = [&](const std::string& name, std::int64_t size, bool must) {
    return must ? find.required(name, 1, size) : find.optional(name, 1, size);
  };
  const auto named = [&](const char* in_gguf, const char* in_transformers) {
    return find.name(layer, in_gguf, in_transformers);
  };
  out.attention_norm =
      find.required(named("attn_norm.weight", "input_layernorm.weight"), 1, c.width);
  out.q = find.required(named("attn_q.weight", "self_attn.q_proj.weight"), queries, c.width);
  out.k = find.required(named("attn_k.weight", "self_attn.k_proj.weight"), keys, c.width);
  out.v = find.required(named("attn_v.weight", "self_attn.v_proj.weight"), keys, c.width);
  out.o = find.required(named("attn_output.weight", "self_attn.o_proj.weight"), c.width, queries);
  out.q_bias = bias(named("attn_q.bias", "self_attn.q_proj.bias"), queries, c.qkv_biases);
  out.k_bias = bias(named("attn_k.bias", "self_attn.k_proj.bias"), keys, c.qkv_biases);
  out.v_bias = bias(named("attn_v.bias", "self_attn.v_proj.bias"), keys, c.qkv_biases);
  out.o_bias = bias(named("attn_output.bias", "self_attn.o_proj.bias"), c.width, false);
  if (c.query_key_norm) {
    out.q_norm =
        find.required(named("attn_q_norm.weight", "self_attn.q_norm.weight"), 1, c.head_size);
    out.k_norm =
        find.required(named("attn_k_norm.weight", "self_attn.k_norm.weight"), 1, c.head_size);
  }
  if (c.post_norms) {
    out.attention_post_norm = find.required(
        named("post_attention_norm.weight", "post_attention_layernorm.weight"), 1, c.width);
    out.ff_post_norm = find.required(
        named("post_ffw_norm.weight", "post_feedforward_layernorm.weight"), 1, c.width);
  }
  out.ff_norm =
      find.required(named("ffn_norm.weight", c.post_norms ? "pre_feedforward_layernorm.weight"
                                                          : "post_attention_layernorm.weight"),
                    1, c.width);
}

FeedForward find_feed_forward(Finder& find, const std::string& gate, const std::string& up,
                              const std::string& down, std::int64_t size) {
  const std::int64_t width = find.config().width;
  return {find.required(gate, size, width), find.required(up, size, width),
          find.required(down, width, size)};
}

// GGUF has the matrices of all experts as one tensor, transformers (and old GGUF files) one each.
void find_experts(Finder& find, std::int64_t layer, LayerTensors& out) {
  const ModelConfig& c = find.config();
  const Experts& e = c.experts;
  const std::string together = find.name(layer, "ffn_gate_exps.weight", "");
  if (find.gguf() && find.has(together)) {
    const Weight gate = find.required(together, e.count * e.size, c.width);
    const Weight up =
        find.required(find.name(layer, "ffn_up_exps.weight", ""), e.count * e.size, c.width);
    const Weight down =
        find.required(find.name(layer, "ffn_down_exps.weight", ""), e.count * c.width, e.size);
    for (std::int64_t i = 0; i < e.count; ++i) {
      out.experts.push_back({gate.slice(i * e.size, e.size), up.slice(i * e.size, e.size),
                             down.slice(i * c.width, c.width)});
    }
    return;
  }
  const bool mixtral = c.architecture == "mixtral";
  for (std::int64_t i = 0; i < e.count; ++i) {
    const std::string n = std::to_string(i);
    const auto named = [&](const std::string& in_gguf, const std::string& theirs,
                           const std::string& in_mixtral) {
      return find.name(layer, in_gguf + "." + n + ".weight",
                       mixtral ? "block_sparse_moe.experts." + n + "." + in_mixtral + ".weight"
                               : "mlp.experts." + n + "." + theirs + ".weight");
    };
    out.experts.push_back(find_feed_forward(find, named("ffn_gate", "gate_proj", "w1"),
                                            named("ffn_up", "up_proj", "w3"),
                                            named("ffn_down", "down_proj", "w2"), e.size));
  }
}

void find_feed_forwards(Finder& find, std::int64_t layer, LayerTensors& out) {
  const ModelConfig& c = find.config();
  const auto three = [&](const std::string& suffix, const std::string& prefix, std::int64_t size) {
    return find_feed_forward(
        find, find.name(layer, "ffn_gate" + suffix + ".weight", prefix + "gate_proj.weight"),
        find.name(layer, "ffn_up" + suffix + ".weight", prefix + "up_proj.weight"),
        find.name(layer, "ffn_down" + suffix + ".weight", prefix + "down_proj.weight"), size);
  };
  const bool mixtral = c.architecture == "mixtral";
  const std::string router = find.name(
      layer, "ffn_gate_inp.weight", mixtral ? "block_sparse_moe.gate.weight" : "mlp.gate.weight");
  // A mixture may have dense layers between; the router tells.
  const std::string dense = find.name(layer, "ffn_gate.weight", "mlp.gate_proj.weight");
  if (c.experts.count == 0 || (!find.has(router) && find.has(dense))) {
    out.dense = three("", "mlp.", c.ff_size);
    return;
  }
  out.router = find.required(router, c.experts.count, c.width);
  find_experts(find, layer, out);
  if (c.experts.shared_size > 0) {
    out.shared = three("_shexp", "mlp.shared_expert.", c.experts.shared_size);
    out.shared_gate = find.required(
        find.name(layer, "ffn_gate_inp_shexp.weight", "mlp.shared_expert_gate.weight"), 1, c.width);
  }
}

}  // namespace

Weight Weight::slice(std::int64_t first, std::int64_t count) const {
  check(first >= 0 && count >= 0 && first + count <= rows, "rows of a weight");
  const std::size_t row = bytes.size() / static_cast<std::size_t>(rows);
  Weight part = *this;
  part.rows = count;
  part.bytes =
      bytes.subspan(static_cast<std::size_t>(first) * row, static_cast<std::size_t>(count) * row);
  return part;
}

void Weight::dequantize_row(std::int64_t row, std::span<float> out) const {
  check(static_cast<std::int64_t>(out.size()) == columns, "a row's size");
  dequantize(type, slice(row, 1).bytes.data(), out);
}

ModelTensors find_tensors(const TensorFile& file, const ModelConfig& config) {
  Finder find(file, config);
  ModelTensors out;
  out.embedding = find.required(find.name(-1, "token_embd.weight", "model.embed_tokens.weight"),
                                config.vocab, config.width);
  out.output_norm =
      find.required(find.name(-1, "output_norm.weight", "model.norm.weight"), 1, config.width);
  const std::string output = find.name(-1, "output.weight", "lm_head.weight");
  out.output =
      config.tied_output ? out.embedding : find.required(output, config.vocab, config.width);
  if (config.tied_output) find.ignore(output);
  out.output_bias = find.optional(find.name(-1, "output.bias", "lm_head.bias"), 1, config.vocab);
  find.ignore("rope_freqs.weight");  // config_of() has read it
  for (std::int64_t i = 0; i < config.layers; ++i) {
    LayerTensors& layer = out.layers.emplace_back();
    find_attention(find, i, layer);
    find_feed_forwards(find, i, layer);
  }
  const auto mixes = [](const LayerTensors& layer) { return bool{layer.router}; };
  if (config.experts.count > 0 && std::ranges::none_of(out.layers, mixes)) {
    throw Error("says that it has " + std::to_string(config.experts.count) +
                    " experts, and no layer has a router",
                file.path(), "download or convert the model again");
  }
  find.refuse_unused();
  return out;
}

std::vector<float> vector_of(const Weight& weight, const ModelConfig& config, bool is_norm) {
  std::vector<float> values(static_cast<std::size_t>(weight.columns));
  weight.dequantize_row(0, values);
  if (is_norm && config.norm_adds_one) {
    for (float& value : values) value += 1.0f;
  }
  return values;
}

}  // namespace aisp::model
