// The sampler beside an independent one in double that sorts everything, and its draws beside its
// probabilities.
#include "serve/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::serve {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// Straight from the definitions in sampler.h. `close` is set when a cut falls so near to a token's
// weight that float and double may decide differently.
std::vector<double> expected(const Sampler::Row& row, const Sampling& s, bool* close) {
  std::vector<double> logit(row.logits.begin(), row.logits.end());
  std::map<Token, int> seen, generated;
  for (std::size_t i = 0; i < row.tokens.size(); ++i) {
    ++seen[row.tokens[i]];
    if (static_cast<int>(i) >= row.prompt) ++generated[row.tokens[i]];
  }
  for (std::size_t i = 0; i < logit.size(); ++i) {
    if (!row.allowed.empty() && (row.allowed[i / 64] >> (i % 64) & 1) == 0) logit[i] = -INFINITY;
  }
  for (const auto& [token, value] : s.bias) logit[static_cast<std::size_t>(token)] += value;
  for (const auto& [token, count] : seen) {
    double& l = logit[static_cast<std::size_t>(token)];
    l = l > 0 ? l / static_cast<double>(s.repetition) : l * static_cast<double>(s.repetition);
    if (generated[token] > 0) {
      l -= static_cast<double>(s.presence) + static_cast<double>(s.frequency) * generated[token];
    }
  }
  std::vector<std::size_t> order(logit.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, [&](auto a, auto b) { return logit[a] > logit[b]; });
  std::vector<double> p(logit.size(), 0.0);
  const double top = logit[order[0]];
  if (s.temperature == 0) {
    p[order[0]] = 1.0;
    *close = order.size() > 1 && top - logit[order[1]] < 1e-5;
    return p;
  }
  for (const auto i : order) p[i] = std::exp((logit[i] - top) / static_cast<double>(s.temperature));
  const auto near = [](double a, double b) { return std::abs(a - b) < 1e-5 * (a + b); };
  for (double& w : p) {
    *close = *close || (s.min_p > 0 && near(w, s.min_p));
    if (w < static_cast<double>(s.min_p)) w = 0.0;
  }
  const std::size_t k = s.top_k > 0 ? static_cast<std::size_t>(s.top_k) : p.size();
  if (k < p.size()) *close = *close || (p[order[k]] > 0 && near(p[order[k]], p[order[k - 1]]));
  for (std::size_t i = k; i < p.size(); ++i) p[order[i]] = 0.0;
  const double kept = std::accumulate(p.begin(), p.end(), 0.0);
  double reached = 0.0;
  for (const auto i : order) {
    if (s.top_p >= 1) break;
    *close = *close || near(reached, kept * static_cast<double>(s.top_p));
    const bool enough = reached >= kept * static_cast<double>(s.top_p);
    reached += p[i];
    if (enough) p[i] = 0.0;
  }
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& w : p) w /= sum;
  return p;
}

Sampling random_sampling(Rng& rng, int vocabulary) {
  Sampling s;
  const float temperatures[] = {0.0f, 0.3f, 0.8f, 1.0f, 2.0f};
  s.temperature = temperatures[rng.below(5)];
  if (rng.below(2))
    s.top_k = 1 + static_cast<int>(rng.below(static_cast<std::uint64_t>(vocabulary)));
  if (rng.below(2)) s.top_p = 0.05f + 0.95f * static_cast<float>(rng.uniform());
  if (rng.below(3) == 0) s.min_p = 0.2f * static_cast<float>(rng.uniform());
  if (rng.below(3) == 0) s.repetition = 1.0f + static_cast<float>(rng.uniform());
  if (rng.below(3) == 0) s.presence = static_cast<float>(rng.uniform());
  if (rng.below(3) == 0) s.frequency = static_cast<float>(rng.uniform()) - 0.5f;
  if (rng.below(3) == 0) {
    s.bias.push_back({static_cast<Token>(rng.below(static_cast<std::uint64_t>(vocabulary))), 3.0f});
  }
  return s;
}

TEST(Sampler, AgreesWithTheDefinitions) {
  Rng rng(11);
  int compared = 0;
  for (int round = 0; round < 2000; ++round) {
    const int vocabulary = 2 + static_cast<int>(rng.below(round % 50 == 0 ? 5000 : 200));
    const auto size = static_cast<std::size_t>(vocabulary);
    Sampler sampler(vocabulary);
    std::vector<float> logits(size);
    fill_normal(logits, rng.next(), 4.0f);
    std::vector<Token> tokens(rng.below(30));
    for (Token& token : tokens) token = static_cast<Token>(rng.below(size));
    std::vector<std::uint64_t> allowed((size + 63) / 64, ~0ull);
    for (std::uint64_t& word : allowed) word &= rng.below(3) == 0 ? rng.next() : ~0ull;
    allowed[0] |= 1;
    const Sampling s = random_sampling(rng, vocabulary);
    Sampler::Row row{.logits = logits, .tokens = tokens, .position = round};
    row.prompt = static_cast<int>(rng.below(tokens.size() + 1));
    if (rng.below(3) == 0) row.allowed = allowed;
    bool close = false;
    const std::vector<double> right = expected(row, s, &close);
    if (close) continue;
    ++compared;
    std::vector<double> got(size);
    sampler.probabilities(row, s, got);
    for (std::size_t i = 0; i < size; ++i) {
      // x = (logit - top) / T has an error of |x| * 2^-22, e^x another 3 * 2^-24.
      const double bound = right[i] * (1e-5 + 2e-6 * std::abs(std::log(right[i] + 1e-300))) + 1e-30;
      ASSERT_NEAR(got[i], right[i], bound) << "round " << round << " token " << i;
    }
    const Token token = sampler.sample(row, s);
    EXPECT_GT(right[static_cast<std::size_t>(token)], 0.0);
  }
  EXPECT_GT(compared, 1800);
}

