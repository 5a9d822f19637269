// Measures that run the user's command again and again: warm-up, tail, energy.
//
// Source: Linux Documentation/power/powercap (intel-rapl, energy_uj).
#include <fmt/format.h>

#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/prometheus.h"
#include "doctor/measures/user_command.h"
#include "doctor/paths.h"
#include "doctor/stored_runs.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr double kRepeatSeconds = 15.0;

std::string needs_command(const Evidence& evidence) {
  return evidence.subject().command.empty() ? "no --command given" : "";
}

Json measure_repeated(const Evidence& evidence, double seconds) {
  return repeated(evidence.subject().command, seconds);
}

std::vector<double> tail_of(std::vector<double> all, std::size_t from) {
  all.erase(all.begin(), all.begin() + static_cast<long>(std::min(from, all.size())));
  return all;
}

Finding decide_cold(const Evidence&, const Json& found) {
  const auto all = values(found, "seconds");
  constexpr std::size_t kFewest = 4;
  if (all.size() < kFewest) return cannot_see("fewer than four runs fit into the time");
  const double steady = median(tail_of(all, all.size() / 2)), first = all.front();
  if (!(steady > 0)) return cannot_see("runs take no time");
  const std::vector<Reading> read = {
      {"first run", format_time(first * 1e9)},
      {"steady median", fmt::format("{} of {} runs", format_time(steady * 1e9), all.size())}};
  const std::string words =
      fmt::format("the first run takes {} the steady ones", format_ratio(first / steady));
  if (first <= 3.0 * steady) return ok(words, read);
  return warn(words, read,
              fmt::format("{} before the first answer", format_time((first - steady) * 1e9)));
}

Finding decide_served_tail(const Json& found) {
  const double requests = found.at("requests").get<double>();
  if (requests < 100) return cannot_see("the server has answered fewer than 100 requests");
  const double p50 = found.at("p50").get<double>(), p99 = found.at("p99").get<double>();
  if (!(p50 > 0)) return cannot_see("the server's histogram has no median");
  const std::vector<Reading> read = {
      {"--metrics", fmt::format("{:.0f} requests: p50 {}, p99 {}", requests, format_time(p50 * 1e9),
                                format_time(p99 * 1e9))}};
  const std::string words = fmt::format("p99 is {} the median", format_ratio(p99 / p50));
  if (p99 <= 5.0 * p50) return ok(words, read);  // lengths of answers differ by as much
  return warn(words, read, "stage-latency-percentiles names the stage");
}

// A server's own histogram where --metrics names one, else the command's runs.
std::string needs_latencies(const Evidence& evidence) {
  const Subject& subject = evidence.subject();
  return subject.command.empty() && subject.metrics.empty() ? "no --metrics and no --command given"
                                                            : "";
}
Json measure_tail(const Evidence& evidence, double seconds) {
  const Subject& subject = evidence.subject();
  if (subject.metrics.empty()) return repeated(subject.command, seconds);
  const Samples now = fetch_samples(subject.metrics, 2.0);
  const Histogram requests = first_histogram(now, request_histograms());
  return {{"p50", quantile_of(requests, 0.5)},
          {"p99", quantile_of(requests, 0.99)},
          {"requests", requests.count()}};
}

Finding decide_tail(const Evidence&, const Json& found) {
  if (found.contains("requests")) return decide_served_tail(found);
  const auto all = tail_of(values(found, "seconds"), 1);
  constexpr std::size_t kFewest = 10;
  if (all.size() < kFewest) return cannot_see("fewer than ten runs fit into the time");
  const double p50 = median(all), p99 = quantile(all, 0.99);
  const double faults = mean(tail_of(values(found, "major_faults"), 1));
  const double preempted = mean(tail_of(values(found, "preemptions"), 1));
  const std::vector<Reading> read = {
      {"runs", fmt::format("{}: p50 {}, p90 {}, p99 {}", all.size(), format_time(p50 * 1e9),
                           format_time(quantile(all, 0.9) * 1e9), format_time(p99 * 1e9))},
      {"a run", fmt::format("{:.1f} preemptions, {:.1f} major faults", preempted, faults)}};
  const std::string words = fmt::format("p99 is {} the median", format_ratio(p99 / p50));
  if (p99 <= 1.5 * p50) return ok(words, read);
  const char* cause = faults >= 1      ? "major faults: pages come from disk"
                      : preempted > 10 ? "other work takes the processor"
                                       : "no cause in the kernel's counters";
  return warn(fmt::format("{}; {}", words, cause), read,
              "waiting of one user in a hundred; items os-jitter and host-paging look closer");
}

// The first tenth of a technique's samples against the rest.
struct Warmth {
  double ratio = 0.0;
  std::size_t samples = 0;
};
Warmth warmth(const std::vector<double>& all) {
  constexpr std::size_t kFewest = 10;
  if (all.size() < kFewest) return {};
  const std::size_t tenth = std::max<std::size_t>(1, all.size() / 10);
  const std::vector<double> head(all.begin(), all.begin() + static_cast<long>(tenth));
  return {median(head) / median(tail_of(all, tenth)), all.size()};
}

std::string needs_samples(const Evidence& evidence) {
  if (!evidence.subject().command.empty()) return "";
  const StoredRun run = subject_run(evidence);
  return run.folder.empty() || run.results.empty() ? "no --command given and no run stored" : "";
}

