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

// Beyond e^-87 a weight is nothing beside the largest one's 1.
constexpr float kLeastExponent = -87.0f;

// e^x for x from `least` to 0, within 2 units in the last place, and 0 below; least >=
// kLeastExponent. Without a branch, a call or a conversion, so that a loop of it becomes vector
// code: adding 1.5 * 2^23 rounds, and leaves the whole number in the low bits.
// Source: Cody and Waite's reduction, Taylor polynomial of degree 6 on [-ln2/2, ln2/2].
inline float exp_of(float x, float least) {
  constexpr float kRounding = 12582912.0f;
  const float rounded = x * 1.44269504f + kRounding, n = rounded - kRounding;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  const float power =
      1.0f +
      r * (1.0f + r * (0.5f + r * (0.16666667f +
                                   r * (0.041666668f + r * (0.0083333333f + r * 0.0013888889f)))));
  const std::uint32_t exponent =
      (std::bit_cast<std::uint32_t>(rounded) - std::bit_cast<std::uint32_t>(kRounding) + 127) << 23;
  const auto kept = static_cast<std::uint32_t>(-static_cast<std::int32_t>(x >= least));
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(power * std::bit_cast<float>(exponent)) &
                              kept);
}

// Sums and maxima in so many lanes: a chain of dependent operations waits four cycles for each.
constexpr std::size_t kLanes = 16;
constexpr std::size_t kDrawBlock = 256;  // weights added at once when a token is drawn

double sum_of(std::span<const float> values) {
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) lanes[j] += static_cast<double>(values[i + j]);
  }
  double sum = 0.0;
  for (; i < values.size(); ++i) sum += static_cast<double>(values[i]);
  for (const double lane : lanes) sum += lane;
  return sum;
}

// NaN counts as minus infinity.
float largest_of(std::span<const float> values) {
  float lanes[kLanes];
  std::ranges::fill(lanes, kImpossible);
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) {
      lanes[j] = values[i + j] > lanes[j] ? values[i + j] : lanes[j];
    }
  }
  float most = kImpossible;
  for (; i < values.size(); ++i) most = values[i] > most ? values[i] : most;
  for (const float lane : lanes) most = lane > most ? lane : most;
  return most;
}

}  // namespace

Sampler::Sampler(int vocabulary)
    : logits_(static_cast<std::size_t>(vocabulary)),
      counts_(static_cast<std::size_t>(vocabulary)),
      bucket_count_(kBuckets),
      bucket_mass_(kBuckets) {
  kept_.reserve(logits_.size());
  block_sums_.reserve(logits_.size() / kDrawBlock + 1);
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
  const auto best = std::ranges::find(logits_, largest_of(logits_));
  return static_cast<Token>(best - logits_.begin());
}

// Logits become weights relative to the largest; what is below min-p becomes 0. False when there is
// nothing to choose between: an infinite logit, or none that is possible.
bool Sampler::weigh(const Sampling& s) {
  const float top = largest_of(logits_);
  if (!std::isfinite(top)) return false;
  const float scale = 1.0f / s.temperature;
  const float least = s.min_p > 0 ? std::max(kLeastExponent, std::log(s.min_p)) : kLeastExponent;
  for (float& value : logits_) value = exp_of((value - top) * scale, least);
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
  if (s.top_k == 0 && s.top_p == 1.0f) return draw(u);
  keep_largest(s);
  double sum = 0.0, reached = 0.0;
  for (const Kept& kept : kept_) sum += kept.weight;
  for (const Kept& kept : kept_) {
    reached += kept.weight;
    if (reached > u * sum) return kept.token;
  }
  return kept_.back().token;
}

// Blocks of weights first, then the one in which the drawn share is reached.
Token Sampler::draw(double u) {
  block_sums_.clear();
  const std::span<const float> weights(logits_);
  for (std::size_t i = 0; i < weights.size(); i += kDrawBlock) {
    block_sums_.push_back(sum_of(weights.subspan(i, std::min(kDrawBlock, weights.size() - i))));
  }
  double sum = 0.0, reached = 0.0;
  for (const double block : block_sums_) sum += block;
  std::size_t block = 0, last_block = 0;
  for (; block < block_sums_.size(); reached += block_sums_[block++]) {
    if (block_sums_[block] > 0.0) last_block = block;
    if (reached + block_sums_[block] > u * sum) break;
  }
  // Rounding may leave the end of its block, or of them all, short of the share: then the last one.
  const std::size_t begin = std::min(block, last_block) * kDrawBlock;
  Token last = 0;
  for (std::size_t i = begin; i < std::min(begin + kDrawBlock, weights.size()); ++i) {
    if (weights[i] == 0.0f) continue;
    last = static_cast<Token>(i);
    reached += static_cast<double>(weights[i]);
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
  const float top = largest_of(logits);
  double sum = 0.0;
  for (const float logit : logits) {
    sum += static_cast<double>(exp_of(logit - top, kLeastExponent));
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

double random_of(std::uint64_t seed, int position) {
  const std::uint64_t label = static_cast<std::uint32_t>(position);
  return static_cast<double>(derive_seed(seed, label) >> 11) * 0x1p-53;
}

}  // namespace aisp::serve
