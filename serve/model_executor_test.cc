// The scheduler driving a real (tiny) model: whatever else runs, however little memory there is,
// a request's tokens are those it gets alone.
#include "serve/model_executor.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "model/made_model.h"
#include "serve/drafter.h"
#include "serve/scheduler.h"

namespace aisp::serve {
namespace {

struct Setting {
  int device_blocks = 40, host_blocks = 0, max_rows = 96, max_running = 8, max_drafts = 0;
  int threads = 2;
};

struct Outputs {
  std::map<std::uint64_t, std::vector<Token>> tokens;
  Counters counters;
};

// Runs all requests to their ends; a new one enters every second step.
Outputs run(const model::MadeModel& made, const std::vector<Request>& requests,
            const Setting& setting) {
  machine::ThreadPool pool(setting.threads);
  const model::Weights weights(made.tensors, made.config, pool);
  ModelExecutor executor(weights, pool,
                         {.device_blocks = setting.device_blocks,
                          .host_blocks = setting.host_blocks,
                          .max_rows = setting.max_rows});
  Config config;
  config.slots = 64;
  config.max_running = setting.max_running;
  config.max_rows = setting.max_rows;
  config.max_drafts = setting.max_drafts;
  config.block_tokens = static_cast<int>(model::kBlockTokens);
  config.device_blocks = setting.device_blocks;
  config.host_blocks = setting.host_blocks;
  State state(config);
  PromptLookup lookup({.longest = 3, .shortest = 1});
  Outputs outputs;
  Result result;
  std::vector<Token> drafts;
  std::size_t entered = 0;
  double now_s = 0.0;
  for (int turn = 0; turn < 20000; ++turn, now_s += 0.01) {
    if (entered < requests.size() && turn % 2 == 0) {
      EXPECT_EQ(submit(state, requests[entered++], now_s).why, Verdict::Why::kAccepted);
    }
    for (const int slot : state.running) {
      lookup.propose(state.slots[static_cast<std::size_t>(slot)].tokens, setting.max_drafts,
                     drafts);
      set_drafts(state, slot, drafts);
    }
    const Plan& plan = step(state, now_s);
    if (plan.empty()) {
      if (entered == requests.size()) break;
      continue;
    }
    executor.run(plan, result);
    for (std::size_t i = 0; i < plan.work.size(); ++i) {
      const auto answer = result.answer(i);
      auto& to = outputs.tokens[plan.work[i].request->id];
      to.insert(to.end(), answer.begin(), answer.end());
    }
    complete(state, result);
  }
  check_integrity(state);
  outputs.counters = state.counters;
  EXPECT_EQ(state.counters.ended, requests.size());
  for (const Request& request : requests) {  // drafts may pass the end; the scheduler cuts there
    auto& tokens = outputs.tokens[request.id];
    if (tokens.size() > static_cast<std::size_t>(request.max_tokens)) {
      tokens.resize(static_cast<std::size_t>(request.max_tokens));
    }
  }
  return outputs;
}

// `growing`: little to read and much to say, so that memory runs out while they run.
std::vector<Request> some_requests(std::int64_t vocab, int count, bool growing = false) {
  Rng rng(11);
  const auto token = [&] {
    return static_cast<Token>(rng.below(static_cast<std::uint64_t>(vocab)));
  };
  std::vector<Token> common;
  for (int i = 0; i < 70; ++i) common.push_back(token());
  std::vector<Request> requests;
  for (int id = 1; id <= count; ++id) {
    Request request;
    request.id = static_cast<std::uint64_t>(id);
    if (id % 3 != 0 && !growing) request.prompt = common;  // two of three share a beginning
    for (std::uint64_t i = 0, more = 1 + rng.below(growing ? 20 : 60); i < more; ++i) {
      request.prompt.push_back(token());
    }
    request.max_tokens = static_cast<int>(growing ? 70 + rng.below(60) : 8 + rng.below(40));
    request.sampling.temperature = id % 2 == 0 ? 0.0f : 0.8f;
    request.sampling.top_k = 40;
    request.sampling.repetition = id % 4 == 0 ? 1.1f : 1.0f;
    request.sampling.seed = static_cast<std::uint64_t>(id);
    requests.push_back(std::move(request));
  }
  return requests;
}

class ModelExecutorTest : public testing::TestWithParam<const char*> {
 protected:
  ModelExecutorTest() : made(GetParam(), std::string(GetParam()) == "llama" ? "q4_0" : "f32") {}

  std::map<std::uint64_t, std::vector<Token>> alone(const std::vector<Request>& requests) const {
    std::map<std::uint64_t, std::vector<Token>> tokens;
    for (const Request& request : requests) {
      const Outputs one = run(made, {request}, {.max_rows = 128, .max_running = 1, .threads = 1});
      tokens[request.id] = one.tokens.at(request.id);
    }
    return tokens;
  }

  model::MadeModel made;
  std::vector<Request> sharing = some_requests(made.config.vocab, 10);
  std::vector<Request> growing = some_requests(made.config.vocab, 8, true);
};

TEST_P(ModelExecutorTest, TogetherAsAlone) {
  const Outputs got = run(made, sharing, {});
  EXPECT_EQ(got.tokens, alone(sharing));
  EXPECT_GT(got.counters.cached_tokens, 0u) << "prefixes were to be shared";
}

TEST_P(ModelExecutorTest, WithLittleMemoryAsAlone) {
  const Outputs got = run(made, growing, {.device_blocks = 9, .max_rows = 40});
  EXPECT_EQ(got.tokens, alone(growing));
  EXPECT_GT(got.counters.preemptions, 0u) << "memory was to run out";
}

TEST_P(ModelExecutorTest, WithASecondTierAsAlone) {
  const Outputs got = run(made, growing, {.device_blocks = 9, .host_blocks = 40, .max_rows = 40});
  EXPECT_EQ(got.tokens, alone(growing));
  EXPECT_GT(got.counters.from_host, 0u) << "blocks were to come back";
}

TEST_P(ModelExecutorTest, WithDraftsAsAlone) {
  const Outputs got = run(made, sharing, {.max_drafts = 4});
  EXPECT_EQ(got.tokens, alone(sharing));
  EXPECT_GT(got.counters.drafted, 0u) << "something was to be guessed";
}

INSTANTIATE_TEST_SUITE_P(Models, ModelExecutorTest, testing::Values("llama", "qwen3moe", "gemma2"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace aisp::serve
