// Who gets how many tokens now. There is no prefill phase and no decode phase: a request has a
// number of computed tokens and a number of known ones (prompt and output so far), and each step
// gives it some of the difference. Chunked prompts, cached prefixes, drafts and resuming after
// preemption are that one number. Deterministic: the same calls with the same times give the same
// plans. After submit() nothing allocates.
//
// A request's stages, and what moves it:
//
//   submit -> kWaiting     in its tenant's queue, ordered by `due`; no memory
//     step: fits           -> kRunning   blocks of its cached prefix are shared, the rest come
//                                         with the chunks
//     step: another request is just computing the next block of its prompt -> kParked
//     step: too late       -> ended (kLate)
//   kParked                no memory; waits for those blocks, not for that request
//     complete: blocks are there, or that request stopped or stood still -> kWaiting
//   kRunning               has blocks for [0, computed); gets rows while it has memory
//     step: no block is free and it has the latest due -> kWaiting (preempted): its full blocks
//           stay in the index until they are evicted, to the host's pool if there is one, so that
//           resuming is an ordinary cached prefix
//     complete: stop token or max_tokens -> ended
//   any stage, cancel()    -> ended (kCancelled): at once, or, while a plan in flight names it,
//   when
//                             that plan returns; until then its blocks are not reused
//
// One plan is in flight at most. Between step() and complete() requests can be submitted and
// cancelled; nothing that the plan points to changes.
// Order: decode rows first (a running stream never waits), each of which may preempt requests due
// later. Then prompts, as many tokens as the time left in the step allows: the tenant with the
// least service so far (virtual time) goes first, within it the request with the earliest due:
// arrival + patience, or its deadline. Every due is finite, so nothing starves.
// Source: vLLM v1 (one number of computed tokens), TurboMind (ownership, a transaction a step),
// TensorRT-LLM (fits / goes now), Sarathi-Serve (OSDI 2024: chunks beside decode rows), Sheng et
// al., "Fairness in Serving Large Language Models" (OSDI 2024: virtual time between tenants).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "serve/plan.h"
#include "text/grammar.h"

namespace aisp::serve {

struct Config {
  int slots = 1024;       // requests in the system, waiting ones included
  int max_running = 256;  // of them, with memory
  int max_rows = 2048;    // rows of a plan; at least max_running
  int max_drafts = 0;     // per request and step; 0: no speculation
  int block_tokens = 16;
  int device_blocks = 1024;
  int host_blocks = 0;  // blocks evicted from the device stay here; 0: they are forgotten
  bool share_prefixes = true;
  Eviction eviction = Eviction::kFrequency;
  /// Memory that must be in sight before a request starts: for its prompt (what then grows beyond
  /// it may preempt), or for all it may ever need (nothing is ever preempted, fewer run).
  enum class Reserve : std::uint8_t { kPrompt, kWhole } reserve = Reserve::kPrompt;
  int tenants = 1;
  std::vector<double> weights;  // of the tenants; empty: equal
  TimeModel time;  // at the start; State's own copy learns from each Result::seconds
  /// Longest step while streams are running. 0: twice the step that a stream alone would take.
  double step_limit_s = 0.0;
  /// Longest step while none is: what a newcomer waits at most for a step under way.
  double idle_step_limit_s = 0.25;
  /// Share of a step that prompts get even when decode rows alone would fill it.
  double least_prompt_share = 0.25;
};

enum class Stage : std::uint8_t { kUnused, kWaiting, kParked, kRunning };

/// One request inside the scheduler. A step of a running stream needs the first two cache lines
/// only: with 256 streams, what a step costs is what it has to bring from memory.
struct alignas(64) Slot {
  Stage stage = Stage::kUnused;
  bool in_plan = false;      // a plan in flight names it
  bool tail_shared = false;  // others may see the block of the next position: copy before writing
  bool cancelled = false;    // it ends when that plan returns, as `cancel_as`
  Finish cancel_as = Finish::kCancelled;
  bool has_stops = false;  // stop tokens
  int tenant = 0;
  int prompt = 0;    // tokens of the prompt
  int most = 0;      // tokens at which it ends: prompt + max_tokens
  int computed = 0;  // positions whose keys and values are in blocks
  int indexed = 0;   // blocks of its path in the index, all locked through `node`
  NodeId node = kNoNode;
  int first_parked = -1;        // those who wait for this one's blocks
  std::vector<Token> tokens;    // known: the prompt, then the output
  std::vector<BlockId> blocks;  // for the positions [0, computed), rounded up
  std::vector<Token> drafts;    // guesses at what follows
  double due_s = 0.0;
  std::uint64_t order = 0;  // of submission: breaks ties
  Request request;
  double acceptance = 0.8;  // of drafts, recent mean
  double lost_s = 0.0;      // what drafts have cost beyond what they brought
  int drafted = 0;          // tokens known when drafts were asked for last
  double arrival_s = 0.0;
  int donor = -1, donor_blocks = 0;           // parked until the donor has indexed that many
  int next_parked = -1;                       // in the donor's list
  int wanted_blocks = 0;                      // available blocks without which it cannot start
  int cached = 0, preemptions = 0;            // for statistics
  std::optional<text::GrammarState> grammar;  // at the end of `tokens`, preempted or not
  int known() const { return static_cast<int>(tokens.size()); }
  int remaining() const { return known() - computed; }
};

struct Tenant {
  double service_s = 0.0;  // virtual time: seconds of steps used, over its weight
  double weight = 1.0;
  int requests = 0;        // in the system
  std::vector<int> queue;  // slots with more than one token to compute, by (due, order)
  std::size_t cursor = 0;  // of the step being planned
};

struct Ended {
  int slot = 0;
  std::uint64_t id = 0;
  Finish finish = Finish::kStop;
};

struct Counters {
  std::uint64_t steps = 0, prompt_tokens = 0, decode_rows = 0, cached_tokens = 0, preemptions = 0;
  std::uint64_t evicted = 0, to_host = 0, from_host = 0, copied = 0, parked = 0, late = 0;
  std::uint64_t drafted = 0, accepted = 0, submitted = 0, ended = 0;
};

struct State {
  explicit State(Config chosen);  // throws Error when the numbers contradict each other

