// For tests: a made GGUF model written again as its authors would have published it: a config.json
// and a model.safetensors with transformers' names, row orders and norms.
#pragma once

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/made_model.h"

namespace aisp::model {

class HuggingFaceCopy {
 public:
  HuggingFaceCopy(const MadeModel& from, const std::string& name) : c_(from.config), name_(name) {
    for (const Tensor& tensor : from.file.tensors()) add(tensor);
    folder_.put("config.json", config().dump());
    folder_.put("model.safetensors", file());
  }

  std::string path() const { return folder_.path(""); }
  const TemporaryFolder& folder() const { return folder_; }

  nlohmann::json config() const {
    const std::map<std::string, const char*> classes = {
        {"llama", "Llama"},       {"mistral", "Mistral"}, {"mixtral", "Mixtral"},
        {"qwen2", "Qwen2"},       {"qwen3", "Qwen3"},     {"qwen2moe", "Qwen2Moe"},
        {"qwen3moe", "Qwen3Moe"}, {"gemma", "Gemma"},     {"gemma2", "Gemma2"},
        {"gemma3", "Gemma3"}};
    nlohmann::json j = {{"architectures", {std::string(classes.at(name_)) + "ForCausalLM"}},
                        {"hidden_size", c_.width},
                        {"num_hidden_layers", c_.layers},
                        {"num_attention_heads", c_.heads},
                        {"num_key_value_heads", c_.kv_heads},
                        {"head_dim", c_.head_size},
                        {"intermediate_size", c_.ff_size},
                        {"vocab_size", c_.vocab},
                        {"max_position_embeddings", c_.context},
                        {"rms_norm_eps", c_.norm_epsilon},
                        {"rope_theta", c_.rope.theta},
                        {"tie_word_embeddings", c_.tied_output}};
    if (name_ == "llama") {
      j["rope_scaling"] = {{"rope_type", "llama3"},
                           {"factor", 8.0},
                           {"low_freq_factor", 1.0},
                           {"high_freq_factor", 4.0},
                           {"original_max_position_embeddings", 8192}};
    }
    if (c_.experts.count > 0) {
      j[name_ == "mixtral" ? "num_local_experts" : "num_experts"] = c_.experts.count;
      j["num_experts_per_tok"] = c_.experts.used;
      if (name_ != "mixtral") j["moe_intermediate_size"] = c_.experts.size;
      if (name_ == "qwen3moe") j["norm_topk_prob"] = true;
      if (name_ == "qwen2moe") j["shared_expert_intermediate_size"] = c_.experts.shared_size;
    }
    if (name_.starts_with("gemma")) j["hidden_activation"] = "gelu_pytorch_tanh";
    if (name_ == "gemma2" || name_ == "gemma3") {
      j["sliding_window"] = 8;
      j["query_pre_attn_scalar"] = c_.head_size;
      j["attn_logit_softcapping"] = name_ == "gemma2" ? nlohmann::json(50.0) : nlohmann::json();
      j["final_logit_softcapping"] = name_ == "gemma2" ? nlohmann::json(30.0) : nlohmann::json();
    }
    return j;
  }

 private:
  static std::string renamed(std::string name, const std::string& from, const std::string& to) {
    const std::size_t at = name.find(from);
    return at == std::string::npos ? name : name.replace(at, from.size(), to);
  }