// Samples of the stored run's techniques, or of the command without its very first start.
Json measure_steady(const Evidence& evidence, double seconds) {
  Json rows = Json::array();
  if (!evidence.subject().command.empty()) {
    const Json found = repeated(evidence.subject().command, seconds);
    rows.push_back({{"name", "--command"}, {"samples", found.at("seconds")}});
    return {{"rows", rows}};
  }
  const StoredRun run = subject_run(evidence);
  for (const auto& result : run.results) {
    for (const auto& process : result.processes) {
      for (const auto& [name, series] : process.series) {
        rows.push_back({{"name", result.key() + " " + name}, {"samples", series.wall_ns}});
      }
    }
  }
  return {{"rows", rows}};
}

Finding decide_steady(const Evidence&, const Json& found) {
  double worst = 0.0;
  std::string where;
  std::size_t series = 0;
  std::vector<Reading> read;
  for (const Json& row : found.at("rows")) {
    const Warmth one = warmth(values(row, "samples"));
    if (one.samples == 0 || !std::isfinite(one.ratio)) continue;
    ++series;
    const std::string name = row.at("name").get<std::string>();
    if (one.ratio > 1.05 && read.size() < 6) {
      read.push_back({name, fmt::format("first tenth {:.3f} of the rest", one.ratio)});
    }
    if (one.ratio > worst) {
      worst = one.ratio;
      where = name;
    }
  }
  if (series == 0) return cannot_see("no series of ten samples or more");
  if (worst <= 1.05) {
    return ok(
        fmt::format("the first tenth of {} series is at most {:.3f} of the rest", series, worst),
        {{where, fmt::format("{:.3f}", worst)}});
  }
  return warn(fmt::format("the first tenth of {} takes {:.2f} of the rest", where, worst), read,
              fmt::format("{:.1f} % too much in the mean of all", 10 * (worst - 1)));
}

std::vector<std::string> energy_files(const Evidence& evidence) {
  std::vector<std::string> files;
  for (const std::string& path : matching_paths(evidence, "/sys/class/powercap/intel-rapl:*")) {
    // Packages alone: intel-rapl:0:0 is a part of intel-rapl:0.
    if (std::count(path.begin(), path.end(), ':') == 1) files.push_back(path + "/energy_uj");
  }
  return files;
}

std::string needs_energy(const Evidence& evidence) {
  if (evidence.subject().command.empty()) return "no --command given";
  const auto files = energy_files(evidence);
  if (files.empty()) return "no energy counter of the processor (intel-rapl) is visible here";
  const Text text = evidence.read(files.front());
  return text ? "" : text.why + "; root reads it";
}

double joules(const Evidence& evidence) {
  double sum = 0.0;
  for (const std::string& path : energy_files(evidence)) {
    sum += 1e-6 * evidence.number(path).value_or(0.0);
  }
  return sum;
}

Json measure_energy(const Evidence& evidence, double seconds) {
  Json found = {{"joules", Json::array()}, {"seconds", Json::array()}};
  const std::string line = chosen(evidence.subject().command, "", "");
  double spent = 0.0;
  for (int i = 0; i < 20 && (i < 2 || spent < seconds); ++i) {
    const double before = joules(evidence);
    const CommandRun run = run_command(line, seconds);
    const double after = joules(evidence);
    if (run.late || run.status != 0) return {{"why", "the command fails or takes too long"}};
    spent += run.seconds;
    if (after < before) continue;  // the counter went round
    found["joules"].push_back(after - before);
    found["seconds"].push_back(run.seconds);
  }
  return found;
}

Finding decide_energy(const Evidence&, const Json& found) {
  if (found.contains("why")) return cannot_see(found.at("why").get<std::string>());
  const auto energy = values(found, "joules"), time = values(found, "seconds");
  if (energy.size() < 2 || energy.size() != time.size() || !(median(energy) > 0)) {
    return cannot_see("the energy counter did not move");
  }
  std::vector<double> watts;
  for (std::size_t i = 0; i < energy.size(); ++i) watts.push_back(energy[i] / time[i]);
  const std::vector<Reading> read = {
      {"energy of a run", fmt::format("{:.3g} J, median of {}", median(energy), energy.size())},
      {"power", fmt::format("{:.3g} W", median(watts))}};
  const double spread = (quantile(energy, 0.9) - quantile(energy, 0.1)) / median(energy);
  const std::string words =
      fmt::format("{:.3g} J a run at {:.3g} W", median(energy), median(watts));
  if (spread <= 0.2) return ok(words, read);
  return warn(fmt::format("{}, but runs differ by {:.0f} %", words, 100 * spread), read,
              "something else takes power, or clocks change: no figure per unit of work holds");
}

}  // namespace

std::vector<Measure> command_run_measures() {
  return {
      {"cold-start-warmup", needs_command, measure_repeated, guarded<decide_cold>, kRepeatSeconds},
      {"tail-latency", needs_latencies, measure_tail, guarded<decide_tail>, kRepeatSeconds},
      {"steady-state-warmup", needs_samples, measure_steady, guarded<decide_steady>,
       kRepeatSeconds},
      {"energy-accounting", needs_energy, measure_energy, guarded<decide_energy>, kRepeatSeconds},
  };
}

}  // namespace aisp::doctor
