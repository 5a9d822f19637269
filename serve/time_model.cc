// See time_model.h.
#include "serve/time_model.h"

#include <algorithm>
#include <cmath>

namespace aisp::serve {
namespace {

// Times of equal steps differ by a tenth, and a cost may drift by a hundredth a step: a machine
// that becomes twice as slow is known after some 20 steps. Costs that no step has shown for long
// are taken to be right within a third.
constexpr double kNoise = 0.1 * 0.1, kDrift = 0.01 * 0.01, kMostUnsure = 0.3 * 0.3;
// The most that one step may say, as a logarithm: half as long again.
constexpr double kMost = 0.4;

}  // namespace

TimeLearner::TimeLearner() {
  for (std::size_t i = 0; i < kCosts; ++i) unsure_[i][i] = kMostUnsure;
}

void TimeLearner::learn(TimeModel& model, const StepWork& work, double took_s) {
  const double expected_s = model.seconds(work);
  if (!(took_s > 0.0) || !(expected_s > 0.0) || !std::isfinite(took_s)) return;
  double* const costs[kCosts] = {&model.step_s,          &model.prompt_token_s, &model.decode_row_s,
                                 &model.context_token_s, &model.moved_block_s,  &model.draft_step_s,
                                 &model.draft_row_s};
  const double counts[kCosts] = {1.0,
                                 work.prompt_tokens,
                                 work.decode_rows,
                                 work.context_tokens,
                                 work.moved_blocks,
                                 work.draft_steps,
                                 work.draft_rows};
  // A cost's share of the step is by how much the step's logarithm follows the cost's.
  double share[kCosts], moves[kCosts], sum = kNoise;
  for (std::size_t i = 0; i < kCosts; ++i) share[i] = *costs[i] * counts[i] / expected_s;
  for (std::size_t i = 0; i < kCosts; ++i) {
    moves[i] = 0.0;
    for (std::size_t j = 0; j < kCosts; ++j) moves[i] += unsure_[i][j] * share[j];
    sum += moves[i] * share[i];
  }
  const double missing = std::clamp(std::log(took_s / expected_s), -kMost, kMost);
  for (std::size_t i = 0; i < kCosts; ++i) {
    if (missing != 0.0) *costs[i] *= std::exp(missing * moves[i] / sum);
    for (std::size_t j = 0; j < kCosts; ++j) unsure_[i][j] -= moves[i] * moves[j] / sum;
    if (unsure_[i][i] + kDrift <= kMostUnsure) unsure_[i][i] += kDrift;
  }
}

}  // namespace aisp::serve
