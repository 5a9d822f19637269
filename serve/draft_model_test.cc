// A draft model changes no token: the model itself as its own draft is always right, another is
// hardly ever and is soon left alone, and a short memory only makes fewer guesses.
#include "serve/draft_model.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"
#include "model/made_model.h"
#include "model/tokenizer_of.h"
#include "serve/model_executor.h"
#include "serve/scheduler.h"

namespace aisp::serve {
namespace {

constexpr int kBlocks = 60, kDrafts = 4;

class DraftModelTest : public testing::Test {
 protected:
  DraftFile open(const model::MadeModel& made, int blocks = kBlocks) {
    return DraftFile(made.folder.path("m.gguf"), false, tokenizer, pool,
                     {.blocks = blocks, .slots = 8, .vocab = model.config.vocab});
  }

  std::vector<Request> requests(int count, int max_tokens) const {
    Rng rng(3);
    std::vector<Request> all;
    for (int id = 1; id <= count; ++id) {
      Request request;
      request.id = static_cast<std::uint64_t>(id);
      for (std::uint64_t i = 5 + rng.below(80); i > 0; --i) {
        request.prompt.push_back(
            static_cast<Token>(rng.below(static_cast<std::uint64_t>(model.config.vocab))));
      }
      request.max_tokens = max_tokens;
      request.sampling = {.temperature = id % 2 == 0 ? 0.0f : 0.9f,
                          .top_p = id % 3 == 0 ? 0.8f : 1.0f,
                          .frequency = id % 5 == 0 ? 0.5f : 0.0f,
                          .seed = request.id};
      all.push_back(std::move(request));
    }
    return all;
  }

  struct Run {
    std::vector<std::vector<Token>> tokens;
    Counters counters;
  };
  Run run(const std::vector<Request>& asked, DraftModel* drafter) {
    ModelExecutor executor(weights, pool,
                           {.device_blocks = kBlocks, .max_rows = 96, .drafter = drafter});
    Config config{.slots = 8, .max_running = 8, .max_rows = 96, .max_drafts = kDrafts};
    if (drafter == nullptr) config.max_drafts = 0;
    config.block_tokens = static_cast<int>(model::kBlockTokens);
    config.device_blocks = kBlocks;
    config.time.draft_step_s = 0.3 * config.time.step_s;
    config.time.draft_row_s = 1e-5;
    State state(config);
    for (const Request& request : asked) submit(state, request, 0.0);
    Run out;
    out.tokens.resize(asked.size());
    Result result;
    double now_s = 0.0;
    for (const Plan* plan = &step(state, now_s); !plan->empty(); plan = &step(state, now_s)) {
      executor.run(*plan, result);
      result.seconds = plan->predicted_s;  // as if the model had the size that `config.time` says
      for (std::size_t i = 0; i < plan->work.size(); ++i) {
        auto& to = out.tokens[plan->work[i].request->id - 1];
        to.insert(to.end(), result.answer(i).begin(), result.answer(i).end());
      }
      complete(state, result);
      check_integrity(state);
      now_s += 0.04;
    }
    out.counters = state.counters;
    EXPECT_EQ(state.counters.ended, asked.size());
    return out;
  }

  model::MadeModel model{"llama"};
  text::Tokenizer tokenizer{model::tokenizer_of(model.file), model.file.path()};
  machine::ThreadPool pool{1};
  model::Weights weights{model.tensors, model.config, pool};
};

TEST_F(DraftModelTest, AModelIsAlwaysRightAboutItself) {
  const auto asked = requests(6, 60);
  const Run plain = run(asked, nullptr);
  DraftFile itself = open(model);
  TimeModel time;
  itself.add_cost(time);
  EXPECT_GT(time.draft_step_s, 0.0);
  const Run drafted = run(asked, &itself.drafter());
  EXPECT_EQ(drafted.tokens, plain.tokens);
  EXPECT_GT(drafted.counters.drafted, 200u);
  EXPECT_EQ(drafted.counters.accepted, drafted.counters.drafted);
  EXPECT_LT(3 * drafted.counters.steps, 2 * plain.counters.steps);
}

TEST_F(DraftModelTest, AnotherModelIsSoonLeftAlone) {
  const auto asked = requests(4, 220);
  const Run plain = run(asked, nullptr);
  const model::MadeModel other("llama", "f32", 77);
  DraftFile wrong = open(other);
  const Run drafted = run(asked, &wrong.drafter());
  EXPECT_EQ(drafted.tokens, plain.tokens);
  EXPECT_GT(drafted.counters.drafted, 10u);
  EXPECT_LT(drafted.counters.accepted, drafted.counters.drafted / 4);
  EXPECT_LT(drafted.counters.drafted, 100u) << "of 880 tokens";
}

TEST_F(DraftModelTest, WithLittleMemoryFewerGuesses) {
  const auto asked = requests(6, 60);
  const Run plain = run(asked, nullptr);
  DraftFile itself = open(model, 6);
  const Run drafted = run(asked, &itself.drafter());
  EXPECT_EQ(drafted.tokens, plain.tokens);
  EXPECT_EQ(drafted.counters.accepted, drafted.counters.drafted);
  EXPECT_LT(drafted.counters.drafted, 200u);
}

TEST_F(DraftModelTest, GoesOnWithWhatASlotHasRead) {
  DraftFile itself = open(model);
  const auto asked = requests(1, 60);
  std::vector<Token> tokens = asked[0].prompt;
  const auto propose = [&] {
    Drafts out;
    out.clear();
    const DraftJob job{.most = 3,
                       .tokens = tokens,
                       .prompt = static_cast<int>(asked[0].prompt.size()),
                       .request = &asked[0]};
    itself.drafter().propose({&job, 1}, out);
    return std::vector<Token>(out.of(0).begin(), out.of(0).end());
  };
  const auto first = propose();
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(propose(), first) << "the same question again";
  tokens.push_back(first[0]);
  const auto second = propose();
  EXPECT_EQ(second[0], first[1]);
  tokens.back() = first[0] == 7 ? 8 : 7;  // the model was wrong
  DraftFile fresh = open(model);
  const auto other = propose();
  std::swap(itself, fresh);
  EXPECT_EQ(propose(), other);
  tokens.resize(4);  // another request
  EXPECT_EQ(propose().size(), 3u);
}

TEST_F(DraftModelTest, AnotherVocabularyIsOneLine) {
  text::TokenizerSpec spec = model::tokenizer_of(model.file);
  spec.pieces[300] += "x";
  const text::Tokenizer other(spec);
  try {
    DraftFile(model.folder.path("m.gguf"), false, other, pool,
              {.blocks = 2, .slots = 1, .vocab = 512});
    FAIL() << "it was taken";
  } catch (const Error& refused) {
    EXPECT_NE(std::string(refused.what()).find("piece 300"), std::string::npos) << refused.what();
  }
}

}  // namespace
}  // namespace aisp::serve
