// See reference.h.
#include "model/reference.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/check.h"

namespace aisp::model {
namespace {

using Values = std::vector<double>;  // [tokens, columns], row after row

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

class Forward {
 public:
  Forward(const ModelTensors& tensors, const ModelConfig& config, std::int64_t tokens)
      : tensors_(tensors), c_(config), tokens_(tokens) {}

  // y[t, n] = sum over k of x[t, k] w[n, k], plus a bias. Four sums: one would wait for each add.
  Values product(const Values& x, const Weight& w, const Weight& bias = {}) const {
    const std::size_t columns = size(w.columns), rows = size(w.rows), count = x.size() / columns;
    Values y(count * rows), wide(columns);
    std::vector<float> row(columns), shift(bias ? rows : 0);
    if (bias) bias.dequantize_row(0, shift);
    for (std::size_t n = 0; n < rows; ++n) {
      w.dequantize_row(static_cast<std::int64_t>(n), row);
      wide.assign(row.begin(), row.end());
      for (std::size_t t = 0; t < count; ++t) {
        const double* const from = x.data() + t * columns;
        double sums[4] = {};
        std::size_t k = 0;
        for (; k + 4 <= columns; k += 4) {
          for (std::size_t i = 0; i < 4; ++i) sums[i] += from[k + i] * wide[k + i];
        }
        for (; k < columns; ++k) sums[0] += from[k] * wide[k];
        y[t * rows + n] =
            sums[0] + sums[1] + sums[2] + sums[3] + (bias ? static_cast<double>(shift[n]) : 0.0);
      }
    }
    return y;
  }

  // Each run of `weight.columns` values over its root mean square, times the weight.
  Values norm(Values x, const Weight& weight) const {
    if (!weight) return x;
    const std::vector<float> gain = vector_of(weight, c_, true);
    for (std::size_t at = 0; at < x.size(); at += gain.size()) {
      double square = 0.0;
      for (std::size_t i = 0; i < gain.size(); ++i) square += x[at + i] * x[at + i];
      const double scale =
          1.0 / std::sqrt(square / static_cast<double>(gain.size()) + c_.norm_epsilon);
      for (std::size_t i = 0; i < gain.size(); ++i) {
        x[at + i] *= scale * static_cast<double>(gain[i]);
      }
    }
    return x;
  }

  void rotate(Values& x, std::int64_t heads, const Rope& rope) const {
    const RopeTable table = rope_table(rope, std::max(tokens_, c_.context));
    for (std::int64_t t = 0; t < tokens_; ++t) {
      for (std::int64_t h = 0; h < heads; ++h) {
        double* const head = x.data() + (t * heads + h) * c_.head_size;
        for (std::int64_t i = 0; i < rope.size / 2; ++i) {
          const bool halves = rope.pairs == RopePairs::kHalves;
          double& a = head[halves ? i : 2 * i];
          double& b = head[halves ? i + rope.size / 2 : 2 * i + 1];
          const double angle = static_cast<double>(t) * table.frequency[size(i)];
          const double cosine = std::cos(angle) * table.magnitude;
          const double sine = std::sin(angle) * table.magnitude;
          const double turned = a * cosine - b * sine;
          b = a * sine + b * cosine;
          a = turned;
        }
      }
    }
  }

  // Head h of queries looks at key-value head h / (heads / kv_heads), causally, through a window.
  Values attend(const Values& q, const Values& k, const Values& v, std::int64_t window) const {
    const std::int64_t d = c_.head_size, group = c_.heads / c_.kv_heads;
    Values out(q.size());
    Values scores(size(tokens_));
    for (std::int64_t t = 0; t < tokens_; ++t) {
      const std::int64_t from = window > 0 ? std::max<std::int64_t>(0, t - window + 1) : 0;
      for (std::int64_t h = 0; h < c_.heads; ++h) {
        const double* const query = q.data() + (t * c_.heads + h) * d;
        double* const result = out.data() + (t * c_.heads + h) * d;
        double largest = -INFINITY, sum = 0.0;
        for (std::int64_t s = from; s <= t; ++s) {
          const double* const key = k.data() + (s * c_.kv_heads + h / group) * d;
          double score = 0.0;
          for (std::int64_t i = 0; i < d; ++i) score += query[i] * key[i];
          scores[size(s)] = capped(score * c_.attention_scale, c_.attention_cap);
          largest = std::max(largest, scores[size(s)]);
        }
        for (std::int64_t s = from; s <= t; ++s) {
          scores[size(s)] = std::exp(scores[size(s)] - largest);
          sum += scores[size(s)];
        }
        for (std::int64_t s = from; s <= t; ++s) {
          const double* const value = v.data() + (s * c_.kv_heads + h / group) * d;
          for (std::int64_t i = 0; i < d; ++i) result[i] += scores[size(s)] / sum * value[i];
        }
      }
    }
    return out;
  }

  static double capped(double x, double cap) { return cap > 0.0 ? cap * std::tanh(x / cap) : x; }

  double activate(double x) const {
    if (c_.activation == Activation::kSilu) return x / (1.0 + std::exp(-x));
    const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
    return 0.5 * x * (1.0 + std::tanh(inner));
  }

  Values feed_forward(const Values& x, const FeedForward& ff) const {
    Values inner = product(x, ff.gate);
    const Values up = product(x, ff.up);
    for (std::size_t i = 0; i < inner.size(); ++i) inner[i] = activate(inner[i]) * up[i];
    return product(inner, ff.down);
  }

