// See router.h.
#include "serve/router.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace aisp::serve {

namespace {

// Streams are packed up to this share of the goal: a step may take longer than the model says.
constexpr double kPackedBelow = 0.8;

// The one whose turn it is among those of [first, last) that take requests, or -1.
int in_turn(std::span<const Telemetry> engines, int first, int last, std::uint64_t turn) {
  const int count = last - first;
  for (int i = 0; i < count; ++i) {
    const int engine = first + static_cast<int>((turn + static_cast<std::uint64_t>(i)) %
                                                static_cast<std::uint64_t>(count));
    if (!engines[static_cast<std::size_t>(engine)].draining) return engine;
  }
  return -1;
}

// A turn in a pool; in the whole fleet when the pool is closed.
int in_pool(std::span<const Telemetry> engines, int first, int last, std::uint64_t turn) {
  const int engine = in_turn(engines, first, last, turn);
  return engine >= 0 ? engine : in_turn(engines, 0, static_cast<int>(engines.size()), turn);
}

// The open engine of least cost(i); the first among equals; -1 for none.
template <typename Cost>
int least(std::span<const Telemetry> engines, Cost&& cost) {
  int best = -1;
  double best_cost = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < engines.size(); ++i) {
    if (engines[i].draining) continue;
    const double c = cost(i);
    if (c < best_cost) {
      best = static_cast<int>(i);
      best_cost = c;
    }
  }
  return best;
}

class Chooser {
 public:
  Chooser(const Config& config, const RouterOptions& options, std::span<const Telemetry> engines,
          const Question& question, double now_s)
      : config_(config), options_(options), engines_(engines), question_(question), now_(now_s) {}

  Route in_turns(int first, int last, int pool) const {
    return {
        .engine = in_pool(engines_, first, last, question_.turns[static_cast<std::size_t>(pool)]),
        .pool = pool};
  }

  Route fixed_split() const {
    Route chosen = in_turns(0, options_.prompt_engines, 0);
    chosen.hand_over = true;
    return chosen;
  }

  Route by_length() const {
    const int count = static_cast<int>(engines_.size()), border = count - options_.long_engines;
    return question_.prompt_tokens >= options_.long_tokens ? in_turns(border, count, 1)
                                                           : in_turns(0, border, 0);
  }

  Route least_queued() const {
    return {.engine = least(engines_, [&](std::size_t i) {
              return engines_[i].queued_tokens + engines_[i].running;
            })};
  }

  Route least_ttft() const {
    return {.engine = least(engines_, [&](std::size_t i) { return first_token(i); })};
  }

  Route dynamic() const {
    Route chosen = least_ttft();
    chosen.hand_over = question_.prompt_tokens >= options_.hand_over_tokens;
    return chosen;
  }

  double first_token(std::size_t i) const {
    const int cached = question_.cached.empty() ? 0 : question_.cached[i];
    return expected_first_token(config_, engines_[i], std::max(1, question_.prompt_tokens - cached),
                                now_);
  }

 private:
  const Config& config_;
  const RouterOptions& options_;
  std::span<const Telemetry> engines_;
  const Question& question_;
  double now_;
};

}  // namespace

const char* name_of(Policy policy) {
  switch (policy) {
    case Policy::kRoundRobin:
      return "round_robin";
    case Policy::kFixedSplit:
      return "fixed_split";
    case Policy::kByLength:
      return "by_length";
    case Policy::kLeastQueued:
      return "least_queued";
    case Policy::kLeastTtft:
      return "least_ttft";
    case Policy::kDynamic:
      return "dynamic";
  }
  return "";
}

std::optional<Policy> policy_of(std::string_view name) {
  for (const Policy policy : kPolicies) {
    if (name == name_of(policy)) return policy;
  }
  return std::nullopt;
}

