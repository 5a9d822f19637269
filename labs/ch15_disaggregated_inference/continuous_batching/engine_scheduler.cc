// The engine's own scheduler (serve/scheduler.h) on the same model: requests join each step, their
// prompts cut into pieces that fit beside the running rows within the time limit of a step, blocks
// taken from a pool as they are needed. Prefixes are not shared: nothing may be left for the next
// call.
#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"
#include "serve/scheduler.h"

namespace aisp::labs::ch15::continuous_batching {
namespace {

// What the engine measures when it loads a model is computed here from the sizes, because a plan
// has no model: the rates of one core in prediction and in `build/engine_rates 1`.
constexpr double kBytesPerS = 30e9, kFlopsPerS = 80e9;

serve::Config config_of(const Shape& shape) {
  serve::Config config;
  config.slots = static_cast<int>(shape.count());
  config.max_running = static_cast<int>(shape.running);
  config.max_rows = static_cast<int>(shape.running + shape.longest_prompt);
  config.block_tokens = static_cast<int>(model::kBlockTokens);
  config.device_blocks = static_cast<int>(shape.running * shape.blocks_each());
  config.share_prefixes = false;
  config.time.step_s = static_cast<double>(shape.model.packed_bytes()) / kBytesPerS;
  config.time.prompt_token_s =
      2.0 * static_cast<double>(model::parameter_count(shape.model.config())) / kFlopsPerS;
  config.time.decode_row_s = config.time.prompt_token_s;
  config.time.context_token_s = 0.0;  // of a few hundred tokens
  return config;
}

void submit_all(serve::State& scheduler, const Shape& shape, const bench::Io& io) {
  const auto tokens = io.in<std::int32_t>(kTokens);
  for (std::int64_t r = 0; r < shape.count(); ++r) {
    const Lengths& own = shape.requests[static_cast<std::size_t>(r)];
    const auto prompt = tokens.subspan(static_cast<std::size_t>(own.first_token),
                                       static_cast<std::size_t>(own.prompt));
    serve::Request request;
    request.id = static_cast<std::uint64_t>(r);
    request.prompt.assign(prompt.begin(), prompt.end());
    request.max_tokens = static_cast<int>(own.answer);
    check(submit(scheduler, std::move(request), 0.0).why == serve::Verdict::Why::kAccepted,
          "the scheduler has room for the lab's requests");
  }
}

void serve_all(State& state, const serve::Config& config, const bench::Io& io) {
  Call call(state, io);
  serve::State scheduler(config);
  submit_all(scheduler, state.shape, io);
  const auto tokens = io.in<std::int32_t>(kTokens);
  serve::Result result;
  double now_s = 0.0;
  for (;;) {
    const serve::Plan& plan = step(scheduler, now_s);
    if (plan.empty()) break;
    result.clear();
    for (const serve::Work& work : plan.work) {
      const auto request = static_cast<std::int64_t>(work.request->id);
      call.add(request, work.first, work.known, work.blocks);
      if (work.emits) {  // the recorded token, whatever the logits say
        const Lengths& own = state.shape.requests[static_cast<std::size_t>(request)];
        result.tokens.push_back(
            tokens[static_cast<std::size_t>(own.first_token + work.first + work.known)]);
      }
      result.close();
    }
    call.forward();
    result.seconds = plan.predicted_s;
    now_s += plan.predicted_s;
    complete(scheduler, result);
  }
}

}  // namespace

bench::Technique engine_scheduler() {
  return {.name = "engine_scheduler",
          .summary = "the engine's scheduler: joining each step, prompts in pieces",
          .plan = [](const bench::Params& params) {
            auto state = std::make_shared<State>(params);
            return bench::plan_of([state, config = config_of(state->shape)](const bench::Io& io) {
              serve_all(*state, config, io);
            });
          }};
}

}  // namespace aisp::labs::ch15::continuous_batching