  // The experts of one token and their weights, the largest first.
  void route(const double* logits, std::int64_t* chosen, double* weights) const {
    const std::int64_t count = c_.experts.count, used = c_.experts.used;
    const double largest = *std::max_element(logits, logits + count);
    Values share(logits, logits + count);
    double sum = 0.0;
    for (double& s : share) sum += s = std::exp(s - largest);
    std::vector<std::int64_t> order(size(count));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return share[size(a)] > share[size(b)]; });
    double kept = 0.0;
    for (std::int64_t i = 0; i < used; ++i) {
      chosen[i] = order[size(i)];
      weights[i] = share[size(chosen[i])] / sum;
      kept += weights[i];
    }
    for (std::int64_t i = 0; i < used; ++i) {
      weights[i] *= c_.experts.scale / (c_.experts.normalize ? kept : 1.0);
    }
  }

  Values mixture(const Values& x, const LayerTensors& layer,
                 std::vector<std::int64_t>& chosen) const {
    const std::int64_t used = c_.experts.used;
    const Values logits = product(x, layer.router);
    chosen.resize(size(tokens_ * used));
    Values weights(chosen.size()), out(x.size());
    for (std::int64_t t = 0; t < tokens_; ++t) {
      route(logits.data() + t * c_.experts.count, chosen.data() + t * used,
            weights.data() + t * used);
    }
    for (std::int64_t e = 0; e < c_.experts.count; ++e) {
      for (std::int64_t slot = 0; slot < tokens_ * used; ++slot) {
        if (chosen[size(slot)] != e) continue;
        const double* const from = x.data() + slot / used * c_.width;
        const Values y = feed_forward(Values(from, from + c_.width), layer.experts[size(e)]);
        for (std::int64_t i = 0; i < c_.width; ++i) {
          out[size(slot / used * c_.width + i)] += weights[size(slot)] * y[size(i)];
        }
      }
    }
    if (!layer.shared.gate) return out;
    const Values shared = feed_forward(x, layer.shared), gate = product(x, layer.shared_gate);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] += shared[i] / (1.0 + std::exp(-gate[i / size(c_.width)]));
    }
    return out;
  }

  Values embed(std::span<const std::int32_t> tokens) const {
    Values hidden;
    std::vector<float> row(size(c_.width));
    for (const std::int32_t token : tokens) {
      check(token >= 0 && token < c_.vocab, "a token of the vocabulary");
      tensors_.embedding.dequantize_row(token, row);
      for (const float v : row) hidden.push_back(static_cast<double>(v) * c_.embedding_scale);
    }
    return hidden;
  }

  void run_layer(std::int64_t index, Values& hidden, std::vector<std::int64_t>& chosen) const {
    const LayerTensors& layer = tensors_.layers[size(index)];
    const Values x = norm(hidden, layer.attention_norm);
    Values q = norm(product(x, layer.q, layer.q_bias), layer.q_norm);
    Values k = norm(product(x, layer.k, layer.k_bias), layer.k_norm);
    const Values v = product(x, layer.v, layer.v_bias);
    rotate(q, c_.heads, c_.rope_of(index));
    rotate(k, c_.kv_heads, c_.rope_of(index));
    const Values seen = attend(q, k, v, c_.windows[size(index)]);
    add(hidden, norm(product(seen, layer.o, layer.o_bias), layer.attention_post_norm));
    const Values y = norm(hidden, layer.ff_norm);
    add(hidden, norm(layer.router ? mixture(y, layer, chosen) : feed_forward(y, layer.dense),
                     layer.ff_post_norm));
  }

  Values states(const Values& hidden) const { return norm(hidden, tensors_.output_norm); }

  Values logits(const Values& hidden) const {
    Values out = product(states(hidden), tensors_.output, tensors_.output_bias);
    for (double& value : out) value = capped(value, c_.logit_cap);
    return out;
  }

 private:
  static void add(Values& to, const Values& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  }

  const ModelTensors& tensors_;
  const ModelConfig& c_;
  std::int64_t tokens_;
};

}  // namespace

std::vector<double> reference_logits(const ModelTensors& tensors, const ModelConfig& config,
                                     std::span<const std::int32_t> tokens,
                                     const ReferenceOptions& options) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  check(options.first >= 0 && options.first <= count, "the first position wanted");
  const Forward forward(tensors, config, count);
  Values hidden = forward.embed(tokens);
  if (options.on_layer) options.on_layer(-1, hidden);
  std::vector<std::int64_t> chosen;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    chosen.clear();
    forward.run_layer(layer, hidden, chosen);
    if (options.on_layer) options.on_layer(layer, hidden);
    if (options.on_experts && !chosen.empty()) options.on_experts(layer, chosen);
  }
  hidden.erase(hidden.begin(), hidden.begin() + options.first * config.width);
  return forward.logits(hidden);
}

std::vector<double> reference_states(const ModelTensors& tensors, const ModelConfig& config,
                                     std::span<const std::int32_t> tokens) {
  const Forward forward(tensors, config, static_cast<std::int64_t>(tokens.size()));
  Values hidden = forward.embed(tokens);
  std::vector<std::int64_t> chosen;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    chosen.clear();
    forward.run_layer(layer, hidden, chosen);
  }
  return forward.states(hidden);
}

}  // namespace aisp::model
