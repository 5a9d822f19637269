// See transformer.h.
#include "model/transformer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/check.h"
#include "kernels/norm/norm.h"
#include "model/each_row.h"
#include "model/expert_routing.h"
#include "model/mixture.h"
#include "model/rotation.h"

namespace aisp::model {
namespace {

namespace linear = kernels::linear;
namespace paged = kernels::paged_attention;
using Rows = std::vector<float>;  // [rows, columns], row after row

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

const float* data_or_null(const std::vector<float>& values) {
  return values.empty() ? nullptr : values.data();
}

}  // namespace

class Transformer::State {
 public:
  State(const Weights& weights, KvCache& cache, machine::ThreadPool& pool, std::int64_t most_rows)
      : w_(weights),
        c_(weights.config()),
        cache_(cache),
        pool_(pool),
        most_rows_(most_rows),
        workspace_(pool),
        attention_workspace_(pool),
        rotation_(c_, pool) {
    const std::int64_t ff = std::max(c_.ff_size, c_.experts.shared_size);
    hidden_.resize(size(most_rows * c_.width));
    normed_ = added_ = hidden_;
    q_.resize(size(most_rows * c_.heads * c_.head_size));
    attended_ = q_;
    k_.resize(size(most_rows * c_.kv_heads * c_.head_size));
    v_ = k_;
    inner_.resize(size(most_rows * ff));
    if (c_.experts.count == 0) return;
    router_.resize(size(most_rows * c_.experts.count));
    mixture_.emplace(c_.experts, c_.width, c_.activation, most_rows);
    shared_out_.resize(size(most_rows * c_.width));
    shared_gate_.resize(size(most_rows));
  }

  void begin(const Batch& batch) {
    batch_ = batch;
    rows_ = static_cast<std::int64_t>(batch.tokens.size());
    check(rows_ <= most_rows_, "more rows than the transformer has room for");
    work_ = {};
    if (rows_ == 0) return;
    embed(batch.tokens);
    rotation_.prepare(batch);
  }

  void layer(std::int64_t index) {
    if (rows_ == 0) return;
    attention(index);
    feed_forward(w_.layers()[size(index)]);
  }

  void only_keys_and_values(std::int64_t index) {
    if (rows_ == 0) return;
    const LayerWeights& layer = w_.layers()[size(index)];
    normalize(hidden_.data(), normed_.data(), rows_, c_.width, layer.attention_norm);
    const linear::Product kv[] = {key_product(layer), value_product(layer)};
    multiply(normed_, c_.width, kv);
    append(index);
  }

  void finish(std::span<float> logits, std::span<float> states) {
    check(logits.size() == batch_.logits_of.size() * size(c_.vocab), "a row of logits for each");
    check(states.size() == batch_.hidden_of.size() * size(c_.width), "a row of states for each");
    if (rows_ == 0) return;
    last_norm(batch_.hidden_of, states.data());
    output(logits);
  }

  std::span<float> hidden() { return std::span(hidden_).first(size(rows_ * c_.width)); }
  std::int64_t layers() const { return c_.layers; }
  const MatrixWork& work() const { return work_; }

 private:
  void embed(std::span<const std::int32_t> tokens) {
    const auto scale = static_cast<float>(c_.embedding_scale);
    each_row(pool_, rows_, c_.width, [&](std::size_t i) {
      check(tokens[i] >= 0 && tokens[i] < c_.vocab, "a token of the vocabulary");
      const std::span<float> row(hidden_.data() + i * size(c_.width), size(c_.width));
      w_.embedding().dequantize_row(tokens[i], row);
      if (scale != 1.0f) {
        for (float& value : row) value *= scale;
      }
    });
  }

  // `heads` groups of `n` values a row, each normalized on its own.
  void normalize(const float* x, float* y, std::int64_t rows, std::int64_t n, const Rows& weight) {
    kernels::norm::normalize(kernels::norm::Kind::kRms,
                             {.x = x,
                              .y = y,
                              .rows = rows,
                              .n = n,
                              .weight = weight.data(),
                              .epsilon = static_cast<float>(c_.norm_epsilon)},
                             &pool_);
  }

  void multiply(const Rows& x, std::int64_t k, std::span<const linear::Product> products) {
    multiply({.x = x.data(), .rows = rows_, .k = k}, products);
  }

