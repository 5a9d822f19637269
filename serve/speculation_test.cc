// What guesses gain and lose in virtual time, with an oracle of set acceptance: near the arithmetic
// bound where they pay, and hardly anything where they do not.
#include "serve/speculation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "serve/oracle_drafter.h"
#include "serve/sim_executor.h"
#include "serve/solo_run.h"

namespace aisp::serve {
namespace {

constexpr int kDrafts = 8, kPrompt = 100;

TimeModel time_of(double row_share, double guess_share) {
  TimeModel time;
  time.decode_row_s = row_share * time.step_s;
  time.context_token_s = 0.0;
  time.draft_step_s = guess_share * time.step_s;
  time.draft_row_s = 0.05 * guess_share * time.step_s;
  return time;
}

/// The engine's own scheduler with guesses of this acceptance, one request after the other.
class Speaker {
 public:
  /// `truth`: what steps cost; `believed`: what the engine measured before.
  Speaker(const TimeModel& truth, const TimeModel& believed, int drafts)
      : truth_(truth), state_(config(believed, drafts)) {}

  SoloRun say(int tokens, double acceptance) {
    Request request;
    request.id = ++asked_;
    for (int i = 0; i < kPrompt; ++i) request.prompt.push_back(i);
    request.max_tokens = tokens;
    request.sampling.seed = asked_;
    SimExecutor plain({.device_blocks = state_.config.device_blocks, .time = truth_});
    OracleDrafter oracle(plain.alone(request), acceptance, asked_);
    SimExecutor executor(
        {.device_blocks = state_.config.device_blocks, .time = truth_, .drafter = &oracle});
    const SoloRun run = run_alone(executor, state_, request);
    EXPECT_EQ(run.tokens, plain.alone(request));
    check_integrity(state_);
    return run;
  }

 private:
  static Config config(const TimeModel& believed, int drafts) {
    return {.slots = 1,
            .max_running = 1,
            .max_drafts = drafts,
            .share_prefixes = false,
            .time = believed};
  }

  TimeModel truth_;
  State state_;
  std::uint64_t asked_ = 0;
};

double plain_s(const TimeModel& time, int tokens) {
  return (tokens - 1) * time.seconds({.decode_rows = 1});
}

/// The best that a fixed number of guesses brings.
double bound(const TimeModel& time, double acceptance) {
  double best = 1.0;
  for (int k = 1; k <= kDrafts; ++k) {
    const double step_s =
        time.seconds({.decode_rows = 1.0 + k, .draft_steps = 1.0 * k, .draft_rows = 1.0 * k + 1.0});
    best =
        std::max(best, expected_tokens(acceptance, k) * time.seconds({.decode_rows = 1}) / step_s);
  }
  return best;
}

struct World {
  double row_share, guess_share;  // of a step
};
constexpr World kWorlds[] = {{0.02, 0.0}, {0.1, 0.0}, {0.4, 0.0}, {0.02, 0.1}, {0.02, 0.4}};
constexpr double kAcceptances[] = {0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0};
constexpr int kRequests = 10;

/// Beside plain decoding: the worst of some requests, and their mean.
struct Gain {
  double worst = 1e9, mean = 0.0;
};
Gain gain_of(const TimeModel& truth, const TimeModel& believed, double acceptance, int tokens) {
  Speaker speaker(truth, believed, kDrafts);
  Gain gain;
  for (int i = 0; i < kRequests; ++i) {
    const double ratio = plain_s(truth, tokens) / speaker.say(tokens, acceptance).steps_s;
    gain.worst = std::min(gain.worst, ratio);
    gain.mean += ratio / kRequests;
  }
  return gain;
}

// Nine tenths of the bound, and never below 0.98 of plain decoding, of the first request on.
TEST(Speculation, GainsNearlyTheBoundAndLosesNothing) {
  for (const World& world : kWorlds) {
    const TimeModel time = time_of(world.row_share, world.guess_share);
    for (const double p : kAcceptances) {
      SCOPED_TRACE(testing::Message() << "row " << world.row_share << ", guess "
                                      << world.guess_share << ", acceptance " << p);
      const Gain gain = gain_of(time, time, p, 512);
      const double share = gain.mean / bound(time, p);
      EXPECT_GE(gain.worst, 0.98);
      EXPECT_GE(share, 0.9);
    }
  }
}

TEST(Speculation, ShortAnswersLoseNoMoreThanWasLent) {
  for (const World& world : kWorlds) {
    const TimeModel time = time_of(world.row_share, world.guess_share);
    for (const double p : kAcceptances) {
      const Gain gain = gain_of(time, time, p, 64);
      EXPECT_GE(gain.worst, 0.975) << world.row_share << " " << world.guess_share << " " << p;
    }
  }
}

// Rows cost three times what was measured at the start.
TEST(Speculation, LearnsWhatRowsCost) {
  const TimeModel truth = time_of(0.3, 0.0), believed = time_of(0.1, 0.0);
  for (const double p : kAcceptances) {
    const Gain gain = gain_of(truth, believed, p, 512);
    EXPECT_GE(gain.worst, 0.98) << p;
    EXPECT_GE(gain.mean, 0.9 * bound(truth, p)) << p;
  }
}

}  // namespace
}  // namespace aisp::serve
