// Which counters are read, and how ncu is asked for them. See ncu.h.
//
// Source: Nsight Compute documentation 2025.3, "Kernel Profiling Guide: Metrics Reference".
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/profile/ncu.h"

namespace aisp::bench {
namespace {

const std::vector<std::string> kMinimalNames = {
    "gpu__time_duration.sum",
    // Bytes that went through device memory and the L2.
    "dram__bytes_read.sum",
    "dram__bytes_write.sum",
    "lts__t_bytes.sum",
    // Requests of warps to global memory, and the sectors of 32 bytes that they touched.
    "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum",
    "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum",
    "l1tex__t_requests_pipe_lsu_mem_global_op_st.sum",
    "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum",
    // Passes over shared memory, and how many of them only because of bank conflicts.
    "l1tex__data_pipe_lsu_wavefronts_mem_shared.sum",
    "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum",
    // Warps that were there, and what limits them.
    "sm__warps_active.avg.pct_of_peak_sustained_active",
    "sm__maximum_warps_per_active_cycle_pct",
    "launch__registers_per_thread",
    "launch__occupancy_limit_registers",
    "launch__occupancy_limit_shared_mem",
    "launch__occupancy_limit_warps",
    "launch__occupancy_limit_blocks",
    // Work of the tensor cores, and of everything.
    "sm__inst_executed_pipe_tensor.sum",
    "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active",
    "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed",
};

// What the deep dive adds.
const std::vector<std::string> kMoreNames = {
    "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ld.sum",
    "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_st.sum",
    // Hits, the copy engine's bytes, and what was spilled from registers.
    "l1tex__t_sector_hit_rate.pct",
    "lts__t_sector_hit_rate.pct",
    "l1tex__m_xbar2l1tex_read_bytes_mem_global_op_tma_ld.sum",
    "l1tex__t_bytes_pipe_lsu_mem_local_op_ld.sum",
    "l1tex__t_bytes_pipe_lsu_mem_local_op_st.sum",
    // Instructions: how many, how many lanes of them, how often one was issued, where they went.
    "smsp__inst_executed.sum",
    "smsp__thread_inst_executed_per_inst_executed.ratio",
    "smsp__issue_active.avg.pct_of_peak_sustained_active",
    "sm__inst_executed_pipe_alu.avg.pct_of_peak_sustained_active",
    "sm__inst_executed_pipe_fma.avg.pct_of_peak_sustained_active",
    "sm__inst_executed_pipe_fp64.avg.pct_of_peak_sustained_active",
    "sm__inst_executed_pipe_lsu.avg.pct_of_peak_sustained_active",
    "sm__inst_executed_pipe_xu.avg.pct_of_peak_sustained_active",
    "launch__waves_per_multiprocessor",
    "launch__shared_mem_per_block",
};

// Why warps that could not issue could not, in warps per issue.
constexpr const char* kStalls[] = {"barrier",
                                   "branch_resolving",
                                   "dispatch_stall",
                                   "drain",
                                   "gmma",
                                   "imc_miss",
                                   "lg_throttle",
                                   "long_scoreboard",
                                   "math_pipe_throttle",
                                   "membar",
                                   "mio_throttle",
                                   "misc",
                                   "no_instruction",
                                   "not_selected",
                                   "selected",
                                   "short_scoreboard",
                                   "sleeping",
                                   "tex_throttle",
                                   "wait"};

}  // namespace

const char* name(CounterLevel level) {
  switch (level) {
    case CounterLevel::kMinimal:
      return "minimal";
    case CounterLevel::kDeepDive:
      return "deep_dive";
    case CounterLevel::kNone:
      break;
  }
  return "none";
}

CounterLevel counter_level(const std::string& profile) {
  for (const CounterLevel level : {CounterLevel::kMinimal, CounterLevel::kDeepDive}) {
    if (profile == name(level)) return level;
  }
  return CounterLevel::kNone;
}

// A call of more launches repeats itself; each costs up to a second under the full set.
int most_launches(CounterLevel level) { return level == CounterLevel::kMinimal ? 16 : 6; }

std::vector<std::string> counter_names(CounterLevel level) {
  if (level == CounterLevel::kNone) return {};
  std::vector<std::string> names = kMinimalNames;
  if (level == CounterLevel::kMinimal) return names;
  names.insert(names.end(), kMoreNames.begin(), kMoreNames.end());
  for (const char* reason : kStalls) {
    names.push_back(
        fmt::format("smsp__average_warps_issue_stalled_{}_per_issue_active.ratio", reason));
  }
  return names;
}

std::vector<std::string> ncu_arguments(CounterLevel level, CacheMode cache, const std::string& log,
                                       const std::string& report) {
  std::vector<std::string> arguments = {
      "--csv", "--page", "raw", "--print-units", "base", "--print-kernel-base", "function",
      // The card's clocks are not ours to lock. Each pass finds what the mode says, or nothing.
      "--clock-control", "none", "--cache-control", cache == CacheMode::kWarm ? "none" : "all",
      // One more than is kept: that there are more is worth saying.
      "--profile-from-start", "off", "--launch-count", std::to_string(most_launches(level) + 1),
      "--log-file", log};
  if (level == CounterLevel::kDeepDive) {
    arguments.insert(arguments.end(), {"--set", "full"});
    if (!report.empty()) arguments.insert(arguments.end(), {"--force-overwrite", "-o", report});
  }
  arguments.insert(arguments.end(),
                   {"--metrics", fmt::format("{}", fmt::join(counter_names(level), ","))});
  return arguments;
}

}  // namespace aisp::bench
