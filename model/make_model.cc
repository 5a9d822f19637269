// See make_model.h.
#include "model/make_model.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/check.h"
#include "base/error.h"
#include "base/rng.h"
#include "model/shapes.h"

namespace aisp::model {
namespace {

constexpr double kOutlier = 20.0;  // as in language models of 7 B parameters
constexpr double kLogitDeviation = 3.0;
constexpr double kNormNoise = 0.05;

// Four uniform numbers of 16 bits from each draw make nearly normal ones (largest 3.46 deviations):
// Box-Muller would cost ten times as much and be most of the time for f16.
void fill_normal(std::span<float> out, std::uint64_t seed, double deviation) {
  Rng rng(seed);
  const double unit = deviation / std::sqrt(4.0 / 12.0) / 65536.0;
  for (float& value : out) {
    const std::uint64_t bits = rng.next();
    const auto sum = static_cast<double>((bits & 0xffff) + (bits >> 16 & 0xffff) +
                                         (bits >> 32 & 0xffff) + (bits >> 48));
    value = static_cast<float>((sum - 2.0 * 65535.0) * unit);
  }
}

class Plan {
 public:
  explicit Plan(const MakeOptions& options) : o_(options), c_(options.config) {
    const double width = static_cast<double>(c_.width);
    // After a norm with outliers, a row's square is this much larger.
    const double square = 1.0 + o_.outliers * (kOutlier * kOutlier - 1.0);
    reads_ = 1.0 / std::sqrt(width * square);
    embedding_ = kLogitDeviation / std::sqrt(width);
    branch_ = embedding_ * c_.embedding_scale / std::sqrt(2.0 * static_cast<double>(c_.layers));
  }

  std::vector<MadeTensor> all() {
    matrix("token_embd.weight", {c_.vocab, c_.width}, embedding_);
    if (!c_.tied_output) matrix("output.weight", {c_.vocab, c_.width}, embedding_);
    signs("output_norm.weight", c_.width);
    if (!c_.rope.divisors.empty()) {
      add("rope_freqs.weight", {c_.rope.size / 2},
          [divisors = c_.rope.divisors](std::int64_t, std::span<float> out) {
            std::copy(divisors.begin(), divisors.end(), out.begin());
          });
    }
    for (std::int64_t i = 0; i < c_.layers; ++i) {
      prefix_ = "blk." + std::to_string(i) + ".";
      attention();
      feed_forward();
    }
    return std::move(planned_);
  }

 private:
  void add(const std::string& name, std::vector<std::int64_t> shape, FillRow fill) {
    const BlockType type = stored_type(o_.type, name, c_.layers, c_.tied_output, shape);
    planned_.push_back({name, type, std::move(shape), std::move(fill)});
  }

  std::uint64_t seed() const { return derive_seed(o_.seed, planned_.size()); }

  void matrix(const std::string& name, std::vector<std::int64_t> shape, double deviation) {
    add(name, std::move(shape), [seed = seed(), deviation](std::int64_t row, std::span<float> out) {
      fill_normal(out, derive_seed(seed, static_cast<std::uint64_t>(row)), deviation);
    });
  }

  // About `level`, with outlier channels when `outliers`.
  void norm(const std::string& name, std::int64_t size, double level, bool outliers) {
    const double share = outliers ? o_.outliers : 0.0;
    add(name, {size}, [seed = seed(), level, share](std::int64_t, std::span<float> out) {
      fill_normal(out, seed, level * kNormNoise);
      Rng rng(derive_seed(seed, 1));
      for (float& value : out) {
        value += static_cast<float>(level);
        if (rng.uniform() < share) value *= static_cast<float>(kOutlier);
      }
    });
  }

  void signs(const std::string& name, std::int64_t size) {
    add(name, {size}, [seed = seed()](std::int64_t, std::span<float> out) {
      Rng rng(seed);
      for (float& value : out) value = (rng.next() >> 63) != 0 ? 1.0f : -1.0f;
    });
  }

  void router(const std::string& name) {
    const std::int64_t count = c_.experts.count, width = c_.width;
    const double length = reads_ * std::sqrt(static_cast<double>(width));
    auto rows = std::make_shared<std::vector<double>>(static_cast<std::size_t>(count * width));
    std::vector<float> draw(rows->size());
    fill_normal(draw, seed(), 1.0);
    for (std::int64_t r = 0; r < count; ++r) {
      double* const row = rows->data() + r * width;
      for (std::int64_t i = 0; i < width; ++i) {
        row[i] = static_cast<double>(draw[static_cast<std::size_t>(r * width + i)]);
      }
      // Gram and Schmidt, as far as there are directions left.
      for (std::int64_t before = 0; before < r && r < width; ++before) {
        const double* const other = rows->data() + before * width;
        double product = 0.0;
        for (std::int64_t i = 0; i < width; ++i) product += row[i] * other[i];
        for (std::int64_t i = 0; i < width; ++i) row[i] -= product * other[i];
      }
      double square = 0.0;
      for (std::int64_t i = 0; i < width; ++i) square += row[i] * row[i];
      for (std::int64_t i = 0; i < width; ++i) row[i] /= std::sqrt(square);
    }
    add(name, {count, width}, [rows, length](std::int64_t r, std::span<float> out) {
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<float>((*rows)[static_cast<std::size_t>(r) * out.size() + i] * length);
      }
    });
  }

