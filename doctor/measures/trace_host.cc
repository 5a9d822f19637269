// Traces: what the host does to the GPU. Launches, synchronisation, allocation, compilation, gaps.
//
// Source: CUDA runtime API (cudaMalloc may synchronise; cudaGraphLaunch); PyTorch performance
// tuning guide (avoid unnecessary synchronisation; CUDA graphs).
#include <map>
#include <set>

#include "doctor/measures/trace_measure.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

Json launch_figures(const Trace& trace) {
  const int device = main_device(trace);
  std::vector<double> durations;
  for (const Kernel& kernel : trace.kernels) {
    if (kernel.device == device) durations.push_back(kernel.us());
  }
  double graphs = 0.0;
  for (const HostEvent& call : trace.calls) {
    graphs += call.name.starts_with("cudaGraphLaunch") || call.name.starts_with("cuGraphLaunch");
  }
  const Span span = trace.gpu_span();
  const double busy = length_us(busy_spans(trace, device));
  return {{"kernels", durations.size()},
          {"median_us", median(durations)},
          {"idle_share", 1.0 - share_of(busy, span.us())},
          {"graph_launches", graphs},
          {"steps", trace.step_count()}};
}

Finding decide_launch(const Evidence&, const Json& found) {
  const double per_step = found.at("kernels").get<double>() / found.at("steps").get<double>();
  const double us = found.at("median_us").get<double>(),
               idle = found.at("idle_share").get<double>();
  const double graphs = found.at("graph_launches").get<double>();
  const std::vector<Reading> read = {
      {"kernels", fmt::format("{:.0f} a step, median {}", per_step, format_time(us * 1e3))},
      {"GPU idle", format_percent(idle)},
      {"graph launches", fmt::format("{:.0f}", graphs)}};
  if (us < 10 && idle > 0.2 && graphs == 0) {
    return warn(
        fmt::format("launch bound: {:.0f} kernels a step of {} each, GPU idle {}", per_step,
                    format_time(us * 1e3), format_percent(idle)),
        read, fmt::format("up to {} of the time; lab ch12:kernel_launches", format_percent(idle)));
  }
  return ok(fmt::format("not launch bound: median kernel {}, GPU idle {}", format_time(us * 1e3),
                        format_percent(idle)),
            read);
}

Json gap_figures(const Trace& trace) {
  const Span span = trace.gpu_span();
  const auto idle = gaps(busy_spans(trace, main_device(trace)), span);
  double longest = 0.0, long_us = 0.0, count = 0.0;
  for (const Span& gap : idle) {
    longest = std::max(longest, gap.us());
    if (gap.us() < 100) continue;  // longer than any launch takes
    long_us += gap.us();
    ++count;
  }
  return {{"idle_share", share_of(length_us(idle), span.us())},
          {"long_share", share_of(long_us, span.us())},
          {"long_gaps", count},
          {"longest_us", longest},
          {"span_us", span.us()}};
}

Finding decide_gaps(const Evidence&, const Json& found) {
  const double idle = found.at("idle_share").get<double>();
  const double lasting = found.at("long_share").get<double>();
  const std::vector<Reading> read = {
      {"GPU idle", format_percent(idle)},
      {"gaps over 100 us", fmt::format("{:.0f}, {} of the time, the longest {}",
                                       found.at("long_gaps").get<double>(), format_percent(lasting),
                                       format_time(found.at("longest_us").get<double>() * 1e3))}};
  const std::string words =
      fmt::format("the GPU idles {} of the traced time", format_percent(idle));
  if (idle <= 0.1) return ok(words, read);
  return warn(words, read,
              fmt::format("{} in gaps longer than any launch takes", format_percent(lasting)));
}

bool waits(const HostEvent& call) {
  return call.name.find("Synchronize") != std::string::npos || call.name == "cudaMemcpy" ||
         call.name == "cuMemcpyDtoH_v2";
}

Json python_figures(const Trace& trace) {
  std::vector<Span> host, blocked;
  for (const HostEvent& op : trace.ops) host.push_back(op);
  for (const HostEvent& call : trace.calls) {
    if (waits(call)) blocked.push_back(call);
  }
  const Span span = trace.gpu_span();
  const auto idle = gaps(busy_spans(trace, main_device(trace)), span);
  const auto working = merged(std::move(host)), waiting = merged(std::move(blocked));
  return {{"idle_us", length_us(idle)},
          {"host_us", overlap_us(idle, working)},
          {"waiting_us", overlap_us(idle, waiting)},
          {"span_us", span.us()},
          {"ops", trace.ops.size()}};
}

Finding decide_python(const Evidence&, const Json& found) {
  if (found.at("ops").get<double>() == 0) {
    return cannot_see(
        "the trace holds no operation of the host: profile with ProfilerActivity.CPU");
  }
  const double span = found.at("span_us").get<double>();
  const double host =
      std::max(0.0, found.at("host_us").get<double>() - found.at("waiting_us").get<double>());
  const double share = share_of(host, span);
  const std::vector<Reading> read = {
      {"GPU idle", format_percent(share_of(found.at("idle_us").get<double>(), span))},
      {"while the host computes", format_percent(share)},
      {"while the host waits",
       format_percent(share_of(found.at("waiting_us").get<double>(), span))}};
  const std::string words = fmt::format(
      "the GPU idles {} of the time while the host is busy with "
      "operators and Python",
      format_percent(share));
  if (share <= 0.1) return ok(words, read);
  return warn(words, read, format_percent(share) + " of the traced time");
}