  void multiply(const linear::Input& input, std::span<const linear::Product> products) {
    for (const linear::Product& product : products) {
      const std::int64_t rows =
          product.x_rows.empty() ? input.rows : static_cast<std::int64_t>(product.x_rows.size());
      count(*product.w, rows);
      if (product.up != nullptr) count(*product.up, rows);
    }
    linear::multiply(workspace_, input, products);
  }

  void count(const Matrix& w, std::int64_t rows) {
    const bool floats = linear::source_block(w.type).weights == 1;
    work_.bytes += linear::packed_bytes(w.type, w.n, w.k);
    (floats ? work_.float_operations : work_.integer_operations) +=
        2.0 * static_cast<double>(rows * w.n) * static_cast<double>(w.k);
  }

  // hidden += w x + bias, with a norm in between where the model has one.
  void add_product(const Rows& x, const Matrix& w, const Rows& bias, const Rows& post_norm) {
    linear::Product product{.w = &w, .y = hidden_.data(), .bias = data_or_null(bias)};
    product.accumulate = post_norm.empty();
    if (!post_norm.empty()) product.y = added_.data();
    multiply(x, w.k, {&product, 1});
    if (!post_norm.empty()) add_normalized(post_norm);
  }

  void add_normalized(const Rows& post_norm) {
    normalize(added_.data(), added_.data(), rows_, c_.width, post_norm);
    const std::size_t count = size(rows_ * c_.width);
    for (std::size_t i = 0; i < count; ++i) hidden_[i] += added_[i];
  }

  linear::Product key_product(const LayerWeights& layer) {
    return {.w = &layer.k, .y = k_.data(), .bias = data_or_null(layer.k_bias)};
  }
  linear::Product value_product(const LayerWeights& layer) {
    return {.w = &layer.v, .y = v_.data(), .bias = data_or_null(layer.v_bias)};
  }

  // Keys and values of all rows, as they come from the products, into the cache.
  void append(std::int64_t index) {
    const Rows& norm = w_.layers()[size(index)].k_norm;
    if (!norm.empty()) {
      normalize(k_.data(), k_.data(), rows_ * c_.kv_heads, c_.head_size, norm);
    }
    rotation_.apply(k_.data(), c_.kv_heads, c_.windows[size(index)] > 0);
    paged::append(cache_.layer(index), batch_.sequences, k_.data(), v_.data(), 0, pool_);
  }

  void attention(std::int64_t index) {
    const LayerWeights& layer = w_.layers()[size(index)];
    normalize(hidden_.data(), normed_.data(), rows_, c_.width, layer.attention_norm);
    const linear::Product qkv[] = {
        {.w = &layer.q, .y = q_.data(), .bias = data_or_null(layer.q_bias)},
        key_product(layer),
        value_product(layer)};
    multiply(normed_, c_.width, qkv);
    if (!layer.q_norm.empty()) {
      normalize(q_.data(), q_.data(), rows_ * c_.heads, c_.head_size, layer.q_norm);
    }
    rotation_.apply(q_.data(), c_.heads, c_.windows[size(index)] > 0);
    append(index);
    paged::attend(attention_workspace_, cache_.layer(index),
                  {.heads = c_.heads,
                   .scale = static_cast<float>(c_.attention_scale),
                   .soft_cap = static_cast<float>(c_.attention_cap),
                   .window = c_.windows[size(index)]},
                  batch_.sequences, {.q = q_.data(), .out = attended_.data()});
    add_product(attended_, layer.o, layer.o_bias, layer.attention_post_norm);
  }

  linear::Product gated(const FeedForwardWeights& ff, float* y) const {
    return {.w = &ff.gate, .y = y, .gate = gate_of(c_.activation), .up = &ff.up};
  }

  void feed_forward(const LayerWeights& layer) {
    normalize(hidden_.data(), normed_.data(), rows_, c_.width, layer.ff_norm);
    if (layer.router.n > 0) return mixture(layer);
    const linear::Product product = gated(layer.dense, inner_.data());
    multiply(normed_, c_.width, {&product, 1});
    add_product(inner_, layer.dense.down, {}, layer.ff_post_norm);
  }

