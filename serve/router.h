// Which of several engines gets a request: a pure function of what the engines say of themselves
// (Telemetry), of what each has cached of the prompt, and of the turns taken so far. The policies,
// from blind to seeing:
//
//   kRoundRobin   each in its turn
//   kFixedSplit   the first engines compute prompts, the others decode; both in turns
//   kByLength     long prompts to the last engines, short ones to the others; both in turns
//   kLeastQueued  where the fewest prompt tokens wait
//   kLeastTtft    where the first token is expected first: queue, running streams, cached prefix
//   kDynamic      as before; the stream goes on where most streams run, as long as the
//                 time between tokens meets its goal there: so engines without streams are left for
//                 prompts, as many as the load allows; short prompts stay in one place
//
// Source: NVIDIA Dynamo's kv-router (cost from blocks still to compute and active decode blocks;
// load predicted as soon as a request is sent), SGLang's router (cache against load), DistServe
// (OSDI 2024) and Mooncake (FAST 2025: early rejection, pools for prompts and for decoding).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "serve/scheduler.h"

namespace aisp::serve {

enum class Policy : std::uint8_t {
  kRoundRobin,
  kFixedSplit,
  kByLength,
  kLeastQueued,
  kLeastTtft,
  kDynamic
};
inline constexpr std::array kPolicies = {Policy::kRoundRobin, Policy::kFixedSplit,
                                         Policy::kByLength,   Policy::kLeastQueued,
                                         Policy::kLeastTtft,  Policy::kDynamic};
const char* name_of(Policy policy);  // "round_robin"
std::optional<Policy> policy_of(std::string_view name);

/// What an engine says at the end of a step, and what was sent to it since.
struct Telemetry {
  bool draining = false;        // takes nothing
  int waiting = 0;              // requests whose prompt is not computed yet
  double queued_tokens = 0.0;   // of those, still to compute
  int running = 0;              // streams that decode
  double context_tokens = 0.0;  // of those
  int longest_context = 0;
  double step_ends_s = 0.0;  // of the step under way, on the common clock
  bool operator==(const Telemetry&) const = default;
};

/// Counts what is in the engine. O(slots).
Telemetry telemetry_of(const State& state);

struct RouterOptions {
  Policy policy = Policy::kRoundRobin;
  int prompt_engines = 1;             // kFixedSplit: the first so many
  int long_engines = 1;               // kByLength: the last so many
  int long_tokens = 512;              // kByLength: a prompt of so many is long
  int hand_over_tokens = 64;          // kDynamic: of so many, its stream may go on elsewhere
  double ttft_s = 2.0;                // the goals: of admission,
  double tpot_s = 0.1;                // and of kDynamic
  double transfer_s = 0.01;           // of a prompt's keys and values to another engine
  double transfer_token_s = 65.5e-6;  // for each of its tokens: 64 KiB at 1 GB/s
};

/// What is asked. Pools: 0 all engines, or those for prompts or short ones; 1 the others.
struct Question {
  int prompt_tokens = 0;
  std::span<const int> cached;              // of them, in each engine's memory
  std::array<std::uint64_t, 2> turns = {};  // taken so far in each pool
};

struct Route {
  int engine = -1;             // none: every engine is draining
  int pool = 0;                // whose turn was taken
  bool hand_over = false;      // another engine decodes: decoder_of(), when the prompt is computed
  double first_token_s = 0.0;  // expected, from now
};

/// Every engine has this configuration. O(engines).
Route route(const Config& config, const RouterOptions& options, std::span<const Telemetry> engines,
            const Question& question, double now_s);

/// The engine that decodes what `from` has computed, maybe `from` itself: under kFixedSplit in
/// turn, else see kDynamic; where the goal is met nowhere, the one that comes nearest.
int decoder_of(const Config& config, const RouterOptions& options,
               std::span<const Telemetry> engines, int from, std::uint64_t turn);

/// Seconds from now to the first token of a newcomer with so many tokens to compute.
double expected_first_token(const Config& config, const Telemetry& engine, double prompt_tokens,
                            double now_s);

/// Seconds between tokens of one more stream with so much context: what a step takes, with the
/// prompt tokens beside it while any are queued.
double expected_gap(const Config& config, const Telemetry& engine, double context_tokens);

/// Throws Error when a pool has no engine, or a number is not positive.
void check_router(const RouterOptions& options, int engines);

}  // namespace aisp::serve
