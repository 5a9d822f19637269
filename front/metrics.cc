// See metrics.h.
#include "front/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace aisp::front {
namespace {

std::string head(std::string_view name, std::string_view type, std::string_view help) {
  return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

struct EngineRow {
  const char *name, *type, *help;
  double (*value)(const Metrics::Engine&);
};

double as_double(std::uint64_t count) { return static_cast<double>(count); }

using E = Metrics::Engine;
constexpr EngineRow kEngineRows[] = {
    {"aisp_requests_waiting", "gauge", "Requests without memory yet.",
     [](const E& e) { return static_cast<double>(e.occupancy.waiting); }},
    {"aisp_requests_running", "gauge", "Requests with memory.",
     [](const E& e) { return static_cast<double>(e.occupancy.running); }},
    {"aisp_kv_blocks", "gauge", "Blocks of keys and values.",
     [](const E& e) { return static_cast<double>(e.occupancy.blocks); }},
    {"aisp_kv_blocks_free", "gauge", "Blocks with nothing in them.",
     [](const E& e) { return static_cast<double>(e.occupancy.free_blocks); }},
    {"aisp_kv_blocks_cached", "gauge", "Blocks kept for prefixes, given up when wanted.",
     [](const E& e) { return static_cast<double>(e.occupancy.cached_blocks); }},
    {"aisp_engine_steps_total", "counter", "Steps of the model.",
     [](const E& e) { return as_double(e.counters.steps); }},
    {"aisp_engine_prompt_tokens_total", "counter", "Prompt tokens computed.",
     [](const E& e) { return as_double(e.counters.prompt_tokens); }},
    {"aisp_engine_decode_rows_total", "counter", "Rows of answers computed, drafts included.",
     [](const E& e) { return as_double(e.counters.decode_rows); }},
    {"aisp_engine_prefix_hit_tokens_total", "counter", "Prompt tokens found in the cache.",
     [](const E& e) { return as_double(e.counters.cached_tokens); }},
    {"aisp_engine_preemptions_total", "counter", "Requests that gave their memory back.",
     [](const E& e) { return as_double(e.counters.preemptions); }},
    {"aisp_engine_parked_total", "counter", "Times a request waited for another's prefix.",
     [](const E& e) { return as_double(e.counters.parked); }},
    {"aisp_engine_late_total", "counter", "Requests whose deadline passed in the queue.",
     [](const E& e) { return as_double(e.counters.late); }},
    {"aisp_engine_evicted_blocks_total", "counter", "Cached blocks given up.",
     [](const E& e) { return as_double(e.counters.evicted); }},
    {"aisp_engine_drafted_tokens_total", "counter", "Guessed tokens.",
     [](const E& e) { return as_double(e.counters.drafted); }},
    {"aisp_engine_accepted_tokens_total", "counter", "Guessed tokens that were right.",
     [](const E& e) { return as_double(e.counters.accepted); }},
    {"aisp_engine_submitted_total", "counter", "Requests taken in.",
     [](const E& e) { return as_double(e.counters.submitted); }},
    {"aisp_engine_ended_total", "counter", "Requests that ended.",
     [](const E& e) { return as_double(e.counters.ended); }}};

}  // namespace

void Histogram::add(double seconds, std::uint64_t times) {
  const auto bucket = std::ranges::lower_bound(kBounds, seconds) - kBounds.begin();
  counts_[static_cast<std::size_t>(bucket)] += times;
  count_ += times;
  sum_ += seconds * static_cast<double>(times);
}

std::string Histogram::text(std::string_view name, std::string_view labels) const {
  const std::string comma = labels.empty() ? "" : std::string(labels) + ",";
  std::string out;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    below += counts_[i];
    out += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, comma, kBounds[i], below);
  }
  const std::string braces = labels.empty() ? "" : fmt::format("{{{}}}", labels);
  return out + fmt::format("{0}_bucket{{{1}le=\"+Inf\"}} {2}\n{0}_sum{3} {4}\n{0}_count{3} {2}\n",
                           name, comma, count_, braces, sum_);
}

void Metrics::count_request(std::string_view endpoint, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{std::string(endpoint), status}];
}

