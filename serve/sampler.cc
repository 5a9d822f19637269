// See sampler.h. Top-k and top-p without sorting the vocabulary: the weights, all in (0, 1], are
// counted by their leading bits in one pass; only those above the bucket where the cut falls, and
// that bucket, are gathered and sorted.
#include "serve/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/error.h"
#include "base/rng.h"

namespace aisp::serve {

namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();
// Exponent and three bits of the mantissa of a float in [0, 1]: 127 * 8 + 1 buckets.
constexpr int kBucketShift = 20;
constexpr std::size_t kBuckets = (0x3f800000u >> kBucketShift) + 1;

std::size_t bucket_of(float weight) { return std::bit_cast<std::uint32_t>(weight) >> kBucketShift; }

// e^x for x in (-87, 0], within 2 units in the last place: a loop of it becomes vector code.
// Source: Cody and Waite's reduction, Taylor polynomial of degree 6 on [-ln2/2, ln2/2].
inline float exp_of(float x) {
  const float n = std::floor(x * 1.44269504f + 0.5f);
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  const float power =
      1.0f +
      r * (1.0f + r * (0.5f + r * (0.16666667f +
                                   r * (0.041666668f + r * (0.0083333333f + r * 0.0013888889f)))));
  const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127) << 23;
  return power * std::bit_cast<float>(exponent);
}

}  // namespace

Sampler::Sampler(int vocabulary)
    : logits_(static_cast<std::size_t>(vocabulary)),
      counts_(static_cast<std::size_t>(vocabulary)),
      bucket_count_(kBuckets),
      bucket_mass_(kBuckets) {
  kept_.reserve(logits_.size());
}

void Sampler::penalize(const Row& row, const Sampling& s) {
  const auto prompt = static_cast<std::size_t>(row.prompt);
  for (std::size_t i = 0; i < row.tokens.size(); ++i) {
    const auto token = static_cast<std::size_t>(row.tokens[i]);
    check(token < logits_.size(), "the sequence holds tokens of the vocabulary");
    // Low bit: seen at all. Above: how often generated.
    counts_[token] = (counts_[token] | 1) + (i >= prompt ? 2 : 0);
  }
  for (const Token seen : row.tokens) {
    const auto token = static_cast<std::size_t>(seen);
    if (counts_[token] == 0) continue;
    float& logit = logits_[token];
    logit = logit > 0 ? logit / s.repetition : logit * s.repetition;
    const int generated = counts_[token] >> 1;
    if (generated > 0) logit -= s.presence + s.frequency * static_cast<float>(generated);
    counts_[token] = 0;
  }
}

void Sampler::prepare(const Row& row, const Sampling& s) {
  check(row.logits.size() == logits_.size(), "a row has the vocabulary's size");
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    logits_[i] = row.logits[i] == row.logits[i] ? row.logits[i] : kImpossible;
  }
  for (std::size_t i = 0; i < logits_.size() && !row.allowed.empty(); ++i) {
    if ((row.allowed[i / 64] >> (i % 64) & 1) == 0) logits_[i] = kImpossible;
  }
  for (const auto& [token, value] : s.bias) logits_[static_cast<std::size_t>(token)] += value;
  if (s.repetition != 1.0f || s.presence != 0.0f || s.frequency != 0.0f) penalize(row, s);
}

Token Sampler::largest() const {
  const auto best = std::ranges::max_element(logits_);
  return static_cast<Token>(best - logits_.begin());
}

// Logits become weights relative to the largest; what is below min-p becomes 0. False when there is
// nothing to choose between: an infinite logit, or none that is possible.
bool Sampler::weigh(const Sampling& s) {
  const float top = logits_[static_cast<std::size_t>(largest())];
  if (!std::isfinite(top)) return false;
  const float scale = 1.0f / s.temperature;
  // Beyond e^-87 a weight is nothing beside the largest one's 1.
  const float least = std::max(-87.0f, s.min_p > 0 ? std::log(s.min_p) : -87.0f);
  for (float& value : logits_) {
    const float x = (value - top) * scale;
    const float weight = exp_of(std::max(x, -87.0f));
    value = x >= least ? weight : 0.0f;
  }
  return true;
}

void Sampler::keep_largest(const Sampling& s) {
  std::ranges::fill(bucket_count_, 0);
  std::ranges::fill(bucket_mass_, 0.0);
  double mass = 0.0;
  for (const float weight : logits_) {
    if (weight == 0.0f) continue;
    ++bucket_count_[bucket_of(weight)];
    bucket_mass_[bucket_of(weight)] += weight;
    mass += weight;
  }
  const std::int64_t most = s.top_k > 0 ? s.top_k : std::numeric_limits<std::int64_t>::max();
  // Top-p is a share of what top-k left, so with both the k largest come first.
  const bool by_mass = s.top_k == 0;
  std::size_t lowest = kBuckets;
  double reached = 0.0;
  for (std::int64_t count = 0; lowest > 0 && count < most;) {
    if (by_mass && reached >= mass * s.top_p) break;
    --lowest;
    count += bucket_count_[lowest];
    reached += bucket_mass_[lowest];
  }
  kept_.clear();
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    if (logits_[i] > 0.0f && bucket_of(logits_[i]) >= lowest) {
      kept_.push_back({logits_[i], static_cast<Token>(i)});
    }
  }
  std::ranges::sort(kept_, [](const Kept& a, const Kept& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
  });
  if (static_cast<std::int64_t>(kept_.size()) > most) kept_.resize(static_cast<std::size_t>(most));
  if (s.top_p >= 1.0f) return;
  if (!by_mass) {
    mass = 0.0;
    for (const Kept& kept : kept_) mass += kept.weight;
  }
  double sum = 0.0;
  std::size_t count = 0;
  while (count < kept_.size() && sum < mass * s.top_p) sum += kept_[count++].weight;
  kept_.resize(std::max<std::size_t>(1, count));
}

