// See time_model.h.
#include "serve/time_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace aisp::serve {
namespace {

// A tenth of what is missing at a time: a machine that became twice as slow is known after some 20
// steps, a second or two. The most that one step may say, as a logarithm: half as long again.
constexpr double kStep = 0.1, kMost = 0.5;

}  // namespace

void TimeModel::learn(const StepWork& work, double took_s) {
  const double expected_s = seconds(work);
  if (!(took_s > 0.0) || !(expected_s > 0.0) || !std::isfinite(took_s)) return;
  const double missing = std::clamp(std::log(took_s / expected_s), -kMost, kMost);
  if (missing == 0.0) return;
  const std::array<std::pair<double*, double>, 5> parts = {{{&step_s, 1.0},
                                                            {&prompt_token_s, work.prompt_tokens},
                                                            {&decode_row_s, work.decode_rows},
                                                            {&context_token_s, work.context_tokens},
                                                            {&moved_block_s, work.moved_blocks}}};
  // Shares of the step, and what a change of every cost by its own share would bring.
  std::array<double, 5> share;
  double brings = 0.0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    share[i] = *parts[i].first * parts[i].second / expected_s;
    brings += share[i] * share[i];
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    *parts[i].first *= std::exp(kStep * missing * share[i] / brings);
  }
}

}  // namespace aisp::serve
