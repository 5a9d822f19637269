// The answering end of a duel's conversation (see duel_side.h for the asking one): what a worker
// process does between its first line and its last. Whatever is compared through it, builds or
// settings of a process, epochs are timed and warmed up in this one way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bench/record.h"
#include "bench/trial.h"

namespace aisp::bench {

/// What a worker knows. Lines: the job as JSON; "time INDEX ITERATIONS"; "end".
struct DuelAnswers {
  /// The job is prepared; {"protocol", "techniques": [{name, fault, threads, blocks}], ...}.
  std::function<Json(const Json& job)> ready;
  /// One epoch: what answer_epoch() says.
  std::function<std::string(std::size_t index, std::uint64_t iterations)> time;
  /// {"faults": {technique: fault}}, after a last check of the outputs.
  std::function<Json()> end;
};

/// Answers on standard output until "end" or until nobody listens; what the job prints goes to
/// standard error. Returns the exit code. The process ends with its parent.
int converse(const DuelAnswers& answers);

/// Times one epoch; calls that are short get an untimed one first, because the other side has just
/// run. least_ns is the least time per call so far, 0 at first.
std::string answer_epoch(const Contender& contender, std::uint64_t iterations, double& least_ns);

}  // namespace aisp::bench
