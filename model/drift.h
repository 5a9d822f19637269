// How far one model's next-token distributions are from another's at the same positions: the gate
// of a rollout. The first model is the judge. Source: Kullback and Leibler (1951); the set of
// figures is llama.cpp's (tools/perplexity, --kl-divergence).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace aisp::model {

/// p is the judge's distribution, q the other's, both of the token after this position.
struct PositionDrift {
  double kl = 0.0;         // KL(p || q) in nats
  std::int32_t top_a = 0;  // likeliest token of each; ties go to the smaller number
  std::int32_t top_b = 0;
  double p_top_a = 0.0;  // p and q of top_a
  double q_top_a = 0.0;
  double q_top_b = 0.0;
  double next_change = 0.0;   // q - p of the token that really comes next; NaN when none is known
  double logit_error = 0.0;   // rms over the vocabulary of the difference of logits, less its mean
  double logit_spread = 0.0;  // rms of the judge's logits, less their mean
};

/// `next` < 0: not known. Logits of one vocabulary. Sums are in double. NaN in either gives a kl of
/// infinity.
PositionDrift compare_logits(std::span<const float> a, std::span<const float> b, std::int32_t next);

struct Drift {
  std::int64_t positions = 0;
  double mean_kl = 0.0, mean_kl_error = 0.0;  // standard error, positions as draws
  double kl_median = 0.0, kl_99 = 0.0, kl_max = 0.0;
  double top_1 = 0.0;                 // share of positions with the same likeliest token
  double next_change_rms = 0.0;       // over the positions with a known next token
  double logit_error = 0.0;           // rms over positions
  double relative_logit_error = 0.0;  // over the rms of logit_spread
};

/// Of at least one position.
Drift summarize(std::span<const PositionDrift> positions);

/// NaN: no bound.
struct DriftBounds {
  double mean_kl, kl_99, top_1;
  DriftBounds();
};

/// What is beyond its bound, one text each, such as "mean KL 0.0031 is above 0.002". Empty: within.
std::vector<std::string> beyond(const Drift& drift, const DriftBounds& bounds);

}  // namespace aisp::model