  std::string their_name(std::string n) const {
    const bool posts = c_.post_norms;
    const std::pair<const char*, const char*> parts[] = {
        {"token_embd", "model.embed_tokens"},
        {"output_norm", "model.norm"},
        {"blk.", "model.layers."},
        {"post_attention_norm", "post_attention_layernorm"},
        {"post_ffw_norm", "post_feedforward_layernorm"},
        {"ffn_norm", posts ? "pre_feedforward_layernorm" : "post_attention_layernorm"},
        {"attn_norm", "input_layernorm"},
        {"attn_q_norm", "self_attn.q_norm"},
        {"attn_k_norm", "self_attn.k_norm"},
        {"attn_output", "self_attn.o_proj"},
        {"attn_q.", "self_attn.q_proj."},
        {"attn_k.", "self_attn.k_proj."},
        {"attn_v.", "self_attn.v_proj."},
        {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
        {"ffn_gate_inp", name_ == "mixtral" ? "block_sparse_moe.gate" : "mlp.gate"},
        {"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
        {"ffn_up_shexp", "mlp.shared_expert.up_proj"},
        {"ffn_down_shexp", "mlp.shared_expert.down_proj"},
        {"ffn_gate.", "mlp.gate_proj."},
        {"ffn_up.", "mlp.up_proj."},
        {"ffn_down.", "mlp.down_proj."}};
    if (n == "output.weight") return "lm_head.weight";
    for (const auto& [ours, theirs] : parts) n = renamed(n, ours, theirs);
    return n;
  }

  void add(const Tensor& tensor) {
    if (tensor.name == "rope_freqs.weight") return;
    std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
    dequantize(tensor.type, tensor.bytes.data(), values);
    if (tensor.name.find("norm") != std::string::npos && c_.activation == Activation::kGelu) {
      for (float& value : values) value -= 1.0f;
    }
    if (c_.rope.pairs == RopePairs::kInterleaved) {
      if (tensor.name.find("attn_q.") != std::string::npos) values = halves(values, c_.heads);
      if (tensor.name.find("attn_k.") != std::string::npos) values = halves(values, c_.kv_heads);
    }
    const std::size_t exps = tensor.name.find("_exps");
    if (exps == std::string::npos) {
      put(their_name(tensor.name), tensor.shape, values);
      return;
    }
    const std::string kind = tensor.name.substr(tensor.name.find("ffn_") + 4);
    const std::size_t one = values.size() / static_cast<std::size_t>(c_.experts.count);
    for (std::int64_t e = 0; e < c_.experts.count; ++e) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(one) * e;
      const std::string layer = tensor.name.substr(4, tensor.name.find('.', 4) - 4);
      const std::string w = kind.starts_with("gate") ? "w1" : kind.starts_with("up") ? "w3" : "w2";
      const std::string n = std::to_string(e);
      put("model.layers." + layer +
              (name_ == "mixtral"
                   ? ".block_sparse_moe.experts." + n + "." + w
                   : ".mlp.experts." + n + "." + kind.substr(0, kind.find('_')) + "_proj") +
              ".weight",
          {tensor.shape[1], tensor.shape[2]}, {begin, begin + static_cast<std::ptrdiff_t>(one)});
    }
  }

  // Rows 2 i and 2 i + 1 of each head back to i and i + size / 2.
  std::vector<float> halves(const std::vector<float>& rows, std::int64_t heads) const {
    const std::size_t size = static_cast<std::size_t>(c_.head_size);
    const std::size_t columns = rows.size() / size / static_cast<std::size_t>(heads);
    std::vector<float> out(rows.size());
    for (std::size_t h = 0; h < static_cast<std::size_t>(heads); ++h) {
      for (std::size_t i = 0; i < size; ++i) {
        const std::size_t to = h * size + i % 2 * size / 2 + i / 2;
        std::memcpy(&out[to * columns], &rows[(h * size + i) * columns], columns * sizeof(float));
      }
    }
    return out;
  }

  void put(const std::string& name, const std::vector<std::int64_t>& shape,
           const std::vector<float>& values) {
    head_[name] = {{"dtype", "F32"},
                   {"shape", shape},
                   {"data_offsets", {data_.size(), data_.size() + values.size() * sizeof(float)}}};
    data_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  }

  std::string file() const {
    const std::string head = head_.dump();
    const std::uint64_t size = head.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + head + data_;
  }

  const ModelConfig& c_;
  std::string name_;
  TemporaryFolder folder_;
  nlohmann::json head_ = nlohmann::json::object();
  std::string data_;
};

}  // namespace aisp::model