template <class Wanted>
Json call_figures(const Trace& trace, const Wanted& wanted) {
  double count = 0.0, us = 0.0;
  std::map<std::string, double> names;
  const double from = trace.steady_from_us();
  for (const HostEvent& call : trace.calls) {
    if (call.begin_us < from || !wanted(call)) continue;
    ++count;
    us += call.us();
    ++names[call.name];
  }
  Json by_name = Json::object();
  for (const auto& [name, number] : names) by_name[name] = number;
  const double steps = std::max(1.0, trace.step_count() - 1.0);
  return {{"count", count},   {"us", us},
          {"steps", steps},   {"span_us", trace.gpu_span().end_us - from},
          {"calls", by_name}, {"seen", trace.calls.size()}};
}

std::vector<Reading> call_readings(const Json& found) {
  std::vector<Reading> read;
  for (const auto& [name, count] : found.at("calls").items()) {
    if (read.size() < 6) read.push_back({name, fmt::format("{:.0f} calls", count.get<double>())});
  }
  if (read.empty()) read.push_back({"calls after warm-up", "none"});
  return read;
}

const char* const kNoCalls = "the trace holds no call of the CUDA runtime";

Json sync_figures(const Trace& trace) { return call_figures(trace, waits); }

Finding decide_sync(const Evidence& evidence, const Json& found) {
  if (evidence.variable("CUDA_LAUNCH_BLOCKING").value == "1") {
    return fail("CUDA_LAUNCH_BLOCKING=1: every launch waits", {{"CUDA_LAUNCH_BLOCKING", "1"}}, "",
                {{Fix::Kind::kVariable, "CUDA_LAUNCH_BLOCKING", "0"}});
  }
  if (found.at("seen").get<double>() == 0) return cannot_see(kNoCalls);
  const double per_step = found.at("count").get<double>() / found.at("steps").get<double>();
  const double share = share_of(found.at("us").get<double>(), found.at("span_us").get<double>());
  const std::string words =
      fmt::format("{:.1f} waits a step, {} of the time", per_step, format_percent(share));
  if (per_step <= 2 && share <= 0.05) return ok(words, call_readings(found));
  return warn(words, call_readings(found), "host and GPU take turns instead of working together");
}

Json allocation_figures(const Trace& trace) {
  return call_figures(trace, [](const HostEvent& call) {
    static const std::set<std::string> kNames = {
        "cudaMalloc",   "cudaFree",          "cudaHostAlloc", "cudaMallocHost",
        "cudaFreeHost", "cudaMallocManaged", "cuMemAlloc_v2", "cuMemFree_v2"};
    return kNames.contains(call.name);
  });
}

Finding decide_allocation(const Evidence&, const Json& found) {
  if (found.at("seen").get<double>() == 0) return cannot_see(kNoCalls);
  const double per_step = found.at("count").get<double>() / found.at("steps").get<double>();
  const double us = found.at("us").get<double>() / found.at("steps").get<double>();
  if (found.at("count").get<double>() == 0) {
    return ok("no device memory is allocated or freed after warm-up", call_readings(found));
  }
  return warn(fmt::format("{:.1f} allocations or frees of device memory a step", per_step),
              call_readings(found), format_time(us * 1e3) + " a step in these calls alone");
}

Json recompile_figures(const Trace& trace) {
  return call_figures(trace, [](const HostEvent& call) {
    return call.name.starts_with("cuModuleLoad") || call.name.starts_with("cuLibraryLoad") ||
           call.name.starts_with("cuLinkCreate") || call.name.starts_with("nvrtcCompile");
  });
}

Finding decide_recompile(const Evidence&, const Json& found) {
  if (found.at("seen").get<double>() == 0) return cannot_see(kNoCalls);
  const double count = found.at("count").get<double>();
  if (count == 0) return ok("no module is loaded after warm-up", call_readings(found));
  return warn(fmt::format("{:.0f} modules are compiled or loaded after warm-up", count),
              call_readings(found),
              fmt::format("{} in loading, compilation comes on top: shapes change",
                          format_time(found.at("us").get<double>() * 1e3)));
}

}  // namespace

std::vector<Measure> trace_host_measures() {
  return {trace_measure<launch_figures, decide_launch>("launch-bound-graphs"),
          trace_measure<gap_figures, decide_gaps>("gpu-idle-gaps"),
          trace_measure<python_figures, decide_python>("python-overhead"),
          trace_measure<sync_figures, decide_sync>("sync-calls"),
          trace_measure<allocation_figures, decide_allocation>("allocation-churn"),
          trace_measure<recompile_figures, decide_recompile>("recompile-churn")};
}

}  // namespace aisp::doctor
