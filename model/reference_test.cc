// The reference against numbers worked out by hand, and against another program's recorded logits
// of the same files.
#include "model/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <fstream>
#include <sstream>

#include "model/made_model.h"

namespace aisp::model {
namespace {

// A model of width 2 with one head: every number of it can be followed on paper.
struct PaperModel {
  PaperModel() {
    c.layers = 1;
    c.width = c.head_size = c.ff_size = c.vocab = 2;
    c.heads = c.kv_heads = 1;
    c.norm_epsilon = 0.0;
    c.context = 16;
    c.rope.size = c.local_rope.size = 2;
    c.windows = {0};
    t.embedding = weight(2, {3, 4, 1, 0});
    t.output = weight(2, {1, 0, 0, 1});
    t.output_norm = weight(1, {1, 1});
    LayerTensors& layer = t.layers.emplace_back();
    layer.attention_norm = layer.ff_norm = weight(1, {1, 1});
    layer.q = layer.k = weight(2, {0, 0, 0, 0});
    layer.v = layer.o = weight(2, {1, 0, 0, 1});
    layer.dense = {weight(2, {0, 0, 0, 0}), weight(2, {1, 0, 0, 1}), weight(2, {1, 0, 0, 1})};
  }

  Weight weight(std::int64_t rows, std::vector<float> values) {
    const std::vector<float>& kept = held.emplace_back(std::move(values));
    return {"paper", BlockType::kF32, rows, 2, std::as_bytes(std::span(kept))};
  }

  std::vector<double> logits(std::vector<std::int32_t> tokens) const {
    return reference_logits(t, c, tokens);
  }

