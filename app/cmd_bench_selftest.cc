// aisp bench selftest: the instrument's own error rates on this machine.
#include <fmt/format.h>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "bench/selftest.h"
#include "machine/device.h"

namespace aisp::app {
namespace {

std::string rate(std::int64_t k, std::int64_t n) {
  const Interval bounds = clopper_pearson(k, n);
  return fmt::format("{:5.1f} % [{:.1f}, {:.1f}]", 100 * bounds.estimate, 100 * bounds.low,
                     100 * bounds.high);
}

bench::Json row_json(const bench::SelftestRow& row) {
  const auto bounded = [&](std::int64_t k) {
    const Interval bounds = clopper_pearson(k, row.trials);
    return bench::Json{{"count", k}, {"low", bounds.low}, {"high", bounds.high}};
  };
  return {{"workload", row.workload},
          {"effect", row.effect},
          {"margin", row.margin},
          {"truth", row.truth},
          {"ratio_median", row.ratio_median},
          {"trials", row.trials},
          {"alarms", bounded(row.alarms)},
          {"right", bounded(row.right)},
          {"covered", bounded(row.covered)},
          {"inconclusive", row.inconclusive},
          {"cpu_clock", row.cpu_clock},
          {"width_median", row.width_median},
          {"seconds_median", row.seconds_median}};
}

}  // namespace

int cmd_bench_selftest(const SelftestCommand& command) {
  Progress progress;
  bench::SelftestOptions options;
  const bool on_gpu = command.device == "cuda";
  options.device = on_gpu ? bench::Device::kCuda : bench::Device::kCpu;
  options.trials = command.trials;
  options.load = command.load;
  options.seconds = command.seconds;
  options.seed = command.seed;
  options.progress = [&](double fraction) {
    progress.show(static_cast<std::size_t>(fraction * 100), 100, "selftest");
  };
  const bench::SelftestResult result = bench::run_selftest(options);
  progress.show(100, 100, "");
  if (command.json) {
    bench::Json json = {{"schema", "aisp.selftest/1"},
                        {"device", command.device},
                        {"load", result.load},
                        {"seconds", result.seconds},
                        {"rows", bench::Json::array()}};
    if (on_gpu) {
      json["gpu"] = machine::cuda_device().name;
    } else {
      json["loop_overhead_ns"] = result.loop_overhead_ns;
      json["setup_bias_ns"] = result.setup_bias_ns;
    }
    for (const auto& row : result.rows) json["rows"].push_back(row_json(row));
    fmt::print("{}\n", json.dump(1));
    return kExitOk;
  }
  fmt::print("self-test{}, background load {}, {:.0f} s; rates with exact 95 % bounds\n\n",
             on_gpu ? " on " + machine::cuda_device().name : "", result.load, result.seconds);
  fmt::print("{:13} {:>6} {:>7} {:>7} {:>22} {:>22} {:>9} {:>9} {:>6}\n", "workload", "effect",
             "margin", "trials", "right verdict", "interval holds truth", "width", "to verdict",
             "clock");
  for (const auto& row : result.rows) {
    if (row.trials == 0) continue;
    fmt::print("{:13} {:>5.0f}% {:>6.1f}% {:>7} {:>22} {:>22} {:>8.2f}% {:>7.0f}ms {:>6}\n",
               row.workload, 100 * row.effect, 100 * row.margin, row.trials,
               rate(row.right, row.trials), rate(row.covered, row.trials), 100 * row.width_median,
               1e3 * row.seconds_median,
               on_gpu                        ? "device"
               : row.cpu_clock == 0          ? "wall"
               : row.cpu_clock == row.trials ? "cpu"
                                             : "both");
  }
  std::int64_t null_trials = 0, alarms = 0;
  for (const auto& row : result.rows) {
    if (row.effect != 0.0) continue;
    null_trials += row.trials;
    alarms += row.alarms;
  }
  fmt::print("\nfalse alarms on identical code: {} of {}, {}\n", alarms, null_trials,
             rate(alarms, null_trials));
  if (on_gpu) return kExitOk;
  fmt::print("loop overhead {:.3f} ns per iteration; bias of calls timed alone {:.1f} ns\n",
             result.loop_overhead_ns, result.setup_bias_ns);
  return kExitOk;
}

}  // namespace aisp::app
