// See fleet.h.
#include "serve/fleet.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/rng.h"
#include "serve/adopt.h"
#include "serve/replay.h"
#include "serve/sim_executor.h"

namespace aisp::serve {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

double real_now_s() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// A prompt's blocks on their way to the engine that decodes.
struct Transfer {
  double at_s = 0.0;
  std::size_t request = 0;
  int engine = 0;
  std::vector<Token> tokens;            // the prompt and the first token
  std::vector<std::uint64_t> contents;  // of its full blocks
};

struct SimEngine {
  SimEngine(const FleetOptions& options, std::uint64_t number)
      : state(options.config),
        executor({.block_tokens = options.config.block_tokens,
                  .device_blocks = options.config.device_blocks,
                  .vocabulary = kTraceVocabulary,
                  .time = options.config.time}),
        jitter(derive_seed(options.seed, number)) {}

  // Plans and runs a step; false when there is nothing to do.
  bool start(double now_s, double sigma) {
    const Plan& plan = step(state, now_s);
    if (plan.empty()) return false;
    executor.run(plan, answers);
    if (sigma > 0) answers.seconds *= std::exp(sigma * jitter.normal());
    expected_end_s = now_s + plan.predicted_s;
    end_s = now_s + answers.seconds;
    return true;
  }

  State state;
  SimExecutor executor;
  Rng jitter;
  Result answers;
  double end_s = kNever, expected_end_s = 0.0;  // of the step under way
  bool awake = true;                            // something changed since an empty plan
  double busy_s = 0.0;
  bool untold = true;  // something changed since the last telemetry
  double told_s = -kNever;
  std::vector<Transfer> landing;  // blocks that wait for the end of a step
};

class Fleet {
 public:
  Fleet(const RequestTrace& trace, const FleetOptions& options)
      : trace_(trace), options_(options), count_(trace.requests.size()) {
    if (options.requests > 0) {
      count_ = std::min(count_, static_cast<std::size_t>(options.requests));
    }
    const auto engines = static_cast<std::uint64_t>(options.engines);
    engines_.reserve(engines);
    for (std::uint64_t i = 0; i < engines; ++i) engines_.emplace_back(options, i);
    view_.resize(engines_.size());
    cached_.resize(engines_.size());
    result_.requests.resize(count_);
    if (options.drain_engine >= 0) drain_at_s_ = options.drain_at_s;
  }

  FleetResult run() {
    const double begin_s = real_now_s();
    for (;;) {
      start_steps();
      const double next_s = next_event_s();
      if (next_s == kNever) break;
      now_s_ = next_s;
      for (SimEngine& engine : engines_) {
        if (engine.end_s <= now_s_) finish_step(engine);
      }
      land_transfers();
      if (drain_at_s_ <= now_s_) drain();
      while (next_ < count_ && arrival_s(next_) <= now_s_) arrive(next_++);
    }
    for (const FleetRequest& request : result_.requests) {
      check(request.outcomes == 1, "every request is answered once or refused once");
    }
    for (const SimEngine& engine : engines_) {
      check_integrity(engine.state);
      result_.busy_s.push_back(engine.busy_s);
    }
    result_.virtual_s = now_s_;
    result_.real_s = real_now_s() - begin_s;
    return std::move(result_);
  }

 private:
  double arrival_s(std::size_t i) const { return trace_.requests[i].arrival_s / options_.speed; }
  int answer_tokens(std::size_t i) const {
    return std::max(1, trace_.requests[i].output_tokens / options_.shrink);
  }
  SimEngine& at(int engine) { return engines_[static_cast<std::size_t>(engine)]; }

  double next_event_s() const {
    double next_s = std::min(drain_at_s_, next_ < count_ ? arrival_s(next_) : kNever);
    for (const SimEngine& engine : engines_) next_s = std::min(next_s, engine.end_s);
    for (const Transfer& transfer : travelling_) next_s = std::min(next_s, transfer.at_s);
    return next_s;
  }

  void start_steps() {
    for (SimEngine& engine : engines_) {
      if (engine.end_s != kNever) continue;
      land(engine);
      while (engine.awake && engine.end_s == kNever) {
        engine.awake = engine.start(now_s_, options_.jitter) || !engine.state.ended.empty();
        take_ended(engine);  // those who came too late
      }
    }
  }

  void finish_step(SimEngine& engine) {
    engine.busy_s += engine.answers.seconds;
    const Plan& plan = engine.state.plan;
    for (std::size_t i = 0; i < plan.work.size(); ++i) {
      const Work& work = plan.work[i];
      FleetRequest& request = result_.requests[work.request->id];
      for (const Token token : engine.answers.answer(i)) {
        request.answer = digest(request.answer, token);
        if (request.output_tokens++ > 0) continue;
        request.first_token_s = now_s_;
        const Slot& slot = engine.state.slots[static_cast<std::size_t>(work.slot)];
        if (slot.preemptions == 0) request.cached_tokens = slot.cached;
        if (answer_tokens(work.request->id) > work.request->max_tokens) {
          hand_over(engine, work, token);
        }
      }
    }
    complete(engine.state, engine.answers);
    engine.end_s = kNever;
    changed(engine);
    take_ended(engine);
  }

