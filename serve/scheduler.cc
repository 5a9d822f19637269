// See scheduler.h: submissions, a step, and what comes back.
#include "serve/scheduler.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "serve/memory.h"
#include "serve/speculation.h"

namespace aisp::serve {

namespace {

// Candidates looked at in a step: those that do not fit cost a look each.
constexpr int kLooks = 64;

Slot& at(State& state, int slot) { return state.slots[static_cast<std::size_t>(slot)]; }
const Slot& at(const State& state, int slot) { return state.slots[static_cast<std::size_t>(slot)]; }

// Between two steps the model has read its weights, and the slots lie anywhere in memory: ask for
// one some turns before it is needed, then for where its next token goes. With caches
// swept, 256 streams took 97 us instead of the 113 of one turn ahead.
constexpr std::size_t kSlotAhead = 10, kTokenAhead = 5;
void fetch(const Slot& slot) {
  __builtin_prefetch(&slot);
  __builtin_prefetch(&slot.blocks);
}
void fetch_end(const Slot& slot) {
  __builtin_prefetch(slot.tokens.data() + slot.tokens.size());
  if (slot.has_stops) __builtin_prefetch(&slot.request.stop_tokens);
}

Tenant& tenant_of(State& state, const Slot& slot) {
  return state.tenants[static_cast<std::size_t>(slot.tenant)];
}

Config checked(Config config) {
  const auto need = [](bool right, const char* what) {
    if (!right) throw Error(what, "scheduler", "correct the configuration");
  };
  need(config.slots > 0 && config.tenants > 0, "there is no room for a request");
  need(config.max_running > 0 && config.max_rows >= config.max_running,
       "a plan has fewer rows than running requests");
  need(config.block_tokens > 0 && config.device_blocks > 0 && config.host_blocks >= 0,
       "there is no block");
  need(config.max_drafts >= 0, "the number of drafts is negative");
  need(config.time.prompt_token_s > 0 && config.time.step_s >= 0, "a step takes no time");
  need(config.weights.empty() || config.weights.size() == static_cast<std::size_t>(config.tenants),
       "weights and tenants differ in number");
  for (const double weight : config.weights) need(weight > 0, "a tenant has no weight");
  return config;
}

void begin_plan(State& state) {
  Plan& plan = state.plan;
  ++plan.number;
  plan.moves.clear();
  plan.work.clear();
  plan.rows = 0;
  plan.cost = {};
  for (Tenant& tenant : state.tenants) tenant.cursor = 0;
}

// Adds `known` tokens and the drafts of a slot whose table holds them.
void add_work(State& state, int slot, int known, bool decode, Tenant& payer) {
  Slot& s = at(state, slot);
  Plan& plan = state.plan;
  const bool emits = known == s.remaining();
  s.in_plan = true;
  plan.work.push_back({.slot = slot,
                       .first = s.computed,
                       .known = known,
                       .drafts = s.drafts,
                       .emits = emits,
                       .next_drafts = emits ? wanted_drafts(state, slot) : 0,
                       .decode = decode,
                       .tokens = s.tokens,
                       .blocks = s.blocks,
                       .request = &s.request,
                       .prompt = s.prompt,
                       .grammar = s.grammar ? &*s.grammar : nullptr});
  const int rows = plan.work.back().rows();
  plan.rows += rows;
  const double context = s.computed + rows;
  (decode ? plan.cost.decode_rows : plan.cost.prompt_tokens) += rows;
  plan.cost.context_tokens += context;
  const double guesses = plan.work.back().next_drafts;
  plan.cost.draft_steps = std::max(plan.cost.draft_steps, guesses);
  if (guesses > 0) plan.cost.draft_rows += guesses + s.known() - s.drafted;
  const TimeModel& time = state.config.time;
  payer.service_s +=
      ((decode ? time.decode_row_s : time.prompt_token_s) * rows + time.context_token_s * context) /
      payer.weight;
  (decode ? state.counters.decode_rows : state.counters.prompt_tokens) +=
      static_cast<std::uint64_t>(rows);
}

// Earliest due first, so that whoever must yield is due later and not in the plan yet.
int plan_decode_rows(State& state) {
  int longest = 0;
  int spare_rows = state.config.max_rows - static_cast<int>(state.running.size());
  for (std::size_t i = 0; i < state.running.size();) {
    const int slot = state.running[i];
    Slot& s = at(state, slot);
    ++i;
    if (i + kSlotAhead < state.running.size()) fetch(at(state, state.running[i + kSlotAhead]));
    if (s.remaining() != 1) continue;
    const int room = own_tail(state, slot) ? grow(state, slot, s.known(), true) : 0;
    if (room < s.known()) {
      preempt(state, slot);  // the last one
      --i;
      continue;
    }
    int drafts = std::min(static_cast<int>(s.drafts.size()), spare_rows);
    drafts = grow(state, slot, s.known() + drafts, false) - s.known();
    s.drafts.resize(static_cast<std::size_t>(drafts));
    spare_rows -= drafts;
    add_work(state, slot, 1, true, tenant_of(state, s));
    longest = std::max(longest, s.known());
  }
  return longest;
}

// Another running request that is about to compute the next block of this one's prompt, or -1;
// `shared` is how many full blocks they have in common.
int find_donor(const State& state, const Slot& s, const PrefixIndex::Match& match, int* shared) {
  const int width = state.config.block_tokens;
  for (const int other : state.running) {
    const Slot& d = at(state, other);
    if (d.node != match.node || d.indexed != match.blocks || d.remaining() <= 1 ||
        d.request.cache_domain != s.request.cache_domain) {
      continue;
    }
    const int both = std::min(d.known(), s.known() - 1);
    const int from = match.blocks * width;
    const auto differ = std::mismatch(
        s.tokens.begin() + from, s.tokens.begin() + std::max(from, both), d.tokens.begin() + from);
    *shared = static_cast<int>(differ.first - s.tokens.begin()) / width;
    if (*shared > match.blocks) return other;
  }
  return -1;
}

// What of a waiting request may come from the cache: all but the last token; where its hidden
// states are wanted, only what it has computed itself.
std::span<const Token> may_be_cached(const Slot& s) {
  std::size_t most = s.tokens.size() - 1;
  if (s.request.hidden != nullptr) {
    most = std::min(most, static_cast<std::size_t>(s.request.hidden->tokens));
  }
  return {s.tokens.data(), most};
}

class PromptPlanner {
 public:
  PromptPlanner(State& state, double now_s, int tokens)
      : state_(state), now_s_(now_s), tokens_(tokens) {}