Telemetry telemetry_of(const State& state) {
  Telemetry told;
  for (const Slot& slot : state.slots) {
    if (slot.stage == Stage::kUnused) continue;
    if (slot.stage == Stage::kRunning && slot.remaining() == 1) {
      ++told.running;
      told.context_tokens += slot.known();
      told.longest_context = std::max(told.longest_context, slot.known());
    } else {
      ++told.waiting;
      told.queued_tokens += slot.remaining();
    }
  }
  return told;
}

double expected_first_token(const Config& config, const Telemetry& engine, double prompt_tokens,
                            double now_s) {
  const StepWork decode{.decode_rows = static_cast<double>(engine.running),
                        .context_tokens = engine.context_tokens};
  return std::max(0.0, engine.step_ends_s - now_s) +
         first_token_after(config, decode, engine.longest_context,
                           engine.queued_tokens + prompt_tokens);
}

double expected_gap(const Config& config, const Telemetry& engine, double context_tokens) {
  StepWork step{.decode_rows = engine.running + 1.0,
                .context_tokens = engine.context_tokens + context_tokens};
  const int longest = std::max(engine.longest_context, static_cast<int>(context_tokens));
  step.prompt_tokens = std::min<double>(engine.queued_tokens, prompt_budget(config, step, longest));
  return config.time.seconds(step);
}

int decoder_of(const Config& config, const RouterOptions& options,
               std::span<const Telemetry> engines, int from, std::uint64_t turn) {
  const int count = static_cast<int>(engines.size());
  if (options.policy == Policy::kFixedSplit) {
    const int next = in_turn(engines, options.prompt_engines, count, turn);
    return next >= 0 ? next : from;
  }
  const auto gap_s = [&](std::size_t i) { return expected_gap(config, engines[i], 0.0); };
  const int packed = least(engines, [&](std::size_t i) {
    const bool fits = engines[i].running + engines[i].waiting < config.max_running &&
                      gap_s(i) <= kPackedBelow * options.tpot_s;
    if (!fits) return std::numeric_limits<double>::infinity();
    return -engines[i].running - (static_cast<int>(i) == from ? 0.5 : 0.0);
  });
  if (packed >= 0) return packed;
  const int nearest = least(engines, gap_s);
  return nearest >= 0 ? nearest : from;
}

Route route(const Config& config, const RouterOptions& options, std::span<const Telemetry> engines,
            const Question& question, double now_s) {
  const Chooser chooser(config, options, engines, question, now_s);
  Route chosen;
  switch (options.policy) {
    case Policy::kRoundRobin:
      chosen = chooser.in_turns(0, static_cast<int>(engines.size()), 0);
      break;
    case Policy::kFixedSplit:
      chosen = chooser.fixed_split();
      break;
    case Policy::kByLength:
      chosen = chooser.by_length();
      break;
    case Policy::kLeastQueued:
      chosen = chooser.least_queued();
      break;
    case Policy::kLeastTtft:
      chosen = chooser.least_ttft();
      break;
    case Policy::kDynamic:
      chosen = chooser.dynamic();
      break;
  }
  if (chosen.engine >= 0) {
    chosen.first_token_s = chooser.first_token(static_cast<std::size_t>(chosen.engine));
  }
  return chosen;
}

void check_router(const RouterOptions& options, int engines) {
  const auto need = [](bool right, const char* what) {
    if (!right) throw Error(what, "router", "correct the options");
  };
  need(engines >= 1, "a fleet has an engine");
  if (options.policy == Policy::kFixedSplit) {
    need(options.prompt_engines >= 1 && options.prompt_engines < engines,
         "a split fleet needs engines for prompts and others for decoding");
  }
  if (options.policy == Policy::kByLength) {
    need(options.long_engines >= 1 && options.long_engines < engines,
         "a fleet split by length needs engines for long prompts and others for short ones");
  }
  need(options.ttft_s > 0 && options.tpot_s > 0 && options.long_tokens >= 1 &&
           options.hand_over_tokens >= 1,
       "goals and lengths are positive");
  need(options.transfer_s >= 0 && options.transfer_token_s >= 0, "a transfer takes no time back");
}

}  // namespace aisp::serve
