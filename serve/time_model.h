// How long a step takes: t = step + prompt tokens, decode rows, context tokens read and blocks
// moved, each times its cost. Measured for a model on a machine; the scheduler chooses its budget
// by it, admission predicts with it, and SimExecutor lives in it. What was measured at the start is
// corrected by every step that is seen: contexts grow, and neighbours come and go.
// Source: Kalman, "A new approach to linear filtering and prediction problems" (1960), here on the
// logarithms of the costs: they stay positive, and no step may say more than so much.
#pragma once

#include <array>

namespace aisp::serve {

/// What a step is made of, as far as time is concerned.
struct StepWork {
  double prompt_tokens = 0.0;   // rows of sequences that have more than one token to compute
  double decode_rows = 0.0;     // the others', drafts included
  double context_tokens = 0.0;  // keys and values read: the sum of the contexts
  double moved_blocks = 0.0;    // to the host, back, or copied
  double draft_steps = 0.0;     // of a draft model, one after the other
  double draft_rows = 0.0;      // in them
};

/// The defaults are sizes of a 1 B model with 8-bit weights on two cores: 36 ms to read the
/// weights, 440 prompt tokens a second, 64 KiB of keys and values a token at 30 GB/s, blocks of 16
/// tokens.
struct TimeModel {
  double step_s = 0.036;
  double prompt_token_s = 1.0 / 440.0;
  double decode_row_s = 0.0006;
  double context_token_s = 2.2e-6;
  double moved_block_s = 3.5e-5;
  double draft_step_s = 0.0;  // guesses cost nothing, unless a model makes them
  double draft_row_s = 0.0;

  double seconds(const StepWork& work) const {
    return step_s + prompt_token_s * work.prompt_tokens + decode_row_s * work.decode_rows +
           context_token_s * work.context_tokens + moved_block_s * work.moved_blocks +
           draft_step_s * work.draft_steps + draft_row_s * work.draft_rows;
  }
};

/// Corrects a time model by what steps really took.
class TimeLearner {
 public:
  TimeLearner();
  /// A step of this work took so long: the costs move towards what explains it, those most whose
  /// values are least sure. A stall counts as a step half as long again. No effect when the
  /// prediction was exact. Some 100 operations, no allocation.
  void learn(TimeModel& model, const StepWork& work, double took_s);

 private:
  static constexpr int kCosts = 7;
  // Covariance of the logarithms of the costs.
  std::array<std::array<double, kCosts>, kCosts> unsure_{};
};

}  // namespace aisp::serve
