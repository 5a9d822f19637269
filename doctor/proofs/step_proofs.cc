// Proofs about the loop around a model: logs, checkpoints, loading ahead, batches of requests.
#include "doctor/proofs/proof.h"

namespace aisp::doctor {

std::vector<Proof> step_proofs() {
  return {
      {.id = "checkpoint-log-overhead",
       .question = "What does a synced log line in every step cost?",
       .workload = "logging",
       .common = {{"sync", "1"}},
       .as_it_is = {"every step", {{"every", "1"}}},
       .remedy = {"every 16th step", {{"every", "16"}}}},
      {.id = "async-checkpoint",
       .question = "What does a checkpoint cost that the next step waits for?",
       .workload = "checkpoints",
       .as_it_is = {"written and synced in the step", {{"background", "0"}}},
       .remedy = {"copied, and left to a writer", {{"background", "1"}}}},
      {.id = "prefetch-buffer",
       .question = "Does loading ahead hide storage that answers after 0.5 ms?",
       .workload = "loading",
       .as_it_is = {"loaded when it is needed", {{"depth", "0"}}},
       .remedy = {"4 batches ahead", {{"depth", "4"}}}},
      {.id = "dynamic-batching",
       .question = "Do requests share the reading of the weights?",
       .workload = "requests",
       .as_it_is = {"one request at a time", {{"batch", "1"}}},
       .remedy = {"8 requests together", {{"batch", "8"}}}},
  };
}

}  // namespace aisp::doctor