// Pearson's statistic against probabilities p; `p_value` by the normal limit of Wilson and
// Hilferty.
double chi_square_z(const std::vector<double>& counts, const std::vector<double>& p, double n) {
  double statistic = 0.0, rest = 0.0, rest_p = 0.0;
  int cells = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (n * p[i] < 8) {
      rest += counts[i];
      rest_p += p[i];
      continue;
    }
    ++cells;
    statistic += (counts[i] - n * p[i]) * (counts[i] - n * p[i]) / (n * p[i]);
  }
  if (n * rest_p >= 8) {
    ++cells;
    statistic += (rest - n * rest_p) * (rest - n * rest_p) / (n * rest_p);
  }
  const double k = std::max(1, cells - 1);
  return (std::cbrt(statistic / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k));
}

TEST(Sampler, DrawsWhatItsProbabilitiesSay) {
  const int vocabulary = 64;
  Sampler sampler(vocabulary);
  std::vector<float> logits(vocabulary);
  fill_normal(logits, 5, 2.0f);
  for (const auto& [top_k, top_p] : {std::pair{0, 1.0f}, {10, 1.0f}, {0, 0.8f}, {30, 0.9f}}) {
    Sampling s{.temperature = 0.9f, .top_k = top_k, .top_p = top_p, .seed = 77};
    std::vector<double> p(vocabulary), counts(vocabulary, 0.0);
    Sampler::Row row{.logits = logits};
    sampler.probabilities(row, s, p);
    const int n = 100'000;
    for (row.position = 0; row.position < n; ++row.position) {
      ++counts[static_cast<std::size_t>(sampler.sample(row, s))];
    }
    for (std::size_t i = 0; i < p.size(); ++i) EXPECT_TRUE(p[i] > 0 || counts[i] == 0);
    EXPECT_LT(std::abs(chi_square_z(counts, p, n)), 4.5) << top_k << " " << top_p;
    // The check can fail: a temperature 5 % off is seen.
    s.temperature *= 1.05f;
    sampler.probabilities(row, s, p);
    EXPECT_GT(chi_square_z(counts, p, n), 4.5);
  }
}

TEST(Sampler, OddRows) {
  Sampler sampler(4);
  const Sampling greedy{.temperature = 0.0f}, warm{};
  const std::vector<float> tie = {1, 3, 3, 0}, nan = {kNan, 1, kNan, -50}, none(4, -kInf),
                           infinite = {1, 2, kInf, 3}, huge = {3e38f, -3e38f, 0, 0};
  EXPECT_EQ(sampler.sample({.logits = tie}, greedy), 1);
  EXPECT_EQ(sampler.sample({.logits = nan}, warm), 1);
  EXPECT_EQ(sampler.sample({.logits = none}, warm), 0);
  EXPECT_EQ(sampler.sample({.logits = infinite}, warm), 2);
  EXPECT_EQ(sampler.sample({.logits = huge}, warm), 0);
  const std::uint64_t only_third = 8;
  EXPECT_EQ(sampler.sample({.logits = tie, .allowed = {&only_third, 1}}, warm), 3);
}

TEST(Sampler, LogProbabilities) {
  Sampler sampler(5);
  const std::vector<float> logits = {0.0f, 1.0f, kNan, 3.0f, 1.0f};
  std::vector<LogProb> out;
  sampler.log_probs(logits, 4, 3, out);
  const double sum = 1 + 2 * std::exp(1.0) + std::exp(3.0);
  ASSERT_EQ(out.size(), 4u);
  EXPECT_EQ(out[0].token, 4);
  EXPECT_NEAR(out[0].value, 1 - std::log(sum), 1e-6);
  EXPECT_EQ(out[1].token, 3);
  EXPECT_EQ(out[2].token, 1);  // the lowest id among equals
  EXPECT_EQ(out[3].token, 4);
  EXPECT_NEAR(out[1].value, 3 - std::log(sum), 1e-6);
  sampler.log_probs(logits, 3, 5, out);  // appends as many as were asked for
  ASSERT_EQ(out.size(), 10u);
  EXPECT_EQ(out[9].token, 2);
  EXPECT_EQ(out[9].value, -kInf);
}

TEST(Sampler, RefusesSettingsOutOfRange) {
  std::vector<Sampling> wrong(12);
  wrong[0].temperature = -1;
  wrong[1].temperature = kNan;
  wrong[2].top_k = -1;
  wrong[3].top_p = 0;
  wrong[4].min_p = 2;
  wrong[5].repetition = 0;
  wrong[6].presence = kInf;
  wrong[7].logprobs = 21;
  wrong[10].logprobs = -2;
  wrong[11].logprobs = 11;  // of ten tokens
  wrong[8].bias = {{10, 1.0f}};
  wrong[9].bias = {{1, kNan}};
  for (const Sampling& s : wrong) EXPECT_THROW(check_sampling(s, 10), Error);
  check_sampling(Sampling{}, 10);
}

}  // namespace
}  // namespace aisp::serve
