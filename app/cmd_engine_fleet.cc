// See cmd_engine_fleet.h.
#include "app/cmd_engine_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "serve/fleet_summary.h"

namespace aisp::app {
namespace {

using Json = nlohmann::json;

struct Row {
  std::string policy;
  bool admission = true;
  serve::FleetResult result;
  serve::FleetSummary summary;
};

std::string time(double seconds) { return format_time(seconds * 1e9); }

std::string settled(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.0f} s", *seconds) : "not";
}

serve::FleetGoals goals_of(const EngineFleetOptions& options) {
  serve::FleetGoals goals{.ttft_s = options.fleet.router.ttft_s,
                          .tpot_s = options.fleet.router.tpot_s,
                          .window_s = options.window_s};
  const serve::MadeTrace& made = options.made;
  if (options.trace.empty() && made.step_factor != 1.0) {
    goals.change_s = (made.step_at_s + made.step_for_s) / options.fleet.speed;
  }
  return goals;
}

std::string to_text(const std::vector<Row>& rows, const serve::FleetGoals& goals) {
  const bool step = goals.change_s >= 0;
  std::string text = fmt::format(
      "good: first token within {}, {} between tokens at most (mean); all times are virtual\n\n"
      "  {:<13} {:>5} {:>9} {:>6} {:>7} {:>7} | {:>9} {:>9} | {:>9} {:>9} | {:>6} {:>5} {:>5}{}\n",
      time(goals.ttft_s), time(goals.tpot_s), "policy", "admis", "goodput/s", "good", "refused",
      "w.taken", "TTFT p50", "p99", "TPOT p50", "p99", "cached", "busy", "level",
      step ? " |  settles: TTFT TPOT" : "");
  for (const Row& row : rows) {
    const serve::FleetSummary& s = row.summary;
    const auto share = [&](std::int64_t part) {
      return fmt::format("{:.1f} %",
                         100.0 * static_cast<double>(part) /
                             static_cast<double>(std::max<std::int64_t>(1, s.requests)));
    };
    text += fmt::format(
        "  {:<13} {:>5} {:>9.3f} {:>6} {:>7} {:>7} | {:>9} {:>9} | {:>9} {:>9} | {:>5.1f}% "
        "{:>4.0f}% "
        "{:>5.2f}",
        row.policy, row.admission ? "on" : "off", s.goodput_per_s, share(s.good),
        share(s.refused + s.late + s.too_long), share(s.wrongly_taken), time(s.ttft.p50),
        time(s.ttft.p99), time(s.tpot.p50), time(s.tpot.p99), 100.0 * s.hit_share,
        100.0 * s.busy_share, s.balance);
    if (step) {
      text += fmt::format(" | {:>13} {:>4}", settled(s.ttft_settles_s), settled(s.tpot_settles_s));
    }
    text += '\n';
    if (row.result.handed_over > 0) {
      text += fmt::format("  {:>13} {} decoded by another engine than their prompt's\n", "",
                          row.result.handed_over);
    }
    if (row.result.given_back > 0) {
      text += fmt::format("  {:>13} {} given back by the engine that drained\n", "",
                          row.result.given_back);
    }
    if (row.result.judged > 0) {
      text += fmt::format("  {:>13} {} of {} judged refusals would have been in time\n", "",
                          row.result.wrongly_refused, row.result.judged);
    }
  }
  return text;
}

Json to_json(const serve::Spread& spread) {
  return {{"p50", spread.p50}, {"p90", spread.p90}, {"p99", spread.p99}, {"max", spread.worst}};
}

Json to_json(const std::optional<double>& seconds) { return seconds ? Json(*seconds) : Json(); }

Json to_json(const Row& row, bool step) {
  const serve::FleetSummary& s = row.summary;
  Json json = {{"policy", row.policy},
               {"admission", row.admission},
               {"requests", s.requests},
               {"answered", s.answered},
               {"refused", s.refused},
               {"late", s.late},
               {"refused_too_long", s.too_long},
               {"good", s.good},
               {"offered_requests_per_s", s.offered_per_s},
               {"goodput_requests_per_s", s.goodput_per_s},
               {"wrongly_taken", s.wrongly_taken},
               {"refusals_judged", row.result.judged},
               {"wrongly_refused", row.result.wrongly_refused},
               {"ttft_s", to_json(s.ttft)},
               {"tpot_s", to_json(s.tpot)},
               {"prompt_share_cached", s.hit_share},
               {"busy_share", s.busy_share},
               {"busiest_over_mean", s.balance},
               {"handed_over", row.result.handed_over},
               {"given_back", row.result.given_back},
               {"busy_s", row.result.busy_s},
               {"virtual_s", row.result.virtual_s},
               {"real_s", row.result.real_s}};
  if (step) {
    json["ttft_settles_s"] = to_json(s.ttft_settles_s);
    json["tpot_settles_s"] = to_json(s.tpot_settles_s);
  }
  return json;
}

void add_fleet(CLI::App* fleet, EngineFleetOptions& options) {
  serve::FleetOptions& o = options.fleet;
  serve::RouterOptions& router = o.router;
  std::vector<std::string> names;
  for (const serve::Policy policy : serve::kPolicies) names.emplace_back(serve::name_of(policy));
  fleet->add_option("--engines", o.engines, "Engines of the fleet")->check(CLI::Range(1, 1024));
  fleet->add_option("--policy", options.policies, "Who gets a request; several by commas")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  fleet
      ->add_option("--admission", options.admissions,
                   "on: engines refuse what would be late; off; or both by commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"on", "off"}));
  fleet->add_option("--ttft", router.ttft_s, "Goal: first token within, s")
      ->check(CLI::PositiveNumber);
  fleet->add_option("--tpot", router.tpot_s, "Goal: mean time between tokens, s")
      ->check(CLI::PositiveNumber);
  fleet
      ->add_option("--prompt-engines", router.prompt_engines,
                   "fixed_split: so many compute prompts")
      ->check(CLI::Range(1, 1023));
  fleet->add_option("--long-engines", router.long_engines, "by_length: so many for long prompts")
      ->check(CLI::Range(1, 1023));
  fleet
      ->add_option("--long-tokens", router.long_tokens,
                   "by_length: a prompt of so many tokens is long")
      ->check(CLI::Range(1, 1 << 24));
  fleet
      ->add_option("--hand-over-tokens", router.hand_over_tokens,
                   "dynamic: a prompt of so many may be decoded elsewhere")
      ->check(CLI::Range(1, 1 << 24));
  fleet->add_option("--transfer-gb-per-s", "Keys and values to another engine, 64 KiB a token")
      ->check(CLI::Range(1e-3, 1e4))
      ->each([&router](const std::string& text) {
        router.transfer_token_s = 65536.0 / (std::stod(text) * 1e9);
      });
  fleet
      ->add_option("--telemetry-every", o.telemetry_every_s,
                   "Engines tell so often, s; 0: at each step")
      ->check(CLI::Range(0.0, 3600.0));
  fleet->add_option("--jitter", o.jitter, "Deviation of the logarithm of a step's time")
      ->check(CLI::Range(0.0, 2.0));
  fleet->add_option("--seed", o.seed, "Of jitter and made-up arrivals");
  fleet->add_option("--drain", o.drain_engine, "This engine drains")->check(CLI::Range(0, 1023));
  fleet->add_option("--drain-at", o.drain_at_s, "at this time, s")->check(CLI::Range(0.0, 1e9));
  fleet
      ->add_option("--hindsight", o.hindsight,
                   "Judge each so-many-th refusal in a copy of its engine; 0: none")
      ->check(CLI::Range(0, 1 << 20));
  fleet->add_option("--window", options.window_s, "Span by which settling is judged, s")
      ->check(CLI::Range(0.1, 3600.0));
  fleet->add_flag("--json", options.json, "As JSON");
}

void add_engines(CLI::App* fleet, serve::FleetOptions& options) {
  serve::Config& config = options.config;
  config.slots = 4096;
  config.device_blocks = 4096;
  config.max_running = 32;
  const auto positive = CLI::Range(1, 1 << 20);
  fleet->add_option("--blocks", config.device_blocks, "Blocks of an engine's memory")
      ->check(positive);
  fleet->add_option("--block-tokens", config.block_tokens, "Tokens of a block")
      ->check(CLI::Range(1, 1024));
  fleet->add_option("--max-running", config.max_running, "Requests with memory at a time")
      ->check(CLI::Range(1, 4096));
  fleet->add_option("--max-rows", config.max_rows, "Rows of a step")->check(positive);
  fleet->add_option("--slots", config.slots, "Requests in an engine; more are refused")
      ->check(positive);
}

void add_arrivals(CLI::App* fleet, EngineFleetOptions& options) {
  serve::MadeTrace& made = options.made;
  CLI::Option* trace =
      fleet->add_option("--trace", options.trace, "Azure, BurstGPT or Mooncake, as published");
  fleet->add_option("--shrink", options.fleet.shrink, "Prompts and answers so many times shorter")
      ->check(CLI::Range(1, 512));
  fleet->add_option("--speed", options.fleet.speed, "Arrivals so many times closer together")
      ->check(CLI::Range(1e-3, 1e6));
  fleet->add_option("--requests", options.fleet.requests, "Only the first so many; 0: all")
      ->check(CLI::NonNegativeNumber);
  const auto made_up = [&](const char* name, auto& value, const char* what) {
    return fleet->add_option(name, value, what)->excludes(trace);
  };
  const auto positive = CLI::Range(1e-6, 1e9);
  made_up("--rate", made.rate, "Made-up arrivals a second")->check(positive);
  made_up("--duration", made.duration_s, "for so long, s")->check(positive);
  made_up("--groups", made.groups, "Shared prefixes; 0: none")->check(CLI::Range(0, 1 << 20));
  made_up("--prefix-tokens", made.prefix_tokens, "of each, a multiple of 16")
      ->check(CLI::Range(0, 1 << 20));
  made_up("--prompt-tokens", made.prompt_mean, "Mean beyond the prefix, log-normal")
      ->check(positive);
  made_up("--prompt-deviation", made.prompt_deviation, "of it")->check(CLI::Range(0.0, 1e9));
  made_up("--answer-tokens", made.answer_mean, "Mean, log-normal")->check(positive);
  made_up("--answer-deviation", made.answer_deviation, "of it")->check(CLI::Range(0.0, 1e9));
  made_up("--step-factor", made.step_factor, "The rate changes by this factor")->check(positive);
  made_up("--step-at", made.step_at_s, "at this time, s")->check(CLI::Range(0.0, 1e9));
  made_up("--step-for", made.step_for_s, "for so long, s; 0: to the end")
      ->check(CLI::Range(0.0, 1e9));
}

}  // namespace

int cmd_engine_fleet(const EngineFleetOptions& options) {
  serve::MadeTrace made = options.made;
  made.seed = options.fleet.seed;
  const RequestTrace trace =
      options.trace.empty() ? serve::made_trace(made) : read_request_trace(options.trace);
  const serve::FleetGoals goals = goals_of(options);
  std::vector<Row> rows;
  for (const std::string& admission : options.admissions) {
    for (const std::string& policy : options.policies) {
      serve::FleetOptions fleet = options.fleet;
      fleet.router.policy = serve::policy_of(policy).value();
      fleet.admission = admission == "on";
      Row row{.policy = policy, .admission = fleet.admission};
      row.result = serve::run_fleet(trace, fleet);
      row.summary = summarize(row.result, goals);
      rows.push_back(std::move(row));
    }
  }
  if (options.json) {
    Json json = {{"schema", "aisp.engine_fleet"},
                 {"schema_version", 1},
                 {"engines", options.fleet.engines},
                 {"seed", options.fleet.seed},
                 {"ttft_goal_s", goals.ttft_s},
                 {"tpot_goal_s", goals.tpot_s},
                 {"runs", Json::array()}};
    if (!options.trace.empty()) json["trace"] = options.trace;
    for (const Row& row : rows) json["runs"].push_back(to_json(row, goals.change_s >= 0));
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  fmt::print("{} engines, {} requests, {:.3f} a second\n", options.fleet.engines,
             rows.front().summary.requests, rows.front().summary.offered_per_s);
  fmt::print("{}", to_text(rows, goals));
  return 0;
}

void add_engine_fleet(CLI::App* engine, EngineFleetOptions& options, int* code) {
  CLI::App* fleet = engine->add_subcommand(
      "fleet", "Several engines behind a router, in virtual time: policies beside each other");
  add_arrivals(fleet, options);
  add_fleet(fleet, options);
  add_engines(fleet, options.fleet);
  fleet->callback([&options, code] { *code = cmd_engine_fleet(options); });
}

}  // namespace aisp::app
