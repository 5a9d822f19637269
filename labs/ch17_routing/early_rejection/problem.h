// A flood at one engine: N requests ask one after the other, between two steps, whether they are
// taken in; each has a number of prompt tokens and a time within which its first token is wanted.
// Before it go those taken whose due is not later. It is taken when the first token is expected in
// time, by the engine's time model; then it stands in the way of those who come. Params: N; S slots
// of the engine, at least N. Inputs: prompt i32 [N], within f32 [N] seconds. Outputs: first_token
// f64 [N] seconds from now, taken i32 [N].
#pragma once

#include <span>

#include "bench/lab.h"
#include "serve/scheduler.h"

namespace aisp::labs::ch17::early_rejection {

enum Input : std::size_t { kPrompt, kWithin };
enum Output : std::size_t { kFirstToken, kTaken };

/// The engine's configuration: default costs, no stream running.
serve::Config config_of(const bench::Params& params);

/// Seconds to the first token behind so many prompt tokens, its own included.
inline double first_token_s(const serve::Config& config, double tokens) {
  return first_token_after(config, {}, 0, tokens);
}

/// Asks for every request in turn: `ahead(within)` are the prompt tokens of those taken that are
/// due by then; `take(prompt, within)` takes one in.
template <typename Ahead, typename Take>
void ask_all(const serve::Config& config, const bench::Io& io, Ahead&& ahead, Take&& take) {
  const auto prompts = io.in<std::int32_t>(kPrompt);
  const auto withins = io.in<float>(kWithin);
  const auto first_token = io.out<double>(kFirstToken);
  const auto taken = io.out<std::int32_t>(kTaken);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto tokens = static_cast<double>(ahead(withins[i]) + prompts[i]);
    first_token[i] = first_token_s(config, tokens);
    taken[i] = first_token[i] <= static_cast<double>(withins[i]);
    if (taken[i] != 0) take(prompts[i], withins[i]);
  }
}

bench::Technique walk_slots();
bench::Technique dense_rows();
bench::Technique sums_by_due();

}  // namespace aisp::labs::ch17::early_rejection