void Metrics::count_refusal(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++refusals_[std::string(reason)];
}

void Metrics::count_route(std::string_view model, std::string_view why) {
  const std::lock_guard lock(mutex_);
  ++routes_[{std::string(model), std::string(why)}];
}

void Metrics::count_tokens(std::uint64_t prompt, std::uint64_t cached, std::uint64_t completion) {
  const std::lock_guard lock(mutex_);
  prompt_tokens_ += prompt;
  cached_tokens_ += cached;
  completion_tokens_ += completion;
}

void Metrics::add_stages(const Stages& stages) {
  const std::lock_guard lock(mutex_);
  const std::pair<const char*, double> parts[] = {{"parse", stages.parse},
                                                  {"queue", stages.queue},
                                                  {"prompt", stages.prompt},
                                                  {"decode", stages.decode},
                                                  {"write", stages.write}};
  for (const auto& [name, seconds] : parts) {
    if (seconds >= 0.0) stages_[name].add(seconds);
  }
  if (stages.first_token >= 0.0) first_token_.add(stages.first_token);
  if (stages.whole >= 0.0) whole_.add(stages.whole);
}

void Metrics::add_gap(double seconds, std::uint64_t tokens) {
  if (tokens == 0) return;
  const std::lock_guard lock(mutex_);
  gap_.add(seconds / static_cast<double>(tokens), tokens);
}

std::string Metrics::text(const std::vector<Gauge>& gauges,
                          const std::vector<Engine>& engines) const {
  const std::lock_guard lock(mutex_);
  std::string out = head("aisp_requests_total", "counter", "Answers by endpoint and status.");
  for (const auto& [key, count] : requests_) {
    out += fmt::format("aisp_requests_total{{endpoint=\"{}\",status=\"{}\"}} {}\n",
                       escaped(key.first), key.second, count);
  }
  out += head("aisp_refused_total", "counter", "Requests refused for want of room, by reason.");
  for (const auto& [reason, count] : refusals_) {
    out += fmt::format("aisp_refused_total{{reason=\"{}\"}} {}\n", escaped(reason), count);
  }
  if (!routes_.empty()) {
    out += head("aisp_routed_total", "counter", "Requests for which a policy chose the model.");
  }
  for (const auto& [key, count] : routes_) {
    out += fmt::format("aisp_routed_total{{model=\"{}\",why=\"{}\"}} {}\n", escaped(key.first),
                       escaped(key.second), count);
  }
  const std::tuple<const char*, const char*, std::uint64_t> tokens[] = {
      {"aisp_prompt_tokens_total", "Tokens of prompts.", prompt_tokens_},
      {"aisp_cached_tokens_total", "Of them, tokens found in the cache.", cached_tokens_},
      {"aisp_completion_tokens_total", "Tokens of answers.", completion_tokens_}};
  for (const auto& [name, help, count] : tokens) {
    out += head(name, "counter", help) + fmt::format("{} {}\n", name, count);
  }
  for (const Gauge& gauge : gauges) {
    out += head(gauge.name, "gauge", gauge.help) + fmt::format("{} {}\n", gauge.name, gauge.value);
  }
  for (const EngineRow& row : kEngineRows) {
    out += head(row.name, row.type, row.help);
    for (const Engine& engine : engines) {
      out += fmt::format("{}{{model=\"{}\"}} {}\n", row.name, escaped(engine.model),
                         row.value(engine));
    }
  }
  out += head("aisp_time_to_first_token_seconds", "histogram", "From the body to the first token.");
  out += first_token_.text("aisp_time_to_first_token_seconds", "");
  out += head("aisp_inter_token_seconds", "histogram", "Between tokens of an answer.");
  out += gap_.text("aisp_inter_token_seconds", "");
  out += head("aisp_request_seconds", "histogram", "From the body to the last byte.");
  out += whole_.text("aisp_request_seconds", "");
  out += head("aisp_stage_seconds", "histogram", "Parts of a request.");
  for (const auto& [stage, histogram] : stages_) {
    out += histogram.text("aisp_stage_seconds", fmt::format("stage=\"{}\"", stage));
  }
  return out;
}

}  // namespace aisp::front
