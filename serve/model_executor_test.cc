// The scheduler driving a real (tiny) model: whatever else runs, however little memory there is,
// a request's tokens are those it gets alone.
#include "serve/model_executor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/rng.h"
#include "model/made_model.h"
#include "model/reference.h"
#include "model/tokenizer_of.h"
#include "serve/drafter.h"
#include "serve/scheduler.h"
#include "text/tokenizer.h"

namespace aisp::serve {
namespace {

struct Setting {
  int device_blocks = 40, host_blocks = 0, max_rows = 96, max_running = 8, max_drafts = 0;
  int threads = 2;
  Drafter* drafter = nullptr;  // null: prompt lookup
  model::KvType kv_type = model::KvType::kBF16;
};

struct Outputs {
  std::map<std::uint64_t, std::vector<Token>> tokens;
  std::map<std::uint64_t, std::vector<LogProb>> logprobs;
  std::map<std::uint64_t, Ending> endings;
  std::map<std::uint64_t, Finish> finish;
  Counters counters;
};

// Runs all requests to their ends; a new one enters every second step.
Outputs run(const model::MadeModel& made, const std::vector<Request>& requests,
            const Setting& setting) {
  machine::ThreadPool pool(setting.threads);
  const model::Weights weights(made.tensors, made.config, pool);
  PromptLookup lookup({.longest = 3, .shortest = 1});
  ModelExecutor executor(weights, pool,
                         {.kv_type = setting.kv_type,
                          .device_blocks = setting.device_blocks,
                          .host_blocks = setting.host_blocks,
                          .max_rows = setting.max_rows,
                          .drafter = setting.drafter != nullptr ? setting.drafter : &lookup});
  Config config;
  config.slots = 64;
  config.max_running = setting.max_running;
  config.max_rows = setting.max_rows;
  config.max_drafts = setting.max_drafts;
  config.block_tokens = static_cast<int>(model::kBlockTokens);
  config.device_blocks = setting.device_blocks;
  config.host_blocks = setting.host_blocks;
  State state(config);
  Outputs outputs;
  Result result;
  std::size_t entered = 0;
  double now_s = 0.0;
  for (int turn = 0; turn < 20000; ++turn, now_s += 0.01) {
    if (entered < requests.size() && turn % 2 == 0) {
      EXPECT_EQ(submit(state, requests[entered++], now_s).why, Verdict::Why::kAccepted);
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
      auto& beside = outputs.logprobs[plan.work[i].request->id];
      const auto values = result.logprobs_of(i);
      beside.insert(beside.end(), values.begin(), values.end());
    }
    for (const Ending& ending : result.endings) {
      outputs.endings[plan.work[ending.work].request->id] = ending;
    }
    complete(state, result);
    for (const Ended& ended : state.ended) outputs.finish[ended.id] = ended.finish;
    state.ended.clear();
  }
  check_integrity(state);
  outputs.counters = state.counters;
  EXPECT_EQ(state.counters.ended, requests.size());
  for (const Request& request : requests) {  // drafts may pass the end; the scheduler cuts there
    auto& tokens = outputs.tokens[request.id];
    if (tokens.size() > static_cast<std::size_t>(request.max_tokens)) {
      tokens.resize(static_cast<std::size_t>(request.max_tokens));
    }
    for (const Token stop : request.stop_tokens) {
      const auto end = std::ranges::find(tokens, stop);
      if (end != tokens.end()) tokens.erase(end + 1, tokens.end());
    }
    outputs.logprobs[request.id].resize(
        tokens.size() * static_cast<std::size_t>(request.sampling.logprob_entries()));
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

std::vector<double> reference_sum(const model::MadeModel& made, std::span<const Token> tokens) {
  const auto width = static_cast<std::size_t>(made.config.width);
  const std::vector<double> states = model::reference_states(made.tensors, made.config, tokens);
  std::vector<double> sum(width, 0.0);
  for (std::size_t i = 0; i < states.size(); ++i) sum[i % width] += states[i];
  return sum;
}

// Every third asks for states in place of an answer.
std::vector<Request> with_states(std::vector<Request> requests, std::int64_t width) {
  for (Request& request : requests) {
    if (request.id % 3 != 1) continue;
    request.hidden = std::make_shared<HiddenSum>(width);
    request.max_tokens = 1;
  }
  return requests;
}

TEST_P(ModelExecutorTest, StatesAreTheReferences) {
  if (GetParam() == std::string("llama")) GTEST_SKIP() << "the reference does not round to int8";
  Request request = sharing[0];
  request.hidden = std::make_shared<HiddenSum>(made.config.width);
  request.max_tokens = 1;
  const Outputs got =
      run(made, {request}, {.max_rows = 17, .max_running = 4, .kv_type = model::KvType::kF32});
  EXPECT_TRUE(got.tokens.at(1).empty());
  EXPECT_EQ(got.finish.at(1), Finish::kStop);
  EXPECT_EQ(request.hidden->tokens, static_cast<int>(request.prompt.size()));
  const std::vector<double> right = reference_sum(made, request.prompt);
  double largest = 0.0;
  for (const double value : right) largest = std::max(largest, std::abs(value));
  // Hundreds of roundings of 2^-24 in a row; one token left out changes some of them by 1/tokens.
  for (std::size_t i = 0; i < right.size(); ++i) {
    EXPECT_NEAR(request.hidden->sum[i], right[i], 1e-4 * largest) << i;
  }
}

TEST_P(ModelExecutorTest, StatesDependOnNoNeighbourAndNoCut) {
  std::map<std::uint64_t, std::vector<double>> right;
  for (const Request& request : with_states(sharing, made.config.width)) {
    if (request.hidden == nullptr) continue;
    run(made, {request}, {.max_rows = 128, .max_running = 1, .threads = 1});
    right[request.id] = request.hidden->sum;
  }
  // Crowded, in small cuts, and with too little memory: preempted in between.
  const Setting settings[] = {{}, {.max_rows = 9}, {.device_blocks = 8, .max_rows = 24}};
  for (const Setting& setting : settings) {
    const std::vector<Request> together = with_states(sharing, made.config.width);
    const Outputs got = run(made, together, setting);
    for (const Request& request : together) {
      if (request.hidden == nullptr) continue;
      EXPECT_EQ(request.hidden->sum, right.at(request.id)) << request.id;
      EXPECT_EQ(request.hidden->tokens, static_cast<int>(request.prompt.size()));
    }
    auto tokens = alone(sharing);
    for (const auto& [id, sum] : right) tokens[id].clear();
    EXPECT_EQ(got.tokens, tokens) << "who asks for tokens sees nothing of it";
  }
}

// What may be said: `least` or more lists of numbers, then a full stop.
text::Grammar lists(int least) {
  return text::Grammar::from_gbnf(R"(root ::= ("[" number ("," " "? number)* "]"){)" +
                                  std::to_string(least) + R"(,} "."
                                  number ::= "-"? ("0" | [1-9] [0-9]*))");
}

class GrammarTest : public ModelExecutorTest {
 protected:
  std::shared_ptr<text::GrammarMatcher> matcher(const text::Grammar& grammar) const {
    return std::make_shared<text::GrammarMatcher>(grammar, vocabulary);
  }
  void constrain(std::vector<Request>& requests, int every, int least = 1) const {
    for (Request& request : requests) {
      if (static_cast<int>(request.id) % every != 0) continue;
      request.grammar = matcher(lists(least));
      request.stop_tokens = {2};
      request.sampling.logprobs = static_cast<int>(request.id % 4);
    }
  }
  // Every answer fits its grammar, and is whole when it did not end by its length.
  static void check_answers(const std::vector<Request>& requests, const Outputs& got) {
    for (const Request& request : requests) {
      if (request.grammar == nullptr) continue;
      text::GrammarState state(request.grammar);
      for (const Token token : got.tokens.at(request.id)) {
        EXPECT_TRUE(state.advance(token)) << request.id;
      }
      if (got.finish.at(request.id) == Finish::kStop) {
        EXPECT_TRUE(state.complete());
      } else {
        EXPECT_EQ(got.finish.at(request.id), Finish::kLength);
      }
    }
  }

  text::Tokenizer tokenizer{model::tokenizer_of(made.file), made.file.path()};
  std::shared_ptr<const text::GrammarVocabulary> vocabulary =
      std::make_shared<const text::GrammarVocabulary>(tokenizer);
};

TEST_P(GrammarTest, TogetherAndWithDraftsAsAlone) {
  constrain(sharing, 2);
  const auto right = alone(sharing);
  for (const int drafts : {0, 4}) {
    const Outputs got = run(made, sharing, {.max_drafts = drafts, .threads = 1});
    EXPECT_EQ(got.tokens, right);
    check_answers(sharing, got);
    EXPECT_EQ(got.counters.accepted > 0, drafts > 0);
  }
}

// Who is preempted has computed nothing any more, but its place in the grammar is kept.
TEST_P(GrammarTest, WithLittleMemoryAsAlone) {
  constrain(growing, 1, 50);
  const Outputs got =
      run(made, growing, {.device_blocks = 9, .max_rows = 40, .max_drafts = 2, .threads = 1});
  EXPECT_EQ(got.tokens, alone(growing));
  check_answers(growing, got);
  EXPECT_GT(got.counters.preemptions, 0u) << "memory was to run out";
}

TEST_P(GrammarTest, OnlyTheEndFitsBehindAWholeText) {
  Request request = sharing[0];
  request.grammar = matcher(text::Grammar::from_gbnf(R"(root ::= "yes")"));
  request.stop_tokens = {2};
  const Outputs got = run(made, {request}, {});
  const std::vector<Token> tokens = got.tokens.at(request.id);
  EXPECT_EQ(tokenizer.decode(tokens), "yes");
  EXPECT_EQ(tokens.back(), 2);
  EXPECT_EQ(got.finish.at(request.id), Finish::kStop);
}

// A grammar that cannot go on ends its request, in words; the others see nothing of it.
TEST_P(GrammarTest, AGrammarsErrorEndsItsRequestAlone) {
  constrain(sharing, 3);
  auto together = sharing;
  // Each letter can be read in as many ways again: places without end.
  together[1].grammar = matcher(text::Grammar::from_gbnf(
      "root ::= a a a a a a a a a a a a\na ::= b*\nb ::= [a-z] | b2 | [a-z] b2\n"
      "b2 ::= [a-z] b3? | [a-z] [a-z] b\nb3 ::= \"x\" b b | [a-z] b2 \"y\" | b b2"));
  together[1].max_tokens = 120;
  together[1].sampling = {.temperature = 1.0f};
  const Outputs got = run(made, together, {.threads = 1});
  auto right = alone(sharing);
  for (const Request& request : sharing) {
    if (request.id == together[1].id) continue;
    EXPECT_EQ(got.tokens.at(request.id), right.at(request.id)) << request.id;
  }
  EXPECT_EQ(got.finish.at(together[1].id), Finish::kGrammar);
  EXPECT_NE(got.endings.at(together[1].id).problem.find("too"), std::string::npos);
}

TEST_P(ModelExecutorTest, PresenceCountsTheAnswerAndNotThePrompt) {
  Request request = sharing[0];
  request.max_tokens = 1;
  // Every second token is in the prompt: until the likeliest next one is among them.
  for (Token which = 0; which < 64; ++which) {
    request.prompt.clear();
    for (Token id = which % 2; id < made.config.vocab; id += 2) request.prompt.push_back(id);
    std::ranges::rotate(request.prompt, request.prompt.begin() + which);
    request.sampling = {.temperature = 0.0f};
    const Setting setting{.max_rows = 1024};
    const Token likeliest = run(made, {request}, setting).tokens.at(1)[0];
    if (likeliest % 2 != which % 2) continue;
    request.sampling.presence = 100.0f;
    EXPECT_EQ(run(made, {request}, setting).tokens.at(1)[0], likeliest);
    return;
  }
  FAIL() << "no prompt has its answer in itself";
}

TEST_P(ModelExecutorTest, LogProbabilitiesComeWithTheirTokens) {
  Request request = sharing[0];
  request.sampling = {.temperature = 0.0f, .logprobs = 2};
  const Outputs got = run(made, {request}, {.max_drafts = 2});
  const std::vector<Token>& tokens = got.tokens.at(1);
  const std::vector<LogProb>& logprobs = got.logprobs.at(1);
  ASSERT_EQ(logprobs.size(), 3 * tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_EQ(logprobs[3 * i].token, tokens[i]);
    EXPECT_GE(logprobs[3 * i + 1].value, logprobs[3 * i + 2].value);
    EXPECT_EQ(logprobs[3 * i + 1].token, tokens[i]) << "the likeliest was chosen";
    EXPECT_LT(logprobs[3 * i].value, 0.0f);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GrammarTest, testing::Values("llama"),
                         [](const auto& info) { return std::string(info.param); });
INSTANTIATE_TEST_SUITE_P(Models, ModelExecutorTest, testing::Values("llama", "qwen3moe", "gemma2"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace aisp::serve
