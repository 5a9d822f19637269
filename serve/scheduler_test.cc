// The scheduler's promises one by one: streams that never wait, shares, deadlines, waiting for a
// neighbour's block, memory, drafts; its cost; and every sequence of events in a tiny world.
#include "serve/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/rng.h"
#include "serve/count_allocations.h"
#include "serve/replay.h"
#include "serve/sim_executor.h"
#include "serve/step_time.h"

namespace aisp::serve {
namespace {

// A scheduler and its executor on virtual time.
class Machine {
 public:
  explicit Machine(Config config)
      : state(config),
        executor({.block_tokens = config.block_tokens,
                  .device_blocks = config.device_blocks,
                  .host_blocks = config.host_blocks,
                  .vocabulary = 1000,
                  .time = config.time,
                  .strict = true}) {}

  int ask(Request request) {
    const Verdict verdict = submit(state, std::move(request), now_s);
    EXPECT_EQ(verdict.why, Verdict::Why::kAccepted);
    return verdict.slot;
  }

  // False when there is nothing to do.
  bool go() {
    const Plan& plan = step(state, now_s);
    check_plan(state);
    if (plan.empty()) return false;
    executor.run(plan, result);
    now_s += result.seconds;
    for (std::size_t i = 0; i < plan.work.size(); ++i) {
      if (result.answer(i).empty()) continue;
      const std::uint64_t id = plan.work[i].request->id;
      tokens_at_s[id].insert(tokens_at_s[id].end(), result.answer(i).size(), now_s);
    }
    complete(state, result);
    return true;
  }
  void finish() {
    while (go()) {
    }
  }

