// See cmd_engine.h: what the scheduler's own part of a step costs, with the samples apart during
// which the system took the processor away.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "app/cmd_engine.h"
#include "base/units.h"

namespace aisp::app {
namespace {

template <typename Wanted>
void print_row(const char* name, const std::vector<serve::StepSample>& samples, Wanted wanted) {
  std::vector<double> ns;
  for (const serve::StepSample& sample : samples) {
    if (wanted(sample)) ns.push_back(1e3 * static_cast<double>(sample.cpu_us));
  }
  if (ns.empty()) return;
  const auto at = [&](double p) { return format_time(serve::quantile(ns, p)); };
  fmt::print("{:<44} {:>7} {:>9} {:>9} {:>9} {:>9}\n", name, ns.size(), at(0.5), at(0.99),
             at(0.999), at(1.0));
}

}  // namespace

int cmd_engine_step_time(const StepTimeOptions& options) {
  const std::vector<serve::StepSample> samples =
      serve::measure_steps(options.load, options.steps, std::int64_t{options.sweep_mib} << 20);
  fmt::print("step() and complete() of {} streams, this thread's processor time\n",
             options.load.running);
  fmt::print("{:<44} {:>7} {:>9} {:>9} {:>9} {:>9}\n", "", "samples", "p50", "p99", "p99.9", "max");
  print_row("all", samples, [](const auto&) { return true; });
  print_row("without those the system interrupted", samples,
            [](const auto& sample) { return !sample.switched; });
  print_row("of these, streams alone", samples,
            [](const auto& sample) { return !sample.switched && sample.prompts == 0; });
  print_row("of these, with prompts", samples,
            [](const auto& sample) { return !sample.switched && sample.prompts > 0; });
  print_row("of these, with evictions", samples,
            [](const auto& sample) { return !sample.switched && sample.evicted > 0; });
  return 0;
}

}  // namespace aisp::app
