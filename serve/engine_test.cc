// The engine in real threads with SimExecutor: every answer is the request's own, from whichever
// thread and however it ends. Run it under the thread sanitizer too (-DAISP_SANITIZE=thread).
#include "serve/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/rng.h"
#include "serve/sim_executor.h"

namespace aisp::serve {
namespace {

constexpr int kBlocks = 64, kBlockTokens = 4;

Config small_config() {
  Config config{.slots = 24, .max_running = 8, .max_rows = 32, .max_drafts = 2};
  config.block_tokens = kBlockTokens;
  config.device_blocks = kBlocks;
  config.host_blocks = 16;
  config.time = {.step_s = 1e-4, .prompt_token_s = 1e-5, .decode_row_s = 1e-6};
  return config;
}

SimExecutor::Options sim_options(Drafter* drafter = nullptr) {
  return {.block_tokens = kBlockTokens,
          .device_blocks = kBlocks,
          .host_blocks = 16,
          .vocabulary = 5,
          .strict = true,
          .drafter = drafter};
}

Request request_of(std::uint64_t seed, int max_tokens = 12) {
  Rng rng(seed);
  Request request;
  for (std::uint64_t n = 4 + rng.below(40); n > 0; --n) {
    request.prompt.push_back(static_cast<Token>(rng.below(8) == 0));
  }
  request.max_tokens = max_tokens;
  request.sampling.seed = rng.below(4);
  return request;
}

// Gathers what comes back, by the caller's own number.
class Answers {
 public:
  Engine::Callback take(int number) {
    return [this, number](const Event& event) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(finish_.contains(number)) << "an event after the last";
      auto& tokens = tokens_[number];
      tokens.insert(tokens.end(), event.tokens.begin(), event.tokens.end());
      if (event.ended) finish_[number] = event.finish;
      threads_.insert({std::this_thread::get_id(), true});
      return true;
    };
  }
  std::vector<Token> tokens(int number) {
    const std::lock_guard lock(mutex_);
    return tokens_[number];
  }
  std::optional<Finish> finish(int number) {
    const std::lock_guard lock(mutex_);
    const auto found = finish_.find(number);
    return found == finish_.end() ? std::nullopt : std::optional(found->second);
  }
  std::size_t threads() const { return threads_.size(); }

 private:
  std::mutex mutex_;
  std::map<int, std::vector<Token>> tokens_;
  std::map<int, Finish> finish_;
  std::map<std::thread::id, bool> threads_;
};

TEST(Engine, AnswersManyThreads) {
  PromptLookup lookup;
  SimExecutor executor(sim_options(&lookup));
  const SimExecutor alone(sim_options());
  Answers answers;
  std::atomic<int> refused = 0, cancelled = 0;
  Engine engine({.config = small_config(), .executor = &executor});
  const auto client = [&](int thread) {
    Rng rng(static_cast<std::uint64_t>(thread));
    for (int i = 0; i < 100; ++i) {
      const int number = thread * 1000 + i;
      const auto seed = static_cast<std::uint64_t>(number);
      Ticket ticket = engine.submit(request_of(seed), answers.take(number));
      while (ticket.verdict.slot < 0) {
        ++refused;
        EXPECT_EQ(ticket.verdict.why, Verdict::Why::kQueueFull);
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        ticket = engine.submit(request_of(seed), answers.take(number));
      }
      if (rng.below(6) == 0) cancelled += engine.cancel(ticket);
    }
  };
  std::vector<std::thread> clients;
  for (int thread = 0; thread < 4; ++thread) clients.emplace_back(client, thread);
  for (std::thread& thread : clients) thread.join();
  engine.drain();
  int ended_by_cancel = 0;
  for (int thread = 0; thread < 4; ++thread) {
    for (int i = 0; i < 100; ++i) {
      const int number = thread * 1000 + i;
      ASSERT_TRUE(answers.finish(number).has_value()) << number;
      std::vector<Token> right = alone.alone(request_of(static_cast<std::uint64_t>(number)));
      const std::vector<Token> got = answers.tokens(number);
      if (*answers.finish(number) == Finish::kCancelled) {
        ++ended_by_cancel;
        right.resize(got.size());
      }
      EXPECT_EQ(got, right);
    }
  }
  EXPECT_EQ(ended_by_cancel, cancelled);
  EXPECT_EQ(answers.threads(), 1u);
  const Counters counters = engine.counters();
  EXPECT_EQ(counters.submitted, counters.ended);
  EXPECT_GT(counters.cached_tokens, 0u);
  EXPECT_GT(counters.accepted, 0u);
}

// Drafts, stop tokens in the middle of an answer, callbacks that come late: each token has its own.
TEST(Engine, LogProbabilitiesComeWithTheirTokens) {
  PromptLookup lookup;
  SimExecutor executor(sim_options(&lookup));
  std::atomic<int> ended = 0;
  Engine engine({.config = small_config(), .executor = &executor});
  for (int i = 0; i < 12; ++i) {
    Request request = request_of(static_cast<std::uint64_t>(i), 40);
    request.sampling.logprobs = i % 4 - 1;
    request.stop_tokens = {4};
    const auto each = static_cast<std::size_t>(request.sampling.logprob_entries());
    engine.submit(request, [&, each](const Event& event) {
      EXPECT_EQ(event.logprobs.size(), each * event.tokens.size());
      for (std::size_t j = 0; j < event.logprobs.size(); ++j) {
        EXPECT_EQ(event.logprobs[j].token, event.tokens[j / each]);
        EXPECT_EQ(event.logprobs[j].value, -static_cast<float>(j % each));
      }
      EXPECT_EQ(event.problem, "");
      ended += event.ended;
      return true;
    });
  }
  engine.drain();
  EXPECT_EQ(ended, 12);
}

// Slow on purpose, so that tests know a plan to be in flight.
class SlowExecutor : public Executor {
 public:
  explicit SlowExecutor(std::chrono::milliseconds each) : sim_(sim_options()), each_(each) {}
  void run(const Plan& plan, Result& result) override {
    std::this_thread::sleep_for(each_);
    sim_.run(plan, result);
    if (++runs == fails_at) throw Error("the memory is full", "device", "");
  }
  std::atomic<int> runs = 0;
  int fails_at = -1;

