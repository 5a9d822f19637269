// Guesses from a smaller model (serve/draft_model.h), here the first layers of the model itself.
// It costs its share of a step for each guess, one after the other.
#include "serve/draft_model.h"
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"

namespace aisp::labs::ch18::speculative_decoding {
namespace {

void decode_with_draft(State& state, const bench::Io& io) {
  const model::LentModel& draft = state.shape.draft;
  const auto bytes = std::as_bytes(io.in<std::uint8_t>(kDraft));
  const model::TensorFile file = draft.file(bytes);
  const model::ModelTensors tensors = find_tensors(file, draft.config());
  const model::Weights weights(tensors, draft.config(), draft.packed(bytes));
  serve::DraftModel drafter(weights, state.pool,
                            {.kv_type = model::KvType::kF32,
                             .blocks = state.shape.blocks(),
                             .slots = 1,
                             .vocab = draft.config().vocab});
  decode(state, io, &drafter);
}

}  // namespace

bench::Technique draft_model() {
  return {.name = "draft_model",
          .summary = "guesses from the model's first layers",
          .plan = [](const bench::Params& params) {
            auto state = std::make_shared<State>(params);
            serve::TimeModel& time = state->engine.config.time;
            const double share = static_cast<double>(state->shape.draft.packed_bytes()) /
                                 static_cast<double>(state->shape.model.packed_bytes());
            time.draft_step_s = share * time.step_s;
            time.draft_row_s = share * time.decode_row_s;
            return bench::plan_of([state](const bench::Io& io) { decode_with_draft(*state, io); });
          }};
}

}  // namespace aisp::labs::ch18::speculative_decoding
