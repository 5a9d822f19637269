// See config.h.
#include "model/config.h"

#include <cmath>

#include "base/error.h"

namespace aisp::model {

ModelConfig config_of(const TensorFile& file) {
  ModelConfig config =
      file.format() == TensorFile::Format::kGguf ? config_of_gguf(file) : config_of_json(file);
  check_config(config, file.path());
  return config;
}

void check_config(const ModelConfig& c, const std::string& where) {
  const auto bad = [&](const std::string& what) {
    throw Error(what, where, "download or convert the model again");
  };
  const auto within = [&](const char* what, std::int64_t value, std::int64_t low,
                          std::int64_t high) {
    if (value < low || value > high) bad(std::string(what) + " is " + std::to_string(value));
  };
  // Ten times what the largest published models have; products of three then fit in 64 bits.
  within("the number of layers", c.layers, 1, 2000);
  within("the width", c.width, 1, 1 << 18);
  within("the number of heads", c.heads, 1, 4096);
  within("the number of key-value heads", c.kv_heads, 1, c.heads);
  within("the size of a head", c.head_size, 1, 4096);
  within("the feed-forward size", c.ff_size, c.experts.count > 0 ? 0 : 1, 1 << 20);
  within("the vocabulary", c.vocab, 1, 1 << 24);
  within("the context", c.context, 1, std::int64_t{1} << 30);
  if (c.heads % c.kv_heads != 0) bad("heads are no multiple of key-value heads");
  for (const Rope* rope : {&c.rope, &c.local_rope}) {
    if (rope->size < 2 || rope->size % 2 != 0 || rope->size > c.head_size) {
      bad("rope turns " + std::to_string(rope->size) + " of " + std::to_string(c.head_size) +
          " elements");
    }
    if (!(rope->theta > 1.0) || !(rope->factor > 0.0) || !std::isfinite(rope->theta + rope->factor))
      bad("rope has an impossible base or factor");
    if (rope->scaling != RopeScaling::kNone && rope->scaling != RopeScaling::kLinear &&
        rope->original_context < 1) {
      bad("rope's original context is not there");
    }
    if (rope->scaling == RopeScaling::kLlama3 && !(rope->high_factor > rope->low_factor)) {
      bad("rope's frequency factors are the wrong way round");
    }
    if (!rope->divisors.empty() &&
        static_cast<std::int64_t>(rope->divisors.size()) != rope->size / 2) {
      bad("rope has " + std::to_string(rope->divisors.size()) + " factors for " +
          std::to_string(rope->size / 2) + " pairs");
    }
    for (const double divisor : rope->divisors) {
      if (!(divisor > 0.0) || !std::isfinite(divisor)) bad("rope has an impossible factor");
    }
  }
  if (static_cast<std::int64_t>(c.windows.size()) != c.layers)
    bad("windows are not for each layer");
  for (const std::int64_t window : c.windows) within("a window", window, 0, std::int64_t{1} << 40);
  if (c.experts.count > 0) {
    within("the number of experts", c.experts.count, 1, 65536);
    within("the number of used experts", c.experts.used, 1, c.experts.count);
    within("the size of an expert", c.experts.size, 1, 1 << 20);
    within("the size of the shared expert", c.experts.shared_size, 0, 1 << 20);
    if (c.experts.count * c.experts.size > kMaxElements / c.width) bad("experts are too large");
  }
  const double reals[] = {c.norm_epsilon,  c.embedding_scale, c.attention_scale,
                          c.attention_cap, c.logit_cap,       c.experts.scale};
  for (const double value : reals) {
    if (!std::isfinite(value) || value < 0.0) bad("a scale, a cap or an epsilon is impossible");
  }
}

std::int64_t parameter_count(const ModelConfig& c, bool active) {
  const std::int64_t q = c.heads * c.head_size, kv = c.kv_heads * c.head_size;
  std::int64_t layer = c.width * (2 * q + 2 * kv) + 2 * c.width;
  if (c.query_key_norm) layer += 2 * c.head_size;
  if (c.post_norms) layer += 2 * c.width;
  if (c.qkv_biases) layer += q + 2 * kv;
  if (c.experts.count > 0) {
    layer += c.width * c.experts.count;
    layer += 3 * c.width * c.experts.size * (active ? c.experts.used : c.experts.count);
    if (c.experts.shared_size > 0) layer += 3 * c.width * c.experts.shared_size + c.width;
  } else {
    layer += 3 * c.width * c.ff_size;
  }
  return c.layers * layer + c.width + c.vocab * c.width * (c.tied_output || active ? 1 : 2);
}

}  // namespace aisp::model
