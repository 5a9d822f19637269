// See solo_run.h.
#include "serve/solo_run.h"

#include <chrono>

namespace aisp::serve {

SoloRun run_alone(Executor& executor, State& state, Request request) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  };
  SoloRun run;
  Result result;
  const Counters before = state.counters;
  const auto begin = Clock::now();
  auto first = begin, last = begin;
  const Verdict verdict = submit(state, std::move(request), 0.0);
  check(verdict.why == Verdict::Why::kAccepted, "the request has room");
  const Slot& slot = state.slots[static_cast<std::size_t>(verdict.slot)];
  while (state.ended.empty()) {
    const Plan& plan = step(state, seconds(Clock::now() - begin));
    check(!plan.empty(), "one request alone always goes on");
    executor.run(plan, result);
    complete(state, result);
    last = Clock::now();
    if (first != begin) run.steps_s += result.seconds;
    if (slot.known() > slot.prompt && first == begin) first = last;
  }
  state.ended.clear();
  run.tokens.assign(slot.tokens.begin() + slot.prompt, slot.tokens.end());
  run.prompt_s = seconds(first - begin);
  run.answer_s = seconds(last - first);
  run.drafted = state.counters.drafted - before.drafted;
  run.accepted = state.counters.accepted - before.accepted;
  return run;
}

}  // namespace aisp::serve
