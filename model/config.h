// What a model computes, as one plain struct for every architecture: the forward pass reads
// settings and never a name. Filled from a GGUF file's values or from a config.json; its numbers
// have been checked against each other, so that products of them fit and divisions go up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/rope.h"
#include "model/tensor_file.h"

namespace aisp::model {

enum class Activation { kSilu, kGelu };  // gelu: the tanh form

/// A mixture of experts in place of the feed-forward part; count 0: none.
struct Experts {
  std::int64_t count = 0, used = 0;
  std::int64_t size = 0;         // width of an expert
  std::int64_t shared_size = 0;  // of the one that every token passes, gated by a sigmoid; 0: none
  bool normalize = false;        // the weights of the used ones are made to sum to 1
  double scale = 1.0;            // of the weights
};

struct ModelConfig {
  std::string architecture;  // as the file says it
  std::int64_t vocab = 0, context = 0, layers = 0, width = 0;
  std::int64_t heads = 0, kv_heads = 0, head_size = 0;
  std::int64_t ff_size = 0;  // of the dense feed-forward part
  Experts experts;

  double norm_epsilon = 1e-6;   // RMS norms, everywhere
  bool norm_adds_one = false;   // their weights are stored less one
  bool query_key_norm = false;  // Q and K are normalized in each head, before rope
  bool post_norms = false;      // the outputs of attention and feed-forward are normalized
  bool qkv_biases = false;      // must be there; else they may

  Activation activation = Activation::kSilu;
  double embedding_scale = 1.0;
  double attention_scale = 1.0;  // of q k
  double attention_cap = 0.0;    // c tanh(score / c); 0: none
  double logit_cap = 0.0;
  bool tied_output = false;  // logits are products with the embedding

  Rope rope;        // of layers that see everything
  Rope local_rope;  // of layers with a window; the same but in Gemma 3
  /// For each layer, how many positions a token sees, itself included; 0: all before it.
  std::vector<std::int64_t> windows;

  const Rope& rope_of(std::int64_t layer) const {
    return windows[static_cast<std::size_t>(layer)] > 0 ? local_rope : rope;
  }
};

/// Reads the settings of GGUF architectures llama (with Mistral and Mixtral), qwen2, qwen2moe,
/// qwen3, qwen3moe, gemma, gemma2, gemma3, and of the same in config.json (LlamaForCausalLM and so
/// on). Throws Error: an architecture not known, with the known ones; a value missing, of a wrong
/// type, or at odds with another.
ModelConfig config_of(const TensorFile& file);

/// What config_of() ends with: throws Error when sizes are impossible or do not fit together.
void check_config(const ModelConfig& config, const std::string& where);

/// The two halves of config_of(), before that check.
ModelConfig config_of_gguf(const TensorFile& file);
ModelConfig config_of_json(const TensorFile& file);

/// Parameters, from the sizes alone. `active`: those that one token passes through.
std::int64_t parameter_count(const ModelConfig& config, bool active = false);

}  // namespace aisp::model