  void run() {
    for (int looks = 0; looks < kLooks && tokens_ > 0 && rows_left() > 0; ++looks) {
      Tenant* next = nullptr;
      for (Tenant& tenant : state_.tenants) {
        if (tenant.cursor >= tenant.queue.size()) continue;
        if (next == nullptr || tenant.service_s < next->service_s) next = &tenant;
      }
      if (next == nullptr) return;
      const int slot = next->queue[next->cursor++];
      Slot& s = at(state_, slot);
      if (s.in_plan) continue;
      if (s.stage == Stage::kRunning) {
        add_chunk(slot, *next);
      } else {
        start(slot, *next);
      }
    }
  }

 private:
  int rows_left() const { return state_.config.max_rows - state_.plan.rows; }

  bool add_chunk(int slot, Tenant& payer) {
    Slot& s = at(state_, slot);
    const TimeModel& time = state_.config.time;
    const int reading = static_cast<int>(s.computed * time.context_token_s / time.prompt_token_s);
    const int tokens = goes_now(s.remaining(), rows_left(), std::max(1, tokens_ - reading));
    const bool first = state_.running.front() == slot;
    if (!own_tail(state_, slot)) return false;
    const int room = grow(state_, slot, s.computed + tokens, first);
    const int known = std::min(tokens, room - s.computed);
    if (known <= 0) return false;
    tokens_ -= known + reading;
    if (s.remaining() > 1 && s.remaining() - known <= 1) dequeue(state_, slot);
    s.drafts.clear();
    add_work(state_, slot, known, false, payer);
    return true;
  }

