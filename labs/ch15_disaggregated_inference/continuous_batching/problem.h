// A backlog of N requests on the real transformer, of which at most B run at a time. Their prompts
// and answers have lengths of their own; nobody who schedules knows an answer's length before its
// end. The problem is that of recorded/requests.h. Params: N, B, and M, L, V as there.
#pragma once

#include <cstdint>
#include <span>

#include "bench/lab.h"
#include "recorded/steps.h"

namespace aisp::labs::ch15::continuous_batching {

recorded::Shape shape_of(const bench::Params& params);

/// What a plan keeps: two runs of blocks for each of the `running` places (the second one for rows
/// that are only padding), rows of a step. One thread.
struct State {
  explicit State(const bench::Params& params);
  /// Of place 0 .. 2 * running - 1.
  std::span<const std::int32_t> blocks(std::int64_t place) const;
  recorded::Shape shape;
  std::int64_t running;  // at most
  recorded::Steps steps;
};

/// Requests in batches of `running`, in the order of arrival; each batch, [first, end), is served
/// to its end by this.
using ServeBatch = void (*)(State& state, std::int64_t first, std::int64_t end);
bench::Technique in_batches(const char* name, const char* summary, ServeBatch serve_batch);

bench::Technique static_padded();
bench::Technique static_ragged();
bench::Technique join_each_step();
bench::Technique engine_scheduler();

}  // namespace aisp::labs::ch15::continuous_batching
