// See cmd_engine.h.
#include "app/cmd_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/request_trace.h"
#include "base/units.h"
#include "serve/cache_study.h"
#include "serve/fleet_summary.h"

namespace aisp::app {
namespace {

using Json = nlohmann::json;

constexpr std::pair<const char*, serve::Eviction> kPolicies[] = {
    {"last-use", serve::Eviction::kLastUse}, {"frequency", serve::Eviction::kFrequency}};

using serve::Spread;
using serve::spread_of;

// All figures of a replay, times in seconds.
struct Summary {
  Spread ttft, tpot, itl, step_us;
  double requests_per_s = 0.0, output_per_s = 0.0, prompt_per_s = 0.0;
  double cached = 0.0, ideal = 0.0;  // shares of the prompts' tokens
  double goodput_per_s = 0.0;        // requests whose first token was in time
  std::int64_t first_token_late = 0;
};

Summary summarize(const serve::ReplayResult& result, double within_s) {
  Summary summary;
  std::vector<double> ttft, tpot;
  for (const serve::ReplayedRequest& request : result.requests) {
    ttft.push_back(request.first_token_s - request.arrival_s);
    summary.first_token_late += within_s > 0 && ttft.back() > within_s;
    if (request.output_tokens > 1) {
      tpot.push_back((request.end_s - request.first_token_s) / (request.output_tokens - 1));
    }
  }
  summary.ttft = spread_of(std::move(ttft));
  summary.tpot = spread_of(std::move(tpot));
  summary.itl = spread_of({result.gaps_s.begin(), result.gaps_s.end()});
  summary.step_us = spread_of({result.step_us.begin(), result.step_us.end()});
  const double seconds = std::max(result.virtual_s, 1e-9);
  summary.requests_per_s = static_cast<double>(result.requests.size()) / seconds;
  summary.goodput_per_s =
      summary.requests_per_s - static_cast<double>(summary.first_token_late) / seconds;
  summary.output_per_s = static_cast<double>(result.output_tokens) / seconds;
  summary.prompt_per_s = static_cast<double>(result.prompt_tokens) / seconds;
  const double prompt = std::max<double>(1.0, static_cast<double>(result.prompt_tokens));
  summary.cached = static_cast<double>(result.cached_tokens) / prompt;
  summary.ideal = static_cast<double>(result.ideal_tokens) / prompt;
  return summary;
}

Json to_json(const Spread& spread) {
  return {{"p50", spread.p50}, {"p90", spread.p90}, {"p99", spread.p99}, {"max", spread.worst}};
}

Json to_json(const serve::ReplayResult& result, const Summary& summary) {
  return {{"schema", "aisp.engine_simulation"},
          {"schema_version", 1},
          {"answered", result.requests.size()},
          {"refused", result.refused},
          {"refused_too_long", result.refused_too_long},
          {"late", result.late},
          {"first_token_late", summary.first_token_late},
          {"wrongly_refused", result.wrongly_refused},
          {"goodput_requests_per_s", summary.goodput_per_s},
          {"virtual_s", result.virtual_s},
          {"real_s", result.real_s},
          {"requests_per_s", summary.requests_per_s},
          {"output_tokens_per_s", summary.output_per_s},
          {"prompt_tokens_per_s", summary.prompt_per_s},
          {"ttft_s", to_json(summary.ttft)},
          {"tpot_s", to_json(summary.tpot)},
          {"itl_s", to_json(summary.itl)},
          {"prompt_share_cached", summary.cached},
          {"prompt_share_ideal", summary.ideal},
          {"steps", result.counters.steps},
          {"preemptions", result.counters.preemptions},
          {"waited_for_a_block", result.counters.parked},
          {"blocks_evicted", result.counters.evicted},
          {"blocks_to_host", result.counters.to_host},
          {"blocks_from_host", result.counters.from_host},
          {"scheduler_step_us", to_json(summary.step_us)}};
}

std::string time_row(const char* name, const char* meaning, const Spread& spread) {
  const auto time = [](double seconds) { return format_time(seconds * 1e9); };
  return fmt::format("  {:<5} {:>9} {:>9} {:>9} {:>9}   {}\n", name, time(spread.p50),
                     time(spread.p90), time(spread.p99), time(spread.worst), meaning);
}

std::string to_text(const serve::ReplayResult& result, const Summary& summary) {
  const serve::Counters& counters = result.counters;
  std::string text = fmt::format(
      "{} requests answered in {} of virtual time ({} of real time, {:.0f} times as quick)\n",
      result.requests.size(), format_time(result.virtual_s * 1e9), format_time(result.real_s * 1e9),
      result.virtual_s / std::max(result.real_s, 1e-9));
  if (result.refused + result.late + result.refused_too_long > 0) {
    text += fmt::format("{} refused at once, {} not begun in time, {} too long for the memory\n",
                        result.refused, result.late, result.refused_too_long);
  }
  if (summary.first_token_late > 0) {
    text += fmt::format("{} were answered too late\n", summary.first_token_late);
  }
  if (result.wrongly_refused > 0) {
    text += fmt::format("{} were refused although they would have been in time\n",
                        result.wrongly_refused);
  }
  text += fmt::format("{} and {} of prompts, {}\n\n", format_rate(summary.output_per_s, "tokens/s"),
                      format_rate(summary.prompt_per_s, "tokens/s"),
                      format_rate(summary.requests_per_s, "requests/s"));
  text += fmt::format("        {:>9} {:>9} {:>9} {:>9}\n", "p50", "p90", "p99", "max");
  text += time_row("TTFT", "from arrival to the first token", summary.ttft);
  text += time_row("TPOT", "mean time between a request's tokens", summary.tpot);
  text += time_row("ITL", "every time between two tokens of a request", summary.itl);
  text +=
      fmt::format("\n{} of the prompts' tokens came from the cache ({} with unlimited memory)\n",
                  format_percent(summary.cached), format_percent(summary.ideal));
  text += fmt::format(
      "{} steps, {} preemptions, {} waits for a neighbour's block, {} blocks evicted, {} brought "
      "back\n",
      counters.steps, counters.preemptions, counters.parked, counters.evicted, counters.from_host);
  text +=
      fmt::format("the scheduler's part of a step: p50 {}, p99 {}\n",
                  format_time(summary.step_us.p50 * 1e3), format_time(summary.step_us.p99 * 1e3));
  return text;
}

int print_cache_study(const RequestTrace& trace, double share) {
  const serve::CacheReplay best = serve::clairvoyant_cache(trace, share);
  fmt::print("{} full blocks in the prompts, {} distinct, {} of them in memory\n", best.blocks,
             best.distinct, format_percent(share));
  double last_use = 0.0;
  for (const auto& [name, policy] : kPolicies) {
    const serve::CacheReplay cache = serve::replay_cache(trace, share, policy);
    if (policy == serve::Eviction::kLastUse) last_use = cache.found;
    fmt::print("{:<14} finds {}", name, format_percent(cache.found));
    if (policy != serve::Eviction::kLastUse && best.found > last_use) {
      const double gap = (cache.found - last_use) / (best.found - last_use);
      fmt::print(", {:+.2f} points: {} of the way from last-use to clairvoyant",
                 100.0 * (cache.found - last_use), format_percent(gap));
    }
    fmt::print("\n");
  }
  fmt::print("clairvoyant    finds {}\nunlimited      finds {}\n", format_percent(best.found),
             format_percent(best.ideal));
  return 0;
}

}  // namespace

int cmd_engine_simulate(const SimulateOptions& options) {
  const RequestTrace trace = read_request_trace(options.trace);
  if (options.cache_study > 0) return print_cache_study(trace, options.cache_study);
  serve::ReplayOptions replay = options.replay;
  for (const auto& [name, policy] : kPolicies) {
    if (options.eviction == name) replay.config.eviction = policy;
  }
  replay.config.time.step_s = options.step_ms * 1e-3;
  replay.config.time.decode_row_s = options.row_ms * 1e-3;
  replay.config.time.context_token_s = options.context_us * 1e-6;
  replay.config.time.prompt_token_s = 1.0 / options.prompt_tokens_per_s;
  const serve::ReplayResult result = serve::replay(trace, replay);
  const Summary summary = summarize(result, replay.first_token_within_s);
  if (options.json) {
    Json json = to_json(result, summary);
    json["trace"] = options.trace;
    json["format"] = name_of(trace.format);
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  fmt::print("{}: {}, {} requests over {}\n", options.trace, name_of(trace.format),
             trace.requests.size(), format_time(trace.requests.back().arrival_s * 1e9));
  fmt::print("{}", to_text(result, summary));
  return 0;
}

namespace {

void add_simulate(CLI::App* engine, SimulateOptions& options, int* code) {
  CLI::App* simulate = engine->add_subcommand(
      "simulate", "Replay a recorded trace on the real scheduler, in virtual time");
  serve::Config& config = options.replay.config;
  config.slots = 4096;
  config.device_blocks = 65'536;
  simulate->add_option("--trace", options.trace, "Azure, BurstGPT or Mooncake, as published")
      ->required();
  const auto positive = CLI::Range(1, 1 << 24);
  simulate
      ->add_option("--shrink", options.replay.shrink, "Prompts and answers so many times shorter")
      ->check(CLI::Range(1, 512));
  simulate->add_option("--speed", options.replay.speed, "Arrivals so many times closer together")
      ->check(CLI::Range(1e-3, 1e6));
  simulate->add_option("--requests", options.replay.requests, "Only the first so many; 0: all")
      ->check(CLI::NonNegativeNumber);
  simulate
      ->add_option("--first-token-within", options.replay.first_token_within_s,
                   "Deadline of each request in seconds; 0: none")
      ->check(CLI::NonNegativeNumber);
  simulate->add_flag("--hindsight", options.replay.hindsight,
                     "Judge each refusal by a copy of the world that takes the request in");
  simulate->add_option("--blocks", config.device_blocks, "Blocks of memory")->check(positive);
  simulate->add_option("--host-blocks", config.host_blocks, "Blocks of the second tier")
      ->check(CLI::Range(0, 1 << 24));
  simulate->add_option("--block-tokens", config.block_tokens, "Tokens of a block")
      ->check(CLI::Range(1, 1024));
  simulate->add_option("--max-running", config.max_running, "Requests with memory at a time")
      ->check(CLI::Range(1, 4096));
  simulate->add_option("--max-rows", config.max_rows, "Rows of a step")->check(positive);
  simulate->add_option("--slots", config.slots, "Requests in the system; more are refused")
      ->check(CLI::Range(1, 1 << 20));
  simulate->add_option("--eviction", options.eviction, "last-use or frequency")
      ->check(CLI::IsMember({"last-use", "frequency"}));
  simulate->add_flag("!--no-prefix-cache", config.share_prefixes, "Compute every prompt whole");
  simulate->add_option("--step-ms", options.step_ms, "Time of a step without rows")
      ->check(CLI::PositiveNumber);
  simulate->add_option("--row-ms", options.row_ms, "Time of one more row of a running stream")
      ->check(CLI::PositiveNumber);
  simulate->add_option("--context-us", options.context_us, "Time of reading one token's context")
      ->check(CLI::NonNegativeNumber);
  simulate->add_option("--prompt-rate", options.prompt_tokens_per_s, "Prompt tokens a second")
      ->check(CLI::PositiveNumber);
  simulate
      ->add_option("--cache-study", options.cache_study,
                   "Only the cache, with this share of the distinct blocks as memory")
      ->check(CLI::Range(1e-4, 1.0));
  simulate->add_flag("--json", options.json, "As JSON");
  simulate->callback([&options, code] { *code = cmd_engine_simulate(options); });
}

void add_step_time(CLI::App* engine, StepTimeOptions& options, int* code) {
  CLI::App* times = engine->add_subcommand(
      "step-time", "What the scheduler itself costs in a step of many streams");
  times->add_option("--running", options.load.running, "Streams")->check(CLI::Range(1, 4096));
  times->add_option("--steps", options.steps, "Samples")->check(CLI::Range(100, 10'000'000));
  times
      ->add_option("--blocks", options.load.device_blocks,
                   "Blocks of memory; fewer than the streams need cause preemptions")
      ->check(CLI::Range(64, 1 << 20));
  times->add_option("--host-blocks", options.load.host_blocks, "Blocks of the second tier")
      ->check(CLI::Range(0, 1 << 20));
  times
      ->add_option("--sweep-mib", options.sweep_mib,
                   "Read so much memory before each half of a step, as a model would")
      ->check(CLI::Range(0, 4096));
  times->callback([&options, code] { *code = cmd_engine_step_time(options); });
}

}  // namespace

void add_engine(CLI::App& root, EngineOptions& options, int* code) {
  CLI::App* engine = root.add_subcommand("engine", "The engine that serves models");
  engine->require_subcommand(1);
  add_simulate(engine, options.simulate, code);
  add_step_time(engine, options.step_time, code);
  add_engine_fleet(engine, options.fleet, code);
}

}  // namespace aisp::app