  void start(int slot, Tenant& payer) {
    Slot& s = at(state_, slot);
    if (now_s_ + state_.config.time.step_s > s.request.first_token_by_s && s.known() == s.prompt) {
      ++state_.counters.late;
      end(state_, slot, Finish::kLate);
      return;
    }
    const int running = static_cast<int>(state_.running.size());
    if (closed_ || running >= state_.config.max_running) return;
    const int available = state_.pool.free() + state_.index.evictable();
    const int promised = promised_blocks(state_);
    const bool overdue = now_s_ >= s.due_s;
    if (!overdue && !fits(available, promised, running, s.wanted_blocks)) return;
    PrefixIndex::Match match;
    if (state_.config.share_prefixes) {
      match = state_.index.match(s.request.cache_domain, may_be_cached(s));
      if (s.request.hidden == nullptr && waits_for_donor(slot, match, payer)) return;
    }
    s.wanted_blocks =
        blocks_to_start(state_.config, s.known(), s.prompt, s.request.max_tokens, match);
    if (!fits(available, promised, running, s.wanted_blocks)) {
      closed_ = overdue;  // whoever is overdue is not overtaken again
      return;
    }
    admit(state_, slot, match);
    if (s.remaining() == 1) dequeue(state_, slot);  // all but one token cached
    add_chunk(slot, payer);
  }

  // The donor gets the turn of the one who waits for it: so its blocks come no later than if the
  // waiting one computed them, and only once.
  bool waits_for_donor(int slot, const PrefixIndex::Match& match, Tenant& payer) {
    Slot& s = at(state_, slot);
    int shared = 0;
    const int donor = find_donor(state_, s, match, &shared);
    if (donor < 0) return false;
    if (!at(state_, donor).in_plan && !add_chunk(donor, payer)) return false;
    dequeue(state_, slot);
    s.stage = Stage::kParked;
    s.donor = donor;
    s.donor_blocks = shared;
    s.next_parked = at(state_, donor).first_parked;
    at(state_, donor).first_parked = slot;
    ++state_.counters.parked;
    return true;
  }

