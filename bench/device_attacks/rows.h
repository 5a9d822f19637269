// The table of planted attacks on the GPU: which protection must catch which.
#pragma once

#include "bench/attacks/attack_fixture.h"

namespace aisp::bench {

inline const std::vector<Row>& device_rows() {
  constexpr Outcome kFailed = Outcome::kFailed;
  const Words plain = {"--profile", "none"};
  // Few calls an epoch: the work that nobody waits for must be over when the outputs are compared.
  const Words few = {"--profile", "none", "--iterations", "4"};
  static const std::vector<Row> all = {
      {"skipped_rows", "output"},
      {"nan_output", "nonfinite"},
      {"tf32_product", "precision"},
      {"bf16_product", "precision"},
      {"leftover_output", "poison"},
      {"stale_graph", "poison"},
      {"counts_calls", "timed-output"},
      {"truncated_tail", "ragged"},
      {"replay_pointer", "fresh-contents"},
      {"replay_sample", "near-copy"},
      {"replay_contents", "repeat"},
      {"once_per_epoch", "repeat"},
      {"works_when_poisoned", "repeat"},
      {"late_stream", "late-write", Outcome::kWrong, few},
      {"unjoined_stream", "other-stream", Outcome::kWrong, few, false, "", {"late-write"}},
      {"works_ahead", "other-stream"},
      {"wrong_stream", "hold", kFailed},
      {"input_as_scratch", "inputs"},
      {"writes_past_end", "canary"},
      {"keeps_l2_lines", "device-state", kFailed},
      {"keeps_pool_memory", "device-state", kFailed},
      {"leaves_math_mode", "device-state", kFailed},
      {"leaks_memory", "leak", kFailed},
      {"illegal_address", "isolation", kFailed, plain, false, "loses the device"},
      {"failed_assert", "isolation", kFailed, plain, false, "loses the device"},
  };
  return all;
}

}  // namespace aisp::bench