 private:
  SimExecutor sim_;
  std::chrono::milliseconds each_;
};

TEST(Engine, AnswersSubmissionsDuringAStep) {
  SlowExecutor executor(std::chrono::milliseconds(60));
  Answers answers;
  Engine engine({.config = small_config(), .executor = &executor});
  const Ticket first = engine.submit(request_of(1, 200), answers.take(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto begin = std::chrono::steady_clock::now();
  Request late = request_of(2);
  late.first_token_by_s = engine.now_s() - 1.0;
  const Ticket refused = engine.submit(late, answers.take(2));
  Request long_one = request_of(3);
  long_one.prompt.resize(kBlocks * kBlockTokens + 1);
  const Ticket too_long = engine.submit(long_one, answers.take(3));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(45));
  EXPECT_EQ(refused.verdict.why, Verdict::Why::kTooLate);
  EXPECT_GT(refused.verdict.retry_after_s, 0.9);
  EXPECT_EQ(too_long.verdict.why, Verdict::Why::kTooLong);
  EXPECT_TRUE(engine.cancel(first));
  EXPECT_FALSE(engine.cancel(first));
  engine.drain();
  EXPECT_EQ(answers.finish(1), Finish::kCancelled);
}

TEST(Engine, SaysWhenARequestBeganAndWhatItHolds) {
  SimExecutor executor(sim_options());
  Engine engine({.config = small_config(), .executor = &executor});
  EXPECT_EQ(engine.occupancy().free_blocks, kBlocks);
  const double before_s = engine.now_s();
  std::vector<Event> last(2);
  Occupancy during;
  for (std::size_t i = 0; i < 2; ++i) {
    Request request = request_of(3);
    request.prompt.resize(3 * kBlockTokens, 1);
    engine.submit(std::move(request), [&, i](const Event& event) {
      last[i] = event;
      if (!event.ended) during = engine.occupancy();
      return true;
    });
    engine.drain();
  }
  EXPECT_GE(last[0].started_s, before_s);
  EXPECT_GE(last[1].started_s, last[0].started_s);
  EXPECT_EQ(last[0].cached, 0);
  EXPECT_GE(last[1].cached, 2 * kBlockTokens) << "the first request left its blocks behind";
  EXPECT_EQ(during.blocks, kBlocks);
  const Occupancy after = engine.occupancy();
  EXPECT_EQ(after.running + after.waiting, 0);
  EXPECT_EQ(after.free_blocks + after.cached_blocks, kBlocks) << "nobody holds a block";
}

TEST(Engine, ACallbackCanStopItsRequest) {
  SimExecutor executor(sim_options());
  std::vector<Token> got;
  std::atomic<bool> ended = false;
  Finish finish = Finish::kFailed;
  {
    SlowExecutor slow(std::chrono::milliseconds(1));
    Engine engine({.config = small_config(), .executor = &slow});
    engine.submit(request_of(4, 200), [&](const Event& event) {
      got.insert(got.end(), event.tokens.begin(), event.tokens.end());
      if (event.ended) finish = event.finish;
      ended = event.ended;
      return got.size() < 5;
    });
    engine.drain();
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(finish, Finish::kStop);
  EXPECT_GE(got.size(), 5u);
  EXPECT_LT(got.size(), 60u);
}

TEST(Engine, SlowCallbacksRefuseNewcomersAndDelayNoStep) {
  SlowExecutor executor(std::chrono::milliseconds(0));
  std::atomic<bool> open = false;
  std::atomic<int> ended = 0, refused = 0;
  {
    Engine engine({.config = small_config(), .executor = &executor});
    for (int i = 0; i < 200; ++i) {
      const Ticket ticket =
          engine.submit(request_of(static_cast<std::uint64_t>(i), 3), [&](const Event& event) {
            while (!open) std::this_thread::yield();
            ended += event.ended;
            return true;
          });
      refused += ticket.verdict.slot < 0;
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    EXPECT_GT(executor.runs, 3);  // steps went on
    open = true;
    engine.drain();
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(ended + refused, 200);
}

TEST(Engine, AFailingExecutorEndsEveryRequest) {
  SlowExecutor executor(std::chrono::milliseconds(1));
  executor.fails_at = 3;
  Answers answers;
  Engine engine({.config = small_config(), .executor = &executor});
  engine.submit(request_of(5, 200), answers.take(1));
  engine.submit(request_of(6, 200), answers.take(2));
  engine.drain();
  EXPECT_EQ(answers.finish(1), Finish::kFailed);
  EXPECT_EQ(answers.finish(2), Finish::kFailed);
  EXPECT_THROW(engine.submit(request_of(7), answers.take(3)), Error);
}

// Ends the second of its requests in the third run that it is in, as a grammar does.
class EndingExecutor : public SimExecutor {
 public:
  EndingExecutor() : SimExecutor(sim_options()) {}
  void run(const Plan& plan, Result& result) override {
    SimExecutor::run(plan, result);
    for (std::size_t i = 0; i < plan.work.size(); ++i) {
      const Work& work = plan.work[i];
      if (work.request->max_tokens == 50 && work.known + work.first - work.prompt >= 3) {
        result.endings.push_back({i, Finish::kGrammar, "too many ways"});
      }
    }
  }
};

TEST(Engine, AnEndingEndsItsRequestAlone) {
  EndingExecutor executor;
  const SimExecutor alone(sim_options());
  Answers answers;
  std::string problem;
  Engine engine({.config = small_config(), .executor = &executor});
  engine.submit(request_of(5, 40), answers.take(1));
  engine.submit(request_of(6, 50), [&](const Event& event) {
    if (event.ended) problem = event.problem;
    return answers.take(2)(event);
  });
  engine.drain();
  EXPECT_EQ(answers.finish(1), Finish::kLength);
  EXPECT_EQ(answers.tokens(1), alone.alone(request_of(5, 40)));
  EXPECT_EQ(answers.finish(2), Finish::kGrammar);
  EXPECT_EQ(answers.tokens(2).size(), 4u);
  EXPECT_EQ(problem, "too many ways");
  EXPECT_EQ(engine.failure(), "");
}

TEST(Engine, EndsInTheMiddle) {
  for (int round = 0; round < 20; ++round) {
    SlowExecutor executor(std::chrono::milliseconds(round % 3));
    Answers answers;
    {
      Engine engine({.config = small_config(), .executor = &executor});
      for (int i = 0; i < 10; ++i) {
        engine.submit(request_of(static_cast<std::uint64_t>(i), 100), answers.take(i));
      }
    }
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(answers.finish(i).has_value());
  }
}

TEST(Engine, CallbacksMayAskWhileItEnds) {
  for (int round = 0; round < 30; ++round) {
    SimExecutor executor(sim_options());
    std::atomic<int> refused = 0;
    {
      Engine engine({.config = small_config(), .executor = &executor});
      for (int i = 0; i < 8; ++i) {
        engine.submit(request_of(static_cast<std::uint64_t>(i), 400), [&](const Event& event) {
          if (!event.ended) return round % 2 == 0;
          if (engine.submit(request_of(9, 4), [](const Event&) { return true; }).verdict.slot < 0) {
            ++refused;
          }
          return true;
        });
      }
      std::this_thread::sleep_for(std::chrono::microseconds(100 * (round % 5)));
    }
    EXPECT_LE(refused, 8);
  }
}

TEST(Engine, RefusesABadConfiguration) {
  SimExecutor executor(sim_options());
  Config config = small_config();
  config.max_rows = 1;
  EXPECT_THROW(Engine({.config = config, .executor = &executor}), Error);
}

}  // namespace
}  // namespace aisp::serve