  void attention() {
    const std::int64_t queries = c_.heads * c_.head_size, keys = c_.kv_heads * c_.head_size;
    const double sharpness = std::sqrt(1.5);
    norm(prefix_ + "attn_norm.weight", c_.width, 1.0, true);
    matrix(prefix_ + "attn_q.weight", {queries, c_.width}, reads_ * sharpness);
    matrix(prefix_ + "attn_k.weight", {keys, c_.width}, reads_ * sharpness);
    matrix(prefix_ + "attn_v.weight", {keys, c_.width}, reads_);
    if (c_.qkv_biases) {
      matrix(prefix_ + "attn_q.bias", {queries}, 0.5);
      matrix(prefix_ + "attn_k.bias", {keys}, 0.5);
      matrix(prefix_ + "attn_v.bias", {keys}, 0.2);
    }
    if (c_.query_key_norm) {
      norm(prefix_ + "attn_q_norm.weight", c_.head_size, sharpness, false);
      norm(prefix_ + "attn_k_norm.weight", c_.head_size, sharpness, false);
    }
    writer(prefix_ + "attn_output.weight", {c_.width, queries}, 1.0);
    if (c_.post_norms) norm(prefix_ + "post_attention_norm.weight", c_.width, branch_, false);
  }

  // A matrix whose product joins the residual sum; `input`: the deviation of what it reads.
  void writer(const std::string& name, std::vector<std::int64_t> shape, double input) {
    const double fan_in = static_cast<double>(shape.back());
    const double output = c_.post_norms ? 1.0 : branch_;
    matrix(name, std::move(shape), output / (input * std::sqrt(fan_in)));
  }

  // act(g) u for g and u of deviation 1: 0.60 for silu, 0.65 for gelu.
  double gated() const { return c_.activation == Activation::kSilu ? 0.60 : 0.65; }

  void feed_forward() {
    norm(prefix_ + "ffn_norm.weight", c_.width, 1.0, true);
    if (c_.experts.count == 0) {
      matrix(prefix_ + "ffn_gate.weight", {c_.ff_size, c_.width}, reads_);
      matrix(prefix_ + "ffn_up.weight", {c_.ff_size, c_.width}, reads_);
      writer(prefix_ + "ffn_down.weight", {c_.width, c_.ff_size}, gated());
    } else {
      const Experts& e = c_.experts;
      router(prefix_ + "ffn_gate_inp.weight");
      matrix(prefix_ + "ffn_gate_exps.weight", {e.count, e.size, c_.width}, reads_);
      matrix(prefix_ + "ffn_up_exps.weight", {e.count, e.size, c_.width}, reads_);
      // A weighted mean of `used` experts is smaller than each.
      writer(prefix_ + "ffn_down_exps.weight", {e.count, c_.width, e.size},
             gated() / std::sqrt(static_cast<double>(e.used)));
      if (e.shared_size > 0) {
        matrix(prefix_ + "ffn_gate_inp_shexp.weight", {c_.width}, reads_);
        matrix(prefix_ + "ffn_gate_shexp.weight", {e.shared_size, c_.width}, reads_);
        matrix(prefix_ + "ffn_up_shexp.weight", {e.shared_size, c_.width}, reads_);
        writer(prefix_ + "ffn_down_shexp.weight", {c_.width, e.shared_size}, gated());
      }
    }
    if (c_.post_norms) norm(prefix_ + "post_ffw_norm.weight", c_.width, branch_, false);
  }

  const MakeOptions& o_;
  const ModelConfig& c_;
  double reads_ = 0.0, embedding_ = 0.0, branch_ = 0.0;
  std::string prefix_;
  std::vector<MadeTensor> planned_;
};

}  // namespace

std::vector<MadeTensor> made_tensors(const MakeOptions& options) {
  check_config(options.config, "the shape");
  return Plan(options).all();
}

void make_model(const MakeOptions& options, const std::string& path) {
  const std::vector<MadeTensor> plan = made_tensors(options);
  const std::vector<std::string>* pieces = options.tokenizer.texts("tokenizer.ggml.tokens");
  check(pieces != nullptr && static_cast<std::int64_t>(pieces->size()) == options.config.vocab,
        "a vocabulary of the config's size");
  GgufWriter writer(path);
  writer.metadata() = metadata_of(options.config);
  writer.metadata().set("general.name", MetaValue::text(options.name));
  writer.metadata().set("general.file_type", MetaValue::u32(file_type_number(options.type)));
  writer.metadata().set("general.quantization_version", MetaValue::u32(2));
  for (const auto& [key, value] : options.tokenizer.all()) writer.metadata().set(key, value);
  for (const MadeTensor& tensor : plan) writer.declare(tensor.name, tensor.type, tensor.shape);
  writer.begin();
  RowStream stream(writer, options.threads, options.progress);
  for (const MadeTensor& tensor : plan) stream.tensor(tensor.type, tensor.shape, tensor.fill);
  writer.finish();
}

}  // namespace aisp::model
