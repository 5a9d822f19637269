// Traces: ranges of the user and ranks of a job. Are there names, do they cover the time, does
// communication hide, is one rank slow?
//
// Source: NVTX and torch.profiler.record_function documentation; NCCL's kernel names.
#include <map>
#include <set>

#include "doctor/measures/trace_measure.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

Json present_figures(const Trace& trace) {
  std::set<std::string> names;
  for (const HostEvent& range : trace.ranges) names.insert(range.name);
  return {{"ranges", trace.ranges.size()},
          {"names", names.size()},
          {"steps", trace.steps.size()},
          {"span_us", trace.gpu_span().us()}};
}

Finding decide_present(const Evidence&, const Json& found) {
  const double ranges = found.at("ranges").get<double>(), names = found.at("names").get<double>();
  const std::vector<Reading> read = {
      {"ranges", fmt::format("{:.0f}, {:.0f} names", ranges, names)},
      {"steps marked", fmt::format("{:.0f}", found.at("steps").get<double>())}};
  if (ranges == 0) {
    return warn("the program names no range: time cannot be told by its stages", read,
                "record_function(\"forward\") or nvtx.range around each stage");
  }
  return ok(fmt::format("{:.0f} ranges of {:.0f} names", ranges, names), read);
}

Json coverage_figures(const Trace& trace) {
  const Span span = trace.gpu_span();
  const auto ranges = spans_of(trace.ranges);
  const auto idle = gaps(busy_spans(trace, main_device(trace)), span);
  std::set<std::string> names;
  for (const HostEvent& range : trace.ranges) names.insert(range.name);
  return {{"ranges", trace.ranges.size()},
          {"names", names.size()},
          {"wall_share", share_of(overlap_us({span}, ranges), span.us())},
          {"idle_share", share_of(overlap_us(idle, ranges), length_us(idle))}};
}

Finding decide_coverage(const Evidence&, const Json& found) {
  const double names = found.at("names").get<double>();
  const double wall = found.at("wall_share").get<double>();
  if (found.at("ranges").get<double>() == 0)
    return warn("no range covers any of the time", {{"ranges", "0"}});
  const std::vector<Reading> read = {
      {"time inside ranges", format_percent(wall)},
      {"GPU idle time inside ranges", format_percent(found.at("idle_share").get<double>())},
      {"names", fmt::format("{:.0f}", names)}};
  if (names > 200) {
    return warn(fmt::format("{:.0f} names of ranges: they hold numbers that change", names), read,
                "reports by name fall apart");
  }
  if (wall < 0.9) {
    return warn(fmt::format("only {} of the time lies inside a named range", format_percent(wall)),
                read, format_percent(1 - wall) + " that nobody can attribute");
  }
  return ok(fmt::format("{} of the time lies inside named ranges", format_percent(wall)), read);
}

const char* stage_of(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto any = [&](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const char* word) { return name.find(word) != std::string::npos; });
  };
  if (any({"dataloader", "data_load", "next(", "ingest", "load_batch"})) return "input";
  if (any({"preprocess", "tokeniz", "augment", "collate"})) return "preprocess";
  if (any({"checkpoint", "save"})) return "checkpoint";
  if (any({"all_reduce", "allreduce", "all_gather", "reduce_scatter", "nccl", "comm"})) {
    return "communicate";
  }
  if (any({"forward", "backward", "optimizer", "step", "prefill", "decode"})) return "compute";
  return "other";
}

// Outermost ranges only, so that time counts once.
Json stage_figures(const Trace& trace) {
  std::map<std::string, double> times;
  std::map<long, double> until;  // by thread
  std::vector<HostEvent> ranges = trace.ranges;
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) {
    return a.begin_us != b.begin_us ? a.begin_us < b.begin_us : a.end_us > b.end_us;
  });
  for (const HostEvent& range : ranges) {
    double& end = until[range.thread];
    if (range.begin_us < end) continue;
    end = range.end_us;
    times[stage_of(range.name)] += range.us();
  }
  Json stages = Json::object();
  for (const auto& [name, us] : times) stages[name] = us;
  return {{"stages", stages}, {"ranges", ranges.size()}};
}

Finding decide_stages(const Evidence&, const Json& found) {
  if (found.at("ranges").get<double>() == 0) {
    return cannot_see("the trace holds no range of the user: name the stages (nvtx-present)");
  }
  double all = 0.0, most = 0.0;
  std::string slowest;
  for (const auto& [name, us] : found.at("stages").items()) {
    all += us.get<double>();
    if (us.get<double>() > most) {
      most = us.get<double>();
      slowest = name;
    }
  }
  if (!(all > 0)) return cannot_see("the ranges take no time");
  std::vector<Reading> read;
  for (const auto& [name, us] : found.at("stages").items()) {
    read.push_back({name, format_percent(us.get<double>() / all)});
  }
  const std::string words =
      fmt::format("{} takes {} of the named time", slowest, format_percent(most / all));
  if (slowest == "compute" || slowest == "other") return ok(words, read);
  return warn(words, read, format_percent(most / all) + " of the time is not compute");
}