  static void changed(SimEngine& engine) { engine.awake = engine.untold = true; }

  void take_ended(SimEngine& engine) {
    for (const Ended& ended : engine.state.ended) {
      FleetRequest& request = result_.requests[ended.id];
      if (ended.finish == Finish::kLate) {
        conclude(request, Outcome::kLate);
      } else if (ended.finish != Finish::kCancelled &&
                 request.output_tokens == answer_tokens(ended.id)) {
        conclude(request, Outcome::kAnswered);
      }
    }
    engine.state.ended.clear();
  }

  void conclude(FleetRequest& request, Outcome outcome) {
    ++request.outcomes;
    request.outcome = outcome;
    request.end_s = now_s_;
  }

  // What every engine tells, as old as the options say.
  void listen() {
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      SimEngine& engine = engines_[i];
      if (!engine.untold || now_s_ < engine.told_s + options_.telemetry_every_s) continue;
      const bool draining = view_[i].draining;
      view_[i] = telemetry_of(engine.state);
      view_[i].draining = draining;
      view_[i].step_ends_s = engine.end_s == kNever ? 0.0 : engine.expected_end_s;
      engine.told_s = now_s_;
      engine.untold = false;
    }
  }

  void look_up(std::span<const Token> prompt) {
    const Policy policy = options_.router.policy;
    if (policy != Policy::kLeastTtft && policy != Policy::kDynamic) return;
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      cached_[i] = engines_[i].state.index.match(0, prompt).blocks * options_.config.block_tokens;
    }
  }

  void arrive(std::size_t number) {
    FleetRequest& request = result_.requests[number];
    request.arrival_s = arrival_s(number);
    request.prompt_tokens = std::max(1, trace_.requests[number].prompt_tokens / options_.shrink);
    const double tokens = static_cast<double>(request.prompt_tokens) + answer_tokens(number);
    if (tokens >
        static_cast<double>(options_.config.device_blocks) * options_.config.block_tokens) {
      return conclude(request, Outcome::kTooLong);
    }
    Request asked{.id = number,
                  .prompt = traced_prompt(trace_, number, options_.shrink),
                  .max_tokens = answer_tokens(number)};
    asked.sampling.seed = number;
    if (options_.admission) asked.first_token_by_s = request.arrival_s + options_.router.ttft_s;
    send(std::move(asked));
  }

  void send(Request asked) {
    listen();
    look_up(asked.prompt);
    FleetRequest& request = result_.requests[asked.id];
    const Route chosen = route(options_.config, options_.router, view_,
                               {request.prompt_tokens, cached_, turns_}, now_s_);
    if (chosen.engine < 0) return conclude(request, Outcome::kRefused);
    ++turns_[static_cast<std::size_t>(chosen.pool)];
    request.engine = request.decoder = chosen.engine;
    if (chosen.hand_over && options_.engines > 1) asked.max_tokens = 1;
    SimEngine& engine = at(chosen.engine);
    Request again;
    if (options_.hindsight > 0) again = asked;
    Telemetry& told = view_[static_cast<std::size_t>(chosen.engine)];
    const int to_compute = request.prompt_tokens - cached_[static_cast<std::size_t>(chosen.engine)];
    const Verdict verdict = submit(engine.state, std::move(asked), now_s_);
    if (verdict.slot >= 0) {
      changed(engine);
      ++told.waiting;  // the router knows what it sent
      told.queued_tokens += to_compute;
      return;
    }
    conclude(request, Outcome::kRefused);
    if (options_.hindsight > 0 && verdict.why == Verdict::Why::kTooLate &&
        ++refusals_ % options_.hindsight == 0) {
      ++result_.judged;
      result_.wrongly_refused += in_time_after_all(engine, std::move(again));
    }
  }

  // Newcomers do not matter to it: they are due later.
  bool in_time_after_all(const SimEngine& engine, Request request) const {
    SimEngine world = engine;
    const double by_s = request.first_token_by_s;
    const std::uint64_t id = request.id;
    request.patience_s = by_s - now_s_;  // the same place in the queue, and no refusal
    request.first_token_by_s = kNever;
    if (submit(world.state, std::move(request), now_s_).slot < 0) return false;
    double at_s = now_s_;
    if (world.end_s == kNever && !world.start(at_s, options_.jitter)) return false;
    while (world.end_s <= by_s) {
      at_s = world.end_s;
      for (const Work& work : world.state.plan.work) {
        if (work.emits && work.request->id == id) return true;
      }
      complete(world.state, world.answers);
      world.state.ended.clear();
      if (!world.start(at_s, options_.jitter)) return false;
    }
    return false;
  }

  // The prompt's blocks leave as they are now; the engine may forget them at once.
  void hand_over(SimEngine& from, const Work& work, Token first) {
    Transfer transfer{.request = work.request->id};
    listen();
    FleetRequest& request = result_.requests[transfer.request];
    transfer.engine =
        decoder_of(options_.config, options_.router, view_, request.engine, turns_[1]++);
    request.decoder = transfer.engine;
    ++view_[static_cast<std::size_t>(transfer.engine)].running;  // the router knows what it sent
    transfer.tokens.assign(work.tokens.begin(), work.tokens.begin() + request.prompt_tokens);
    transfer.tokens.push_back(first);
    const int full = request.prompt_tokens / options_.config.block_tokens;
    for (int i = 0; i < full; ++i) {
      const auto block = from.executor.block(work.blocks[static_cast<std::size_t>(i)]);
      transfer.contents.insert(transfer.contents.end(), block.begin(), block.end());
    }
    transfer.at_s = now_s_ + options_.router.transfer_s +
                    options_.router.transfer_token_s * request.prompt_tokens;
    travelling_.push_back(std::move(transfer));
    ++result_.handed_over;
  }

  void land_transfers() {
    for (std::size_t i = 0; i < travelling_.size();) {
      if (travelling_[i].at_s > now_s_) {
        ++i;
        continue;
      }
      at(travelling_[i].engine).landing.push_back(std::move(travelling_[i]));
      travelling_.erase(travelling_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  // Between steps: the blocks become a cached prefix, and the request goes on behind them.
  void land(SimEngine& engine) {
    std::vector<Transfer> left;
    for (Transfer& transfer : engine.landing) {
      if (engine.state.unused.empty()) {
        left.push_back(std::move(transfer));
        continue;
      }
      const std::size_t full = transfer.contents.size();
      const auto tokens = std::span<const Token>(transfer.tokens).first(full);
      const auto width = static_cast<std::ptrdiff_t>(options_.config.block_tokens);
      for (const auto& [place, block] : adopt_prefix(engine.state, 0, tokens)) {
        std::copy_n(transfer.contents.begin() + place * width, width,
                    engine.executor.block(block).begin());
      }
      Request asked{.id = transfer.request,
                    .prompt = std::move(transfer.tokens),
                    .max_tokens = answer_tokens(transfer.request) - 1,
                    .patience_s = 0.0};
      asked.sampling.seed = transfer.request;
      check(submit(engine.state, std::move(asked), now_s_).slot >= 0, "there is room for it");
      changed(engine);
    }
    engine.landing = std::move(left);
  }

  void drain() {
    drain_at_s_ = kNever;
    SimEngine& engine = at(options_.drain_engine);
    view_[static_cast<std::size_t>(options_.drain_engine)].draining = true;
    std::vector<Request> back;
    for (std::size_t slot = 0; slot < engine.state.slots.size(); ++slot) {
      const Slot& s = engine.state.slots[slot];
      const bool waits = s.stage == Stage::kWaiting || s.stage == Stage::kParked;
      if (!waits || s.preemptions > 0 || result_.requests[s.request.id].output_tokens > 0) continue;
      Request asked = s.request;
      asked.prompt = s.tokens;
      asked.max_tokens = answer_tokens(asked.id);
      check(cancel(engine.state, static_cast<int>(slot), asked.id), "it waited");
      back.push_back(std::move(asked));
    }
    take_ended(engine);
    changed(engine);
    std::ranges::sort(back, {}, &Request::id);
    result_.given_back = static_cast<std::int64_t>(back.size());
    for (Request& asked : back) send(std::move(asked));
  }

  const RequestTrace& trace_;
  const FleetOptions& options_;
  std::size_t count_;
  std::vector<SimEngine> engines_;
  std::vector<Telemetry> view_;  // the router's
  std::vector<int> cached_;
  std::array<std::uint64_t, 2> turns_{};
  std::vector<Transfer> travelling_;
  FleetResult result_;
  std::size_t next_ = 0;
  std::int64_t refusals_ = 0;
  double now_s_ = 0.0, drain_at_s_ = kNever;
};

}  // namespace

std::uint64_t digest(std::uint64_t before, Token token) {
  return derive_seed(before, static_cast<std::uint32_t>(token));
}

FleetResult run_fleet(const RequestTrace& trace, const FleetOptions& options) {
  const auto need = [](bool right, const char* what) {
    if (!right) throw Error(what, "fleet", "correct the options");
  };
  check_router(options.router, options.engines);
  need(options.engines <= 1024, "a fleet has 1024 engines at most");
  need(options.shrink >= 1 && options.speed > 0 && options.requests >= 0,
       "shrink, speed and requests are positive");
  need(options.config.host_blocks == 0, "engines of a fleet have no second tier");
  need(options.config.max_drafts == 0, "engines of a fleet do not guess");
  need(options.telemetry_every_s >= 0 && options.jitter >= 0 && options.hindsight >= 0,
       "times, jitter and hindsight are not negative");
  need(options.drain_engine < options.engines && options.drain_at_s >= 0,
       "the engine that drains is one of the fleet");
  return Fleet(trace, options).run();
}

}  // namespace aisp::serve
