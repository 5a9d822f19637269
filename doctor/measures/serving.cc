// Measures of a running server, from the metrics it publishes (--metrics).
//
// Source: vLLM production metrics (vllm:*), SGLang production metrics (sglang:*).
#include <fmt/format.h>

#include <thread>

#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/prometheus.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

std::string needs_metrics(const Evidence& evidence) {
  return evidence.subject().metrics.empty() ? "no --metrics given" : "";
}

// Both ends of a window of the server's counters.
std::pair<Samples, Samples> scrape_twice(const Evidence& evidence, double seconds) {
  const std::string& url = evidence.subject().metrics;
  Samples first = fetch_samples(url, 2.0);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return {std::move(first), fetch_samples(url, 2.0)};
}

double grown(const std::pair<Samples, Samples>& scrapes, const std::string& name) {
  return total(scrapes.second, name) - total(scrapes.first, name);
}

Json measure_cache(const Evidence& evidence, double seconds) {
  const auto scrapes = scrape_twice(evidence, seconds);
  const Samples& now = scrapes.second;
  Json found = Json::object();
  for (const char* name :
       {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage"}) {
    if (has(now, name)) {
      found["usage"] = highest(now, name, 0.0);
      found["metric"] = name;
      break;
    }
  }
  found["preemptions"] = total(now, "vllm:num_preemptions_total");
  found["preemptions_grown"] = grown(scrapes, "vllm:num_preemptions_total");
  found["waiting"] = total(now, "vllm:num_requests_waiting") + total(now, "sglang:num_queue_reqs");
  const double asked = total(now, "vllm:prefix_cache_queries_total");
  if (asked > 0) found["prefix_hits"] = total(now, "vllm:prefix_cache_hits_total") / asked;
  return found;
}

Finding decide_cache(const Evidence&, const Json& found) {
  if (!found.contains("usage")) return cannot_see("the server publishes no KV cache usage");
  const double usage = found.at("usage").get<double>();
  const double growing = found.at("preemptions_grown").get<double>();
  std::vector<Reading> read = {
      {found.at("metric").get<std::string>(), format_percent(usage)},
      {"preemptions", fmt::format("{:.0f}, {:.0f} of them in the window",
                                  found.at("preemptions").get<double>(), growing)},
      {"requests waiting", fmt::format("{:.0f}", found.value("waiting", 0.0))}};
  if (found.contains("prefix_hits")) {
    read.push_back({"prefix cache", format_percent(found.at("prefix_hits").get<double>())});
  }
  if (growing > 0) {
    return warn(fmt::format("requests are preempted for want of KV cache ({} in use)",
                            format_percent(usage)),
                read, "each preempted request computes its prompt again");
  }
  if (usage > 0.9) {
    return warn(fmt::format("{} of the KV cache is in use", format_percent(usage)), read,
                "the next long prompt preempts another request");
  }
  return ok(fmt::format("{} of the KV cache is in use, no preemption", format_percent(usage)),
            read);
}

Json measure_goodput(const Evidence& evidence, double seconds) {
  const auto scrapes = scrape_twice(evidence, seconds);
  const Samples& now = scrapes.second;
  double finished = 0.0, dropped = 0.0;
  if (const auto all = now.find("vllm:request_success_total"); all != now.end()) {
    for (const Sample& sample : all->second) {
      const std::string reason = label_value(sample, "finished_reason");
      (reason == "abort" || reason == "error" ? dropped : finished) += sample.value;
    }
  } else {
    finished = total(now, "sglang:num_requests_total");
    dropped = total(now, "sglang:num_aborted_requests_total");
  }
  const double tokens = grown(scrapes, "vllm:generation_tokens_total") +
                        grown(scrapes, "sglang:generation_tokens_total");
  return {{"finished", finished},
          {"dropped", dropped},
          {"tokens_per_s", tokens / seconds},
          {"preemptions", total(now, "vllm:num_preemptions_total")},
          {"price_per_hour", evidence.subject().price_per_hour}};
}

Finding decide_goodput(const Evidence&, const Json& found) {
  const double finished = found.at("finished").get<double>();
  const double dropped = found.at("dropped").get<double>();
  if (finished + dropped <= 0) return cannot_see("the server counts no finished request");
  const double rate = found.at("tokens_per_s").get<double>();
  const double lost = dropped / (finished + dropped);
  const double again = found.at("preemptions").get<double>() / (finished + dropped);
  std::vector<Reading> read = {
      {"requests", fmt::format("{:.0f} finished, {:.0f} dropped", finished, dropped)},
      {"generated now", fmt::format("{:.3g} tokens/s", rate)},
      {"computed again", fmt::format("{:.3f} preemptions a request", again)}};
  const double price = found.value("price_per_hour", 0.0);
  if (price > 0 && rate > 0) {
    read.push_back({"--price-per-hour", fmt::format("{:.3g} tokens for one", rate * 3600 / price)});
  }
  if (lost > 0.05 || again > 0.05) {
    return warn(fmt::format("{} of the requests are dropped, {:.2f} preemptions a request",
                            format_percent(lost), again),
                read, "work that nobody gets");
  }
  return ok(
      fmt::format("{} of the requests finish; {:.3g} tokens/s now", format_percent(1 - lost), rate),
      read);
}

struct Stage {
  const char* name;
  std::vector<std::string> histograms;
};
const std::vector<Stage>& stages() {
  static const std::vector<Stage> all = {
      {"queue",
       {"vllm:request_queue_time_seconds", "sglang:queue_time_seconds",
        "tgi_request_queue_duration"}},
      {"prefill", {"vllm:request_prefill_time_seconds", "sglang:time_to_first_token_seconds"}},
      {"decode", {"vllm:request_decode_time_seconds", "tgi_request_inference_duration"}}};
  return all;
}

Json measure_stages(const Evidence& evidence, double) {
  const Samples now = fetch_samples(evidence.subject().metrics, 2.0);
  Json rows = Json::array();
  for (const Stage& stage : stages()) {
    const Histogram one = first_histogram(now, stage.histograms);
    if (one.count() <= 0) continue;
    rows.push_back({{"stage", stage.name},
                    {"requests", one.count()},
                    {"p50", quantile_of(one, 0.5)},
                    {"p95", quantile_of(one, 0.95)},
                    {"p99", quantile_of(one, 0.99)}});
  }
  return {{"stages", rows}};
}

Finding decide_stages(const Evidence&, const Json& found) {
  std::vector<Reading> read;
  double sum = 0.0, most = 0.0, queue = 0.0;
  std::string slowest;
  for (const Json& row : found.at("stages")) {
    const double p99 = row.at("p99").get<double>();
    const std::string name = row.at("stage").get<std::string>();
    read.push_back(
        {name,
         fmt::format("p50 {}, p95 {}, p99 {}", format_time(row.at("p50").get<double>() * 1e9),
                     format_time(row.at("p95").get<double>() * 1e9), format_time(p99 * 1e9))});
    sum += p99;
    if (name == "queue") queue = p99;
    if (p99 > most) {
      most = p99;
      slowest = name;
    }
  }
  if (read.size() < 2 || !(sum > 0))
    return cannot_see("the server has fewer than two stages on record");
  const std::string words =
      fmt::format("{} takes {:.0f} % of the stages' p99", slowest, 100 * most / sum);
  if (queue > 0.25 * sum) {
    return warn(
        fmt::format("{}; requests wait {} for their turn at p99", words, format_time(queue * 1e9)),
        read, "waiting, not work: more replicas or a larger batch");
  }
  return ok(words, read);
}

}  // namespace

std::vector<Measure> serving_measures() {
  return {
      {"kv-cache-pressure", needs_metrics, measure_cache, guarded<decide_cache>, 2.0},
      {"goodput", needs_metrics, measure_goodput, guarded<decide_goodput>, 2.0},
      {"stage-latency-percentiles", needs_metrics, measure_stages, guarded<decide_stages>, 1.0},
  };
}

}  // namespace aisp::doctor