  void mixture(const LayerWeights& layer) {
    const linear::Product scores{.w = &layer.router, .y = router_.data()};
    multiply(normed_, c_.width, {&scores, 1});
    routing_.route(c_.experts, {router_.data(), size(rows_ * c_.experts.count)});
    const auto counted = [this](const linear::Input& input,
                                std::span<const linear::Product> products) {
      multiply(input, products);
    };
    mixture_->run(counted, pool_, layer.experts, routing_, normed_.data(), added_.data());
    if (layer.shared.gate.n > 0) add_shared(layer);
    if (!layer.ff_post_norm.empty()) return add_normalized(layer.ff_post_norm);
    for (std::size_t i = 0; i < size(rows_ * c_.width); ++i) hidden_[i] += added_[i];
  }

  void add_shared(const LayerWeights& layer) {
    const linear::Product first[] = {gated(layer.shared, inner_.data()),
                                     {.w = &layer.shared_gate, .y = shared_gate_.data()}};
    multiply(normed_, c_.width, first);
    const linear::Product down{.w = &layer.shared.down, .y = shared_out_.data()};
    multiply(inner_, layer.shared.down.k, {&down, 1});
    for (std::size_t row = 0; row < size(rows_); ++row) {
      const float open = 1.0f / (1.0f + std::exp(-shared_gate_[row]));
      add_scaled(open, shared_out_.data() + row * size(c_.width),
                 added_.data() + row * size(c_.width));
    }
  }

  void add_scaled(float scale, const float* from, float* to) const {
    for (std::size_t i = 0; i < size(c_.width); ++i) to[i] += scale * from[i];
  }

  // Of these rows, the hidden states behind the last norm.
  void last_norm(std::span<const std::int32_t> rows, float* to) {
    if (rows.empty()) return;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      check(rows[i] >= 0 && rows[i] < rows_, "a row of the batch");
      std::copy_n(hidden_.data() + size(rows[i] * c_.width), size(c_.width),
                  added_.data() + i * size(c_.width));
    }
    normalize(added_.data(), to, static_cast<std::int64_t>(rows.size()), c_.width,
              w_.output_norm());
  }

  void output(std::span<float> logits) {
    const auto wanted = static_cast<std::int64_t>(batch_.logits_of.size());
    if (wanted == 0) return;
    last_norm(batch_.logits_of, normed_.data());
    const linear::Product product{
        .w = &w_.output(), .y = logits.data(), .bias = data_or_null(w_.output_bias())};
    multiply({.x = normed_.data(), .rows = wanted, .k = c_.width}, {&product, 1});
    if (c_.logit_cap <= 0.0) return;
    const auto cap = static_cast<float>(c_.logit_cap);
    pool_.parallel_for(static_cast<std::int64_t>(logits.size()), 1024,
                       [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t i = begin; i < end; ++i) {
                           logits[size(i)] = cap * std::tanh(logits[size(i)] / cap);
                         }
                       });
  }

  const Weights& w_;
  const ModelConfig& c_;
  KvCache& cache_;
  machine::ThreadPool& pool_;
  const std::int64_t most_rows_;
  linear::Workspace workspace_;
  paged::Workspace attention_workspace_;
  Rotation rotation_;
  ExpertRouting routing_;
  std::optional<Mixture> mixture_;
  Batch batch_;
  std::int64_t rows_ = 0;
  MatrixWork work_;
  Rows hidden_, normed_, added_, q_, k_, v_, attended_, inner_, router_, shared_out_, shared_gate_;
};

Transformer::Transformer(const Weights& weights, KvCache& cache, machine::ThreadPool& pool,
                         std::int64_t most_rows)
    : state_(std::make_unique<State>(weights, cache, pool, most_rows)) {}
Transformer::~Transformer() = default;

void Transformer::forward(const Batch& batch, std::span<float> logits, std::span<float> states) {
  begin(batch);
  for (std::int64_t index = 0; index < state_->layers(); ++index) layer(index);
  finish(logits, states);
}

void Transformer::begin(const Batch& batch) { state_->begin(batch); }
void Transformer::layer(std::int64_t index) { state_->layer(index); }
void Transformer::finish(std::span<float> logits, std::span<float> states) {
  state_->finish(logits, states);
}
void Transformer::only_keys_and_values(std::int64_t index) { state_->only_keys_and_values(index); }
std::span<float> Transformer::hidden() { return state_->hidden(); }

const MatrixWork& Transformer::work() const { return state_->work(); }

}  // namespace aisp::model