  State& state_;
  double now_s_;
  int tokens_;
  bool closed_ = false;
};

// Appends an answer's tokens until one of them ends the request.
std::optional<Finish> take_tokens(Slot& s, std::span<const Token> answer, int* taken) {
  *taken = 0;
  for (const Token token : answer) {
    s.tokens.push_back(token);
    ++*taken;
    if (s.has_stops &&
        std::ranges::find(s.request.stop_tokens, token) != s.request.stop_tokens.end()) {
      return Finish::kStop;
    }
    if (s.known() >= s.most) return Finish::kLength;
  }
  return std::nullopt;
}

// `ending`: the executor ends the request; may be null.
void complete_one(State& state, const Work& work, std::span<const Token> answer,
                  const Ending* ending) {
  Slot& s = at(state, work.slot);
  s.in_plan = false;
  const int drafts = static_cast<int>(work.drafts.size());
  const int count = static_cast<int>(answer.size());
  const int least = ending == nullptr ? 1 : 0;
  check(work.emits ? count >= least && count <= 1 + drafts : count == 0,
        "one answer for each work");
  if (s.cancelled) {
    s.computed += work.known;  // somebody else may want them
    index_produced(state, work.slot);
    end(state, work.slot, s.cancel_as);
    return;
  }
  std::optional<Finish> finish;
  if (work.emits) {
    int taken = 0;
    const int known = s.known();
    finish = take_tokens(s, answer, &taken);
    if (!finish && ending != nullptr) finish = ending->finish;
    s.computed = known + taken - 1;
    judge_drafts(state, s, drafts, std::max(0, count - 1));
    s.drafts.clear();
  } else {
    s.computed += work.known;
  }
  trim(state, work.slot);
  index_produced(state, work.slot);
  if (finish) {
    end(state, work.slot, *finish);
  } else {
    unpark(state, work.slot, false);
  }
}

}  // namespace

State::State(Config chosen)
    : config(checked(std::move(chosen))),
      pool(config.device_blocks),
      host(config.host_blocks),
      index({.block_tokens = config.block_tokens,
             .device_blocks = config.device_blocks,
             .host_blocks = config.host_blocks,
             .eviction = config.eviction}),
      slots(static_cast<std::size_t>(config.slots)),
      tenants(static_cast<std::size_t>(config.tenants)) {
  for (int slot = config.slots; slot-- > 0;) unused.push_back(slot);
  for (std::size_t i = 0; i < config.weights.size(); ++i) tenants[i].weight = config.weights[i];
  const auto most_running = static_cast<std::size_t>(config.max_running);
  running.reserve(most_running);
  ended.reserve(slots.size());
  path.reserve(static_cast<std::size_t>(config.device_blocks + config.host_blocks));
  plan.work.reserve(most_running);
  plan.moves.reserve(2 * static_cast<std::size_t>(config.device_blocks + config.host_blocks) +
                     most_running);
}

int blocks_to_start(const Config& config, int known, int prompt, int max_tokens,
                    const PrefixIndex::Match& match) {
  const int tokens =
      config.reserve == Config::Reserve::kWhole ? std::max(known, prompt + max_tokens) : known;
  return blocks_for(tokens, config.block_tokens) - match.on_device + match.on_device_unlocked;
}

// Running requests take a block each within the next block_tokens steps: that room stays.
bool fits(int available_blocks, int promised_blocks, int running, int blocks_to_start) {
  return available_blocks - promised_blocks - running >= blocks_to_start;
}

int goes_now(int remaining, int rows_left, int prompt_tokens_left) {
  return std::max(0, std::min({remaining, rows_left, prompt_tokens_left}));
}

int prompt_budget(const Config& config, const StepWork& decode, int longest_context) {
  const TimeModel& time = config.time;
  double limit_s = config.idle_step_limit_s;
  double least = config.block_tokens;
  if (decode.decode_rows > 0) {
    const double alone_s =
        time.seconds({.decode_rows = 1, .context_tokens = static_cast<double>(longest_context)});
    limit_s = config.step_limit_s > 0 ? config.step_limit_s : 2.0 * alone_s;
    least = std::max(1.0, config.least_prompt_share * limit_s / time.prompt_token_s);
  }
  const double tokens = (limit_s - time.seconds(decode)) / time.prompt_token_s;
  return static_cast<int>(std::min(std::max(tokens, least), 1e9));
}

const Plan& step(State& state, double now_s) {
  check(!state.in_flight, "one plan in flight at most");
  begin_plan(state);
  Plan& plan = state.plan;
  const int longest = plan_decode_rows(state);
  PromptPlanner(state, now_s, prompt_budget(state.config, plan.cost, longest)).run();
  for (const int slot : state.running) {
    if (!at(state, slot).in_plan) unpark(state, slot, true);
  }
  plan.cost.moved_blocks = static_cast<double>(plan.moves.size());
  plan.predicted_s = state.config.time.seconds(plan.cost);
  state.in_flight = !plan.empty();
  state.counters.steps += state.in_flight;
  return plan;
}

void complete(State& state, const Result& result) {
  check(state.in_flight, "a result belongs to a plan");
  const Plan& plan = state.plan;
  check(result.begin.size() == plan.work.size() + 1, "one answer for each work");
  state.in_flight = false;
  state.learner.learn(state.config.time, plan.cost, result.seconds);
  auto ending = result.endings.begin();
  for (std::size_t i = 0; i < plan.work.size(); ++i) {
    if (i + kSlotAhead < plan.work.size()) fetch(at(state, plan.work[i + kSlotAhead].slot));
    if (i + kTokenAhead < plan.work.size()) fetch_end(at(state, plan.work[i + kTokenAhead].slot));
    const bool ends = ending != result.endings.end() && ending->work == i;
    complete_one(state, plan.work[i], result.answer(i), ends ? &*ending++ : nullptr);
    if (plan.work[i].next_drafts == 0) continue;
    set_drafts(state, plan.work[i].slot, result.drafts.of(i));
    drafted_now(state, at(state, plan.work[i].slot));
  }
}

bool cancel(State& state, int slot, std::uint64_t id, Finish finish) {
  if (slot < 0 || slot >= state.config.slots) return false;
  Slot& s = at(state, slot);
  if (s.stage == Stage::kUnused || s.request.id != id || s.cancelled) return false;
  if (s.in_plan) {
    s.cancelled = true;
    s.cancel_as = finish;
  } else {
    end(state, slot, finish);
  }
  return true;
}

}  // namespace aisp::serve