  Config config;
  BlockPool pool, host;
  PrefixIndex index;
  std::vector<Slot> slots;
  std::vector<int> unused;   // slots
  std::vector<int> running;  // slots, by (due, order)
  std::vector<Tenant> tenants;
  Plan plan;  // the last one
  bool in_flight = false;
  std::vector<Ended> ended;  // since the caller cleared it
  Counters counters;
  double acceptance = 0.8;  // of drafts, mean of all requests: where newcomers begin
  std::uint64_t next_order = 0;
  std::vector<NodeId> path;  // room for admit()
  TimeLearner learner;       // of config.time
};

/// What became of a submission. Accepted: `slot` >= 0.
struct Verdict {
  enum class Why : std::uint8_t { kAccepted, kInvalid, kTooLong, kQueueFull, kTooLate };
  Why why = Why::kAccepted;
  int slot = -1;
  double first_token_s = 0.0;  // predicted, from now
  double retry_after_s = 0.0;  // when it was refused for want of room or time: try again then
};

/// Takes a request in, or says why not. Allocates the request's own vectors.
Verdict submit(State& state, Request request, double now_s);

/// Ends a request of this id in this slot; false when it is no longer there.
bool cancel(State& state, int slot, std::uint64_t id, Finish finish = Finish::kCancelled);

/// Plans the next step; an empty plan when there is nothing to do. The plan stays as it is until
/// complete(); an empty one needs none.
const Plan& step(State& state, double now_s);

/// Takes in what the executor made of the last plan. `result` has an answer for each of its work:
/// for one that emits between 1 and 1 + drafts tokens (0 too if it ends the request), else none.
void complete(State& state, const Result& result);

/// Guesses at what follows the known tokens of a running request, for the next step only; cut to
/// Config::max_drafts. Ignored for others.
void set_drafts(State& state, int slot, std::span<const Token> drafts);

/// How many drafts would be worth their rows and their making, see speculation.cc.
int wanted_drafts(const State& state, int slot);

/// Seconds from now until the first token of a request that is due then and has so many prompt
/// tokens to compute, by the time model and what is queued before it. O(slots).
double predict_first_token(const State& state, double due_s, int prompt_tokens);

/// The same from sums: `decode` the rows of running streams, the longest of them, and the prompt
/// tokens to compute up to its own last one.
double first_token_after(const Config& config, const StepWork& decode, int longest_context,
                         double prompt_tokens);

// The two questions, as pure functions.

/// Blocks that must be available before this request starts, given what the index has of it.
int blocks_to_start(const Config& config, int known, int prompt, int max_tokens,
                    const PrefixIndex::Match& match);
/// fits: memory in sight, after what running requests have been promised.
bool fits(int available_blocks, int promised_blocks, int running, int blocks_to_start);
/// goes now: how many of the remaining tokens, given the rows left in the plan and the prompt
/// tokens left in the step's time.
int goes_now(int remaining, int rows_left, int prompt_tokens_left);

/// Prompt tokens for a step with these decode rows (0 or more): what the time limit leaves.
int prompt_budget(const Config& config, const StepWork& decode, int longest_context);

/// Aborts unless every block, lock, queue and counter agrees with the requests. For tests and for
/// an idle engine. O(everything).
void check_integrity(const State& state);
/// The same for the plan that step() just returned: budgets, and who writes where.
void check_plan(const State& state);

}  // namespace aisp::serve
