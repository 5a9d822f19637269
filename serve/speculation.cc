// How many guesses a request gets (scheduler.h, speculation.h). Two things are remembered: how
// often they were right lately, which says how many would be worth their rows; and what they have
// cost beyond what they brought, which may never be more than a hundredth of the request's time. So
// a text that cannot be guessed is answered at the speed of plain decoding, whoever guesses, and a
// text that becomes predictable is noticed.
#include "serve/speculation.h"

#include <algorithm>

namespace aisp::serve {
namespace {

// Recent mean of accepted drafts: half of it is from the last 5 guesses.
constexpr double kAcceptanceMemory = 0.87;
// The mean of all requests, where newcomers begin: half of it is from the last 14 guesses.
constexpr double kMeanMemory = 0.95;
// What guesses may lose of a request's time, with the tokens whose hundredth is lent at the start;
// and the most, in tokens, that was won before and counts against it: the less, the sooner a text
// that is no longer predictable is noticed.
constexpr double kMostLost = 0.01, kLentTokens = 60.0, kMostWon = 4.0;
// Where no guess pays, one is tried after so many tokens at least.
constexpr int kLeastSilence = 16;

/// What tokens and guesses cost a request as things are, in seconds.
struct Cost {
  Cost(const State& state, const Slot& slot) {
    const TimeModel& time = state.config.time;
    const double sharers = std::max<double>(1.0, static_cast<double>(state.running.size()));
    token_s = time.step_s / sharers + time.decode_row_s + time.context_token_s * slot.known();
    guess_s = time.decode_row_s + time.draft_row_s + time.draft_step_s / sharers;
    // A drafter that has been away reads what came since.
    reading_s = time.draft_row_s * (slot.known() - slot.drafted);
  }
  double token_s, guess_s, reading_s;
};

double may_lose_s(const Slot& s, const Cost& cost) {
  const double tokens = kLentTokens + (s.known() - s.prompt);
  return kMostLost * tokens * cost.token_s - s.lost_s;
}

}  // namespace

void judge_drafts(State& state, Slot& s, int drafts, int right) {
  state.counters.drafted += static_cast<std::uint64_t>(drafts);
  state.counters.accepted += static_cast<std::uint64_t>(right);
  for (int guess = 0; guess < std::min(drafts, right + 1); ++guess) {
    const double was_right = guess < right ? 1.0 : 0.0;
    s.acceptance += (1.0 - kAcceptanceMemory) * (was_right - s.acceptance);
    state.acceptance += (1.0 - kMeanMemory) * (was_right - state.acceptance);
  }
  if (drafts == 0) return;
  const Cost cost(state, s);
  s.lost_s += drafts * cost.guess_s - right * cost.token_s;
  s.lost_s = std::max(s.lost_s, -kMostWon * cost.token_s);
}

void drafted_now(State& state, Slot& s) {
  // That a prompt is read at all was decided by how guesses fared in other requests.
  if (s.known() > s.prompt + 1) s.lost_s += Cost(state, s).reading_s;
  s.drafted = s.known();
}

void set_drafts(State& state, int slot, std::span<const Token> drafts) {
  Slot& s = state.slots[static_cast<std::size_t>(slot)];
  if (s.stage != Stage::kRunning || s.in_plan || s.remaining() != 1) return;
  const int useful =
      std::min(state.config.max_drafts, s.request.max_tokens - (s.known() - s.prompt) - 1);
  const std::size_t count = std::min(drafts.size(), static_cast<std::size_t>(std::max(0, useful)));
  s.drafts.assign(drafts.begin(), drafts.begin() + static_cast<std::ptrdiff_t>(count));
}

// With each guess right with probability p, k of them bring 1 + p + ... p^k tokens for the time of
// one and k guesses: the best k by the time model, as far as all of them may be lost. Reading what
// came since the drafter was asked last must be worth it for what is still to be said.
int wanted_drafts(const State& state, int slot) {
  const Slot& s = state.slots[static_cast<std::size_t>(slot)];
  if (state.config.max_drafts == 0 || s.stage != Stage::kRunning) return 0;
  const int left = s.most - s.known() - 1;
  const Cost cost(state, s);
  const double may_lose = may_lose_s(s, cost);
  const double guesses = std::clamp(may_lose / cost.guess_s, 0.0, 1e6);
  const int most = std::min({state.config.max_drafts, left - 1, static_cast<int>(guesses)});
  if (most <= 0) return 0;
  const double p = std::min(s.acceptance, 0.98);
  double best = 1.0 / cost.token_s, tokens = 1.0, power = 1.0;
  int wanted = 0;
  for (int k = 1; k <= most; ++k) {
    power *= p;
    tokens += power;
    const double rate = tokens / (cost.token_s + k * cost.guess_s);
    if (rate <= best) continue;
    best = rate;
    wanted = k;
  }
  if (left * (cost.token_s - 1.0 / best) > cost.reading_s) return wanted;
  const int silent = std::min(s.known() - s.drafted, s.known() - s.prompt);
  return silent >= kLeastSilence && may_lose >= cost.reading_s + cost.guess_s ? 1 : 0;
}

}  // namespace aisp::serve