  std::deque<std::vector<float>> held;
  ModelConfig c;
  ModelTensors t;
};

void expect_near(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6) << i;
}

// Q and K are zero, so attention is the mean of the normalized rows; the gate is zero, so the
// feed-forward part adds nothing. (3, 4) has root mean square 3.5355.
TEST(Reference, MeansAndNorms) {
  const PaperModel m;
  expect_near(m.logits({0, 1}), {0.8485281, 1.1313708, 1.3668895, 0.3627850});
}

TEST(Reference, WindowsHideWhatIsBefore) {
  PaperModel m;
  m.c.windows = {1};  // each sees itself alone: (1, 0) + (1.4142, 0) points along the first axis
  expect_near(m.logits({0, 1}), {0.8485281, 1.1313708, std::sqrt(2.0), 0.0});
}

// Rows (1, 0) at positions 0 and 1, normalized to sqrt(2): the score is 2 cos 1 s, and 2 s with
// itself. Values are the tokens' own rows, and V turns the other token's to the second axis.
TEST(Reference, RopeTurnsByPosition) {
  PaperModel m;
  m.c.attention_scale = 0.5;
  m.t.embedding = m.weight(2, {1, 0, 0, 1});
  m.t.layers[0].q = m.t.layers[0].k = m.weight(2, {1, 0, 0, 1});
  // Tokens (0, 1) then (1, 0): k of the first at position 0 is (0, 1); q of the second, (1, 0)
  // turned by 1, is (cos 1, sin 1): the score is sin 1, and 1 with itself.
  const double a = std::exp(std::sin(1.0)), b = std::exp(1.0);
  const double x = 1.0 + std::sqrt(2.0) * b / (a + b), y = std::sqrt(2.0) * a / (a + b);
  const double rms = std::sqrt((x * x + y * y) / 2.0);
  const std::vector<double> got = m.logits({1, 0});
  expect_near({got[2], got[3]}, {x / rms, y / rms});
}

TEST(Reference, CapsScoresAndLogits) {
  PaperModel m;
  m.c.logit_cap = 0.5;
  expect_near(m.logits({0}), {0.5 * std::tanh(0.8485281 / 0.5), 0.5 * std::tanh(1.1313708 / 0.5)});
}

// Gate and up are the identity: silu(x) x on the normalized row after attention.
TEST(Reference, FeedForward) {
  PaperModel m;
  m.t.layers[0].dense.gate = m.weight(2, {1, 0, 0, 1});
  const double u = 0.8485281374, v = 1.1313708499;
  const double x = 3 + u + u * u / (1 + std::exp(-u)), y = 4 + v + v * v / (1 + std::exp(-v));
  const double rms = std::sqrt((x * x + y * y) / 2.0);
  expect_near(m.logits({0}), {x / rms, y / rms});
}

// Two experts of three with router logits 0, u and v: the last two win; one gives (1, 0) times its
// silu, the other (0, 1).
TEST(Reference, Mixture) {
  PaperModel m;
  LayerTensors& layer = m.t.layers[0];
  layer.router = m.weight(3, {0, 0, 1, 0, 0, 1});
  layer.dense = {};
  const Weight one = m.weight(2, {1, 0, 0, 1}), none = m.weight(2, {0, 0, 0, 0});
  layer.experts = {{one, one, m.weight(2, {9, 9, 9, 9})},
                   {one, one, m.weight(2, {1, 0, 0, 0})},
                   {one, one, m.weight(2, {0, 0, 0, 1})}};
  m.c.experts = {.count = 3, .used = 2, .size = 2, .normalize = true};
  const double u = 0.8485281374, v = 1.1313708499;
  const double share = 1.0 / (1.0 + std::exp(v - u));
  double x = 3 + u + share * u * u / (1 + std::exp(-u));
  double y = 4 + v + (1 - share) * v * v / (1 + std::exp(-v));
  double rms = std::sqrt((x * x + y * y) / 2.0);
  expect_near(m.logits({0}), {x / rms, y / rms});
  // Not normalized: of all three. A shared expert beside, its gate at zero: half of it.
  m.c.experts.normalize = false;
  m.c.experts.shared_size = 2;
  layer.shared = {one, one, one};
  layer.shared_gate = none.slice(0, 1);
  const double sum = 1.0 + std::exp(u) + std::exp(v);
  const double gated_u = u * u / (1 + std::exp(-u)), gated_v = v * v / (1 + std::exp(-v));
  x = 3 + u + (std::exp(u) / sum + 0.5) * gated_u;
  y = 4 + v + (std::exp(v) / sum + 0.5) * gated_v;
  rms = std::sqrt((x * x + y * y) / 2.0);
  expect_near(m.logits({0}), {x / rms, y / rms});
}

// Lines of testdata/llama_cpp_logits.txt: architecture, tokens, then for each position the largest
// logit's token, then the first 16 logits of the last position.
TEST(Reference, AgreesWithLlamaCpp) {
  std::ifstream file(AISP_SOURCE_DIR "/model/testdata/llama_cpp_logits.txt");
  std::string line;
  int seen = 0;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) continue;
    std::istringstream in(line);
    std::string name;
    std::size_t count = 0;
    in >> name >> count;
    SCOPED_TRACE(name);
    std::vector<std::int32_t> tokens(count), best(count);
    for (auto& token : tokens) in >> token;
    for (auto& token : best) in >> token;
    const MadeModel m(name);
    const std::vector<double> logits = reference_logits(m.tensors, m.config, tokens);
    const auto vocab = static_cast<std::ptrdiff_t>(m.config.vocab);
    for (std::size_t t = 0; t < count; ++t) {
      const auto row = logits.begin() + static_cast<std::ptrdiff_t>(t) * vocab;
      EXPECT_EQ(std::max_element(row, row + vocab) - row, best[t]) << t;
    }
    // llama.cpp computes in f32 (24 bits, a few hundred operations deep), Gemma's gelu by a table
    // of f16 (11 bits).
    const double bound = m.config.activation == Activation::kGelu ? 5e-3 : 1e-5;
    for (int i = 0; i < 16; ++i) {
      double want = NAN;
      in >> want;
      EXPECT_NEAR(logits[logits.size() - static_cast<std::size_t>(vocab - i)], want, bound) << i;
    }
    ++seen;
  }
  EXPECT_EQ(seen, 10);
}

}  // namespace
}  // namespace aisp::model