Token Sampler::sample(const Row& row, const Sampling& s) {
  prepare(row, s);
  if (s.temperature == 0.0f || !weigh(s)) return largest();
  const double u = random_of(s.seed, row.position);
  double sum = 0.0, reached = 0.0;
  if (s.top_k > 0 || s.top_p < 1.0f) {
    keep_largest(s);
    for (const Kept& kept : kept_) sum += kept.weight;
    for (const Kept& kept : kept_) {
      reached += kept.weight;
      if (reached > u * sum) return kept.token;
    }
    return kept_.back().token;
  }
  for (const float weight : logits_) sum += weight;
  Token last = 0;
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    if (logits_[i] == 0.0f) continue;
    last = static_cast<Token>(i);
    reached += logits_[i];
    if (reached > u * sum) break;
  }
  return last;
}

void Sampler::probabilities(const Row& row, const Sampling& s, std::span<double> out) {
  check(out.size() == logits_.size(), "a row has the vocabulary's size");
  std::ranges::fill(out, 0.0);
  prepare(row, s);
  if (s.temperature == 0.0f || !weigh(s)) {
    out[static_cast<std::size_t>(largest())] = 1.0;
    return;
  }
  double sum = 0.0;
  if (s.top_k > 0 || s.top_p < 1.0f) {
    keep_largest(s);
    for (const Kept& kept : kept_) out[static_cast<std::size_t>(kept.token)] = kept.weight;
  } else {
    std::ranges::copy(logits_, out.begin());
  }
  for (const double weight : out) sum += weight;
  for (double& weight : out) weight /= sum;
}

void Sampler::log_probs(std::span<const float> logits, Token chosen, int most,
                        std::vector<LogProb>& out) {
  float top = kImpossible;
  for (const float logit : logits) top = logit > top ? logit : top;
  double sum = 0.0;
  for (const float logit : logits) {
    if (logit == logit) sum += exp_of(std::max(logit - top, -87.0f));
  }
  const double base = static_cast<double>(top) + std::log(sum);
  const auto value = [&](Token token) {
    const float logit = logits[static_cast<std::size_t>(token)];
    return logit == logit ? static_cast<float>(logit - base) : kImpossible;
  };
  out.push_back({chosen, value(chosen)});
  kept_.clear();
  const auto better = [](const Kept& a, const Kept& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
  };
  const auto limit = static_cast<std::size_t>(std::max(0, most));
  for (std::size_t i = 0; i < logits.size() && limit > 0; ++i) {
    const float logit = logits[i] == logits[i] ? logits[i] : kImpossible;
    const Kept candidate{logit, static_cast<Token>(i)};
    if (kept_.size() == limit && !better(candidate, kept_.back())) continue;
    if (kept_.size() == limit) kept_.pop_back();
    kept_.insert(std::ranges::upper_bound(kept_, candidate, better), candidate);
  }
  for (const Kept& kept : kept_) out.push_back({kept.token, value(kept.token)});
}

void check_sampling(const Sampling& s, int vocabulary) {
  const auto need = [](bool right, const char* what) {
    if (!right) throw Error(what, "sampling", "correct the request");
  };
  need(s.temperature >= 0 && std::isfinite(s.temperature) &&
           (s.temperature == 0 || s.temperature >= 1e-3f),
       "temperature is 0 or at least 0.001");
  need(s.top_k >= 0, "top_k is negative");
  need(s.top_p > 0 && s.top_p <= 1, "top_p is not in (0, 1]");
  need(s.min_p >= 0 && s.min_p <= 1, "min_p is not in [0, 1]");
  need(s.repetition > 0 && s.repetition <= 100, "the repetition penalty is not in (0, 100]");
  need(std::abs(s.presence) <= 100 && std::abs(s.frequency) <= 100,
       "a penalty is not in [-100, 100]");
  need(s.logprobs >= -1 && s.logprobs <= std::min(20, vocabulary),
       "logprobs is not in [0, 20], or above the vocabulary");
  for (const auto& [token, value] : s.bias) {
    need(token >= 0 && token < vocabulary, "bias for a token that the vocabulary has not");
    need(std::abs(value) <= 100, "a bias is not in [-100, 100]");
  }
}

double random_of(std::uint64_t seed, int position, int draw) {
  const std::uint64_t label = static_cast<std::uint64_t>(static_cast<std::uint32_t>(position)) * 4 +
                              static_cast<std::uint64_t>(draw);
  return static_cast<double>(derive_seed(seed, label) >> 11) * 0x1p-53;
}

SpeculativeChoice choose_speculatively(std::span<const double> p, std::span<const double> q,
                                       Token draft, std::uint64_t seed, int position) {
  const auto drafted = static_cast<std::size_t>(draft);
  if (random_of(seed, position, 1) * q[drafted] < p[drafted]) return {draft, true};
  double sum = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += std::max(0.0, p[i] - q[i]);
  const double wanted = random_of(seed, position, 2) * sum;
  double reached = 0.0;
  Token last = draft;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] <= q[i]) continue;
    last = static_cast<Token>(i);
    reached += p[i] - q[i];
    if (reached > wanted) break;
  }
  return {last, false};
}

}  // namespace aisp::serve