  State state;
  SimExecutor executor;
  Result result;
  double now_s = 0.0;
  std::map<std::uint64_t, std::vector<double>> tokens_at_s;  // by request
};

Request request_of(std::uint64_t id, int prompt, int max_tokens, int tenant = 0) {
  Request request{.id = id, .tenant = tenant, .max_tokens = max_tokens};
  for (int i = 0; i < prompt; ++i) {
    request.prompt.push_back(
        static_cast<Token>(derive_seed(id, static_cast<std::uint64_t>(i)) % 1000));
  }
  return request;
}

TEST(Scheduler, ARunningStreamNeverWaitsForANeighboursPrompt) {
  Machine machine({.device_blocks = 400});
  machine.ask(request_of(1, 20, 200));
  for (int i = 0; i < 20; ++i) machine.go();
  machine.ask(request_of(2, 1024, 4));
  const double arrived_s = machine.now_s;
  machine.finish();
  const std::vector<double>& times = machine.tokens_at_s[1];
  const double alone_s = times[5] - times[4];
  double worst_s = 0.0;
  for (std::size_t i = 1; i < times.size(); ++i)
    worst_s = std::max(worst_s, times[i] - times[i - 1]);
  EXPECT_LE(worst_s, 2.1 * alone_s);
  EXPECT_GT(machine.tokens_at_s[2][0], arrived_s);
}

TEST(Scheduler, TenantsShareByWeight) {
  Config config{.device_blocks = 2000, .tenants = 3, .weights = {1.0, 1.0, 2.0}};
  Machine machine(config);
  std::uint64_t id = 0;
  std::map<std::uint64_t, int> tenant_of;
  for (int i = 0; i < 40; ++i) {
    for (int tenant = 0; tenant < 3; ++tenant) {
      // The first tenant floods with twice as many.
      for (int n = tenant == 0 ? 2 : 1; n > 0; --n) {
        tenant_of[++id] = tenant;
        machine.ask(request_of(id, 160, 4, tenant));
      }
    }
  }
  while (machine.now_s < 20.0) machine.go();
  int done[3] = {0, 0, 0};
  for (const auto& [request, times] : machine.tokens_at_s) ++done[tenant_of[request]];
  EXPECT_GT(done[0], 5);
  EXPECT_NEAR(done[0], done[1], 2);
  EXPECT_NEAR(done[2], 2 * done[1], 3);
}

TEST(Scheduler, TheImpatientGoFirstAndThePatientAreNotForgotten) {
  Machine machine({.device_blocks = 2000});
  Request batch = request_of(1, 300, 2);
  batch.patience_s = 5.0;
  machine.ask(batch);
  std::uint64_t id = 1;
  // Interactive requests for more than the machine can take, without end.
  while (machine.tokens_at_s[1].empty() && machine.now_s < 60.0) {
    Request quick = request_of(++id, 300, 2);
    quick.patience_s = 0.5;
    machine.ask(quick);
    machine.go();
    if (machine.state.unused.size() < 8) break;
  }
  ASSERT_FALSE(machine.tokens_at_s[1].empty());
  EXPECT_GT(machine.tokens_at_s[1][0], 4.0);   // others went first,
  EXPECT_LT(machine.tokens_at_s[1][0], 20.0);  // but not for ever
}

TEST(Scheduler, RefusesWhatCannotBeInTimeAndSaysWhenItCould) {
  Machine machine({.device_blocks = 2000});
  Request request = request_of(1, 880, 4);  // two seconds of prompt
  request.first_token_by_s = 1.0;
  const Verdict refused = submit(machine.state, request, 0.0);
  EXPECT_EQ(refused.why, Verdict::Why::kTooLate);
  EXPECT_NEAR(refused.retry_after_s, 2.0 + 0.3 - 1.0, 0.2);
  request.first_token_by_s = 3.0;
  const Verdict taken = submit(machine.state, request, 0.0);
  ASSERT_EQ(taken.why, Verdict::Why::kAccepted);
  machine.finish();
  EXPECT_LE(machine.tokens_at_s[1][0], 3.0);
  EXPECT_NEAR(machine.tokens_at_s[1][0], taken.first_token_s, 0.1 * taken.first_token_s);
  const Request asked[] = {request_of(2, 0, 1), request_of(3, 4, 0), request_of(4, 4, 1, 7),
                           request_of(5, 31'990, 20)};
  const Verdict::Why why[] = {Verdict::Why::kInvalid, Verdict::Why::kInvalid,
                              Verdict::Why::kInvalid, Verdict::Why::kTooLong};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(submit(machine.state, asked[i], 9.0).why, why[i]);
}

TEST(Scheduler, OfTwoEqualPromptsOneIsComputed) {
  Machine machine({.device_blocks = 400});
  Request first = request_of(1, 640, 50);
  Request second = first;
  second.id = 2;
  machine.ask(first);
  machine.go();
  machine.ask(second);  // while the first is still computing its prompt
  while (machine.tokens_at_s[2].empty()) machine.go();
  EXPECT_GT(machine.state.counters.parked, 0u);
  EXPECT_LT(machine.state.counters.prompt_tokens, 640u + 64u);
  // It begins as soon as the blocks are there, long before the first has ended.
  EXPECT_LT(machine.tokens_at_s[2][0], machine.tokens_at_s[1][0] + 0.2);
  EXPECT_LT(machine.tokens_at_s[1].size(), 10u);
  machine.finish();
  check_integrity(machine.state);
}

TEST(Scheduler, GoesOnWhenTheDonorIsCancelled) {
  Machine machine({.device_blocks = 400});
  Request first = request_of(1, 640, 50), second = first;
  second.id = 2;
  const int slot = machine.ask(first);
  machine.go();
  machine.ask(second);
  machine.go();
  EXPECT_TRUE(cancel(machine.state, slot, 1));
  check_integrity(machine.state);
  machine.finish();
  EXPECT_EQ(machine.tokens_at_s[2].size(), 50u);
}

TEST(Scheduler, DraftsThatAreRightSaveSteps) {
  Config config{.max_drafts = 4, .device_blocks = 400};
  for (const bool right : {true, false}) {
    Machine machine(config);
    const Request request = request_of(1, 32, 100);
    const int slot = machine.ask(request);
    const std::vector<Token> answer = machine.executor.alone(request);
    do {
      const Slot& s = machine.state.slots[static_cast<std::size_t>(slot)];
      const auto done = static_cast<std::size_t>(std::max(0, s.known() - s.prompt));
      std::vector<Token> drafts(answer.begin() + static_cast<std::ptrdiff_t>(done), answer.end());
      if (!right) std::ranges::fill(drafts, -1);
      drafts.resize(
          std::min(drafts.size(), static_cast<std::size_t>(wanted_drafts(machine.state, slot))));
      set_drafts(machine.state, slot, drafts);
    } while (machine.go());
    EXPECT_EQ(machine.tokens_at_s[1].size(), 100u);
    const Counters& counters = machine.state.counters;
    if (right) {
      EXPECT_LT(counters.steps, 30u);
    } else {  // never right: soon only a probe now and then
      EXPECT_LT(counters.drafted, 60u);
    }
  }
}

TEST(Scheduler, RefusesConfigurationsThatContradictThemselves) {
  std::vector<Config> wrong(7);
  wrong[0].slots = 0;
  wrong[1].max_rows = 1;
  wrong[2].device_blocks = 0;
  wrong[3].max_drafts = -1;
  wrong[4].time.prompt_token_s = 0;
  wrong[5].weights = {1.0, 2.0};
  wrong[6].weights = {0.0};
  for (const Config& config : wrong) EXPECT_THROW(State{config}, Error);
}

// 256 streams and newcomers for those that end, 2000 steps: nothing is allocated by step() and
// complete(). What they cost: `aisp engine step-time`.
void expect_steps_allocate_nothing(int host_blocks) {
  StepWorld world({.running = 256, .host_blocks = host_blocks});
  std::int64_t allocated = 0;
  std::size_t most_running = 0, least_running = 0;
  for (int i = 0; i < 3000; ++i) {
    world.refill();
    const std::int64_t before = allocations_so_far();
    const Plan& plan = world.plan();
    const std::int64_t after = allocations_so_far();
    world.run(plan);
    const std::int64_t again = allocations_so_far();
    world.take();
    if (i >= 1000) allocated += allocations_so_far() - again + after - before;
    most_running = std::max(most_running, world.state.running.size());
    least_running = i < 1000 ? most_running : std::min(least_running, world.state.running.size());
    world.state.ended.clear();
  }
  EXPECT_EQ(most_running, 256u);
  EXPECT_GT(least_running, 240u);  // newcomers take the places of those that end
  EXPECT_EQ(allocated, 0);
}

TEST(Scheduler, AStepOf256StreamsAllocatesNothing) { expect_steps_allocate_nothing(0); }
TEST(Scheduler, NorWithASecondTier) { expect_steps_allocate_nothing(500); }

// --- every sequence of events in a tiny world ---

// Two or three requests of a few tokens in four blocks of one or two; after each step of the world
// any of: submit the next request, cancel one, or nothing. Explored by replaying each prefix of
// choices.
struct TinyWorld {
  explicit TinyWorld(int block_tokens, int host_blocks)
      : machine({.slots = 3,
                 .max_running = 2,
                 .max_rows = 3,
                 .block_tokens = block_tokens,
                 .device_blocks = 4,
                 .host_blocks = host_blocks}) {
    machine.state.config.time = {.step_s = 1.0, .prompt_token_s = 0.4, .decode_row_s = 0.1};
  }

  // 0: nothing, 1: submit, 2 and 3: cancel the first or second request.
  void apply(int choice, bool in_flight) {
    State& state = machine.state;
    if (choice == 1 && submitted < 3) {
      Request request{.id = static_cast<std::uint64_t>(++submitted), .max_tokens = 2};
      request.prompt = submitted == 2 ? std::vector<Token>{1, 1} : std::vector<Token>{1, 1, 2};
      request.patience_s = submitted == 3 ? 0.0 : 10.0;
      slot_of[submitted] = submit(state, request, machine.now_s).slot;
    }
    if (choice >= 2) {
      const int request = choice - 1;
      if (slot_of.contains(request)) {
        cancel(state, slot_of[request], static_cast<std::uint64_t>(request));
      }
    }
    EXPECT_EQ(state.in_flight, in_flight);
    check_integrity(state);
  }

  void advance(int before, int during) {
    State& state = machine.state;
    apply(before, false);
    const Plan& plan = step(state, machine.now_s);
    check_plan(state);
    check_integrity(state);
    if (plan.empty()) {
      machine.now_s += 0.5;
      apply(during, false);
      return;
    }
    machine.executor.run(plan, machine.result);
    machine.now_s += machine.result.seconds;
    apply(during, true);
    complete(state, machine.result);
    check_integrity(state);
  }

  void drain() {
    for (int steps = 0; machine.state.counters.submitted > machine.state.counters.ended; ++steps) {
      ASSERT_LT(steps, 60) << "somebody starves";
      advance(0, 0);
    }
  }

  Machine machine;
  std::map<int, int> slot_of;
  int submitted = 0;
};

TEST(Scheduler, EverySequenceOfEventsInATinyWorld) {
  constexpr int kDepth = 3;  // steps with choices: 16^3 sequences for each of four worlds
  int sequences = 0;
  for (const int block_tokens : {1, 2}) {
    for (const int host_blocks : {0, 2}) {
      for (int code = 0; code < 1 << (4 * kDepth); ++code) {
        TinyWorld world(block_tokens, host_blocks);
        if (block_tokens == 1) world.machine.state.config.least_prompt_share = 0.1;
        world.apply(1, false);
        for (int at = 0; at < kDepth; ++at) {
          world.advance(code >> (4 * at) & 3, code >> (4 * at + 2) & 3);
        }
        world.drain();
        const State& state = world.machine.state;
        ASSERT_EQ(state.pool.free() + state.index.evictable(), state.pool.total());
        ++sequences;
      }
    }
  }
  EXPECT_EQ(sequences, 4 * 4096);
}

}  // namespace
}  // namespace aisp::serve
