// The engine's own way (serve/admission.cc): each question walks all slots of the scheduler. A slot
// is some hundred bytes apart from the next, whatever is in it.
#include <memory>

#include "labs/ch17_routing/early_rejection/problem.h"

namespace aisp::labs::ch17::early_rejection {
namespace {

void ask(serve::State& state, const bench::Io& io) {
  const auto prompts = io.in<std::int32_t>(kPrompt);
  const auto withins = io.in<float>(kWithin);
  const auto first_token = io.out<double>(kFirstToken);
  const auto taken = io.out<std::int32_t>(kTaken);
  std::size_t used = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const double due_s = withins[i];
    first_token[i] = predict_first_token(state, due_s, prompts[i]);
    taken[i] = first_token[i] <= due_s;
    if (taken[i] == 0) continue;
    serve::Slot& slot = state.slots[used++];
    slot.stage = serve::Stage::kWaiting;
    slot.due_s = due_s;
    slot.tokens.resize(static_cast<std::size_t>(prompts[i]));
  }
  for (std::size_t i = 0; i < used; ++i) state.slots[i].stage = serve::Stage::kUnused;
}

}  // namespace

bench::Technique walk_slots() {
  return {.name = "walk_slots",
          .summary = "the engine's own question: a walk over all slots of the scheduler",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([state = std::make_shared<serve::State>(config_of(params))](
                                      const bench::Io& io) { ask(*state, io); });
          }};
}

}  // namespace aisp::labs::ch17::early_rejection