struct Exposed {
  double comm_us = 0.0, exposed_us = 0.0, span_us = 0.0;
};

Exposed exposed_of(const Trace& trace) {
  const int device = main_device(trace);
  std::vector<Span> comm, compute;
  for (const Kernel& kernel : trace.kernels) {
    if (kernel.device == device) (kernel.collective ? comm : compute).push_back(kernel);
  }
  comm = merged(std::move(comm));
  const double all = length_us(comm);
  return {all, all - overlap_us(comm, merged(std::move(compute))), trace.gpu_span().us()};
}

Json exposed_figures(const Trace& trace) {
  const Exposed one = exposed_of(trace);
  return {{"comm_us", one.comm_us},
          {"exposed_us", one.exposed_us},
          {"span_us", one.span_us},
          {"steps", trace.step_count()}};
}

Finding decide_exposed(const Evidence&, const Json& found) {
  const double comm = found.at("comm_us").get<double>(), span = found.at("span_us").get<double>();
  if (comm <= 0) return not_applicable("the trace holds no collective kernel");
  const double exposed = found.at("exposed_us").get<double>();
  const std::vector<Reading> read = {
      {"collectives", format_percent(share_of(comm, span))},
      {"not beside compute",
       fmt::format("{}, {} a step", format_percent(share_of(exposed, span)),
                   format_time(exposed * 1e3 / found.at("steps").get<double>()))}};
  const std::string words = fmt::format("{} of the time is communication that nothing hides",
                                        format_percent(share_of(exposed, span)));
  if (exposed <= 0.1 * span) return ok(words, read);
  return warn(words, read, format_percent(share_of(exposed, span)) + " of every step");
}

Finding decide_small_scale(const Evidence&, const Json& found) {
  const double comm = found.at("comm_us").get<double>(), span = found.at("span_us").get<double>();
  if (comm <= 0) return not_applicable("the trace holds no collective kernel");
  const double share = share_of(comm, span);
  const std::vector<Reading> read = {
      {"collective kernels", format_percent(share) + " of the time"}};
  const std::string words =
      fmt::format("collectives take {} of the step at this size", format_percent(share));
  if (share <= 0.2) return ok(words, read);
  return warn(words, read,
              "a share that grows with every doubling of ranks; --trace at half the size "
              "tells how quickly");
}

Json measure_ranks(const Evidence& evidence, double) {
  Json rows = Json::array();
  for (const Trace& trace : load_traces(evidence.subject().trace)) {
    double compute = 0.0, waiting = 0.0;
    for (const Kernel& kernel : trace.kernels)
      (kernel.collective ? waiting : compute) += kernel.us();
    rows.push_back({{"rank", trace.rank},
                    {"compute_us", compute / trace.step_count()},
                    {"collective_us", waiting / trace.step_count()}});
  }
  return {{"ranks", rows}};
}

Finding decide_ranks(const Evidence&, const Json& found) {
  std::vector<double> compute;
  double most = 0.0;
  int slowest = -1;
  std::vector<Reading> read;
  for (const Json& row : found.at("ranks")) {
    const double us = row.at("compute_us").get<double>();
    compute.push_back(us);
    if (us > most) {
      most = us;
      slowest = row.at("rank").get<int>();
    }
    if (read.size() < 16) {
      read.push_back({fmt::format("rank {}", row.at("rank").get<int>()),
                      fmt::format("{} compute, {} in collectives a step", format_time(us * 1e3),
                                  format_time(row.at("collective_us").get<double>() * 1e3))});
    }
  }
  if (compute.size() < 2) return not_applicable("--trace names one rank; give a folder of all");
  const double ratio = most / median(compute);
  const std::string words = fmt::format("rank {} computes {} the median of {} ranks", slowest,
                                        format_ratio(ratio), compute.size());
  if (ratio <= 1.05) return ok(words, read);
  return warn(
      words, read,
      fmt::format("all others wait {} a step for it", format_time((most - median(compute)) * 1e3)));
}

}  // namespace

std::vector<Measure> trace_range_measures() {
  return {trace_measure<present_figures, decide_present>("nvtx-present"),
          trace_measure<coverage_figures, decide_coverage>("nvtx-coverage"),
          trace_measure<stage_figures, decide_stages>("stage-time-budget"),
          trace_measure<exposed_figures, decide_exposed>("comm-exposed-time"),
          trace_measure<exposed_figures, decide_small_scale>("collective-share-small-scale"),
          {"rank-balance", needs_trace, measure_ranks, guarded<decide_ranks>, 1.0}};
}

}  // namespace aisp::doctor
