// Traces: copies between host and device. Pinned or not, hidden or not, large or small.
//
// Source: CUDA C++ best practices guide (pinned memory, asynchronous transfers); Kineto's names of
// copies.
#include <set>

#include "doctor/measures/trace_measure.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

bool with_host(const Copy& copy) { return copy.kind == "HtoD" || copy.kind == "DtoH"; }

Json pinned_figures(const Trace& trace) {
  double all = 0.0, pageable = 0.0, pageable_us = 0.0;
  for (const Copy& copy : trace.copies) {
    if (!with_host(copy)) continue;
    all += copy.bytes;
    pageable += copy.pageable ? copy.bytes : 0.0;
    pageable_us += copy.pageable ? copy.us() : 0.0;
  }
  return {{"bytes", all},
          {"pageable_bytes", pageable},
          {"pageable_us", pageable_us},
          {"span_us", trace.gpu_span().us()}};
}

Finding decide_pinned(const Evidence&, const Json& found) {
  const double bytes = found.at("bytes").get<double>();
  if (bytes <= 0) return not_applicable("the trace holds no copy between host and device");
  const double share = found.at("pageable_bytes").get<double>() / bytes;
  const std::vector<Reading> read = {
      {"copies with the host", format_bytes(bytes)},
      {"from or to pageable memory",
       fmt::format("{}, {}", format_percent(share),
                   format_time(found.at("pageable_us").get<double>() * 1e3))}};
  const std::string words =
      fmt::format("{} of the bytes copied are in pageable memory", format_percent(share));
  if (share <= 0.10) return ok(words, read);
  return warn(words, read,
              fmt::format("{} of the traced time; pinned copies run at the link's rate and beside "
                          "kernels",
                          format_percent(share_of(found.at("pageable_us").get<double>(),
                                                  found.at("span_us").get<double>()))));
}

Json overlap_figures(const Trace& trace) {
  const int device = main_device(trace);
  std::vector<Span> copies, kernels;
  std::set<int> streams;
  for (const Copy& copy : trace.copies) {
    if (copy.device != device || copy.kind != "HtoD") continue;
    copies.push_back(copy);
    streams.insert(copy.stream);
  }
  for (const Kernel& kernel : trace.kernels) {
    if (kernel.device == device) kernels.push_back(kernel);
  }
  copies = merged(std::move(copies));
  return {{"copy_us", length_us(copies)},
          {"hidden_us", overlap_us(copies, merged(std::move(kernels)))},
          {"span_us", trace.gpu_span().us()},
          {"streams", streams.size()}};
}

Finding decide_overlap(const Evidence&, const Json& found) {
  const double copy = found.at("copy_us").get<double>(), span = found.at("span_us").get<double>();
  if (copy <= 0) return not_applicable("the trace holds no copy to a GPU");
  const double hidden = found.at("hidden_us").get<double>() / copy;
  const std::vector<Reading> read = {
      {"copies to the GPU",
       fmt::format("{} of the traced time", format_percent(share_of(copy, span)))},
      {"beside kernels", format_percent(hidden)},
      {"streams with copies", fmt::format("{}", found.at("streams").get<int>())}};
  const std::string words =
      fmt::format("{} of the input copies run beside kernels", format_percent(hidden));
  if (hidden >= 0.7 || copy < 0.05 * span) return ok(words, read);
  return warn(
      words, read,
      fmt::format("{} of the traced time", format_percent(share_of(copy * (1 - hidden), span))));
}

constexpr double kSmall = 65536.0;

Json census_figures(const Trace& trace) {
  double all_us = 0.0, small_us = 0.0, small = 0.0, small_bytes = 0.0;
  for (const Copy& copy : trace.copies) {
    all_us += copy.us();
    if (copy.bytes >= kSmall) continue;
    small_us += copy.us();
    small_bytes += copy.bytes;
    ++small;
  }
  return {{"copies", trace.copies.size()},
          {"copy_us", all_us},
          {"small", small},
          {"small_us", small_us},
          {"small_bytes", small_bytes},
          {"steps", trace.step_count()},
          {"span_us", trace.gpu_span().us()}};
}

Finding decide_census(const Evidence&, const Json& found) {
  const double all = found.at("copy_us").get<double>();
  if (!(all > 0)) return not_applicable("the trace holds no copy");
  const double small_us = found.at("small_us").get<double>(),
               small = found.at("small").get<double>();
  const double per_step = small / found.at("steps").get<double>();
  const std::vector<Reading> read = {
      {"copies", fmt::format("{}, {:.0f} below 64 KiB", found.at("copies").get<int>(), small)},
      {"small copies", fmt::format("{:.0f} a step, {} together", per_step,
                                   format_bytes(found.at("small_bytes").get<double>()))}};
  const std::string words =
      fmt::format("copies below 64 KiB take {} of all copy time", format_percent(small_us / all));
  // A few small copies a step are a step's scalars, whatever their share.
  if (small_us <= 0.2 * all || per_step < 4) return ok(words, read);
  return warn(fmt::format("{}, {:.0f} a step", words, per_step), read,
              fmt::format("{} of the traced time; one packed copy has one latency",
                          format_percent(share_of(small_us, found.at("span_us").get<double>()))));
}

}  // namespace

std::vector<Measure> trace_copy_measures() {
  return {trace_measure<pinned_figures, decide_pinned>("pinned-transfers"),
          trace_measure<overlap_figures, decide_overlap>("input-copy-overlap"),
          trace_measure<census_figures, decide_census>("small-transfer-census")};
}

}  // namespace aisp::doctor
