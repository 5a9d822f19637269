// See counters.h.
#include "report/counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace aisp::report {
namespace {

using bench::KernelCounters;

// Differences below this are not worth a sentence.
constexpr double kWorthSaying = 1.25;
// A float4 of every thread of a warp: no coalesced request needs more.
constexpr double kWidestRequest = 16.0;

constexpr std::pair<const char*, const char*> kWaits[] = {
    {"long_scoreboard", "loads from memory"},
    {"short_scoreboard", "shared memory or special functions"},
    {"barrier", "the other warps of the block, at a barrier"},
    {"mio_throttle", "room in the queue to shared memory"},
    {"lg_throttle", "room in the queue to global memory"},
    {"tex_throttle", "room in the queue to the texture unit"},
    {"math_pipe_throttle", "a busy arithmetic unit"},
    {"gmma", "the tensor cores"},
    {"drain", "its last stores to be written"},
    {"membar", "a memory fence"},
    {"wait", "the fixed latency of an instruction"},
    {"no_instruction", "instructions to be fetched"},
    {"branch_resolving", "a branch"},
    {"dispatch_stall", "the dispatcher"},
    {"imc_miss", "constants"},
    {"sleeping", "a sleep to end"},
    {"misc", "something else"},
    {"not_selected", "another warp's turn"},
    {"selected", "nothing"}};

double sum_of(const std::vector<KernelCounters>& kernels, const char* name) {
  double sum = 0.0;
  for (const KernelCounters& one : kernels) sum += one.value(name);
  return sum;
}

double weight_of(const KernelCounters& one) {
  const double ns = one.value("gpu__time_duration.sum");
  return ns > 0.0 ? ns : 1.0;
}

double mean_of(const std::vector<KernelCounters>& kernels, const std::string& name) {
  double sum = 0.0, weight = 0.0;
  for (const KernelCounters& one : kernels) {
    sum += weight_of(one) * one.value(name);
    weight += weight_of(one);
  }
  return weight > 0.0 ? sum / weight : std::nan("");
}

// Of the kernel that takes longest.
std::string limit_of(const std::vector<KernelCounters>& kernels) {
  const auto longest =
      std::max_element(kernels.begin(), kernels.end(),
                       [](const auto& a, const auto& b) { return weight_of(a) < weight_of(b); });
  const std::pair<const char*, const char*> kLimits[] = {
      {"launch__occupancy_limit_registers", "registers"},
      {"launch__occupancy_limit_shared_mem", "shared memory"},
      {"launch__occupancy_limit_blocks", "the number of blocks"}};
  double least = longest->value("launch__occupancy_limit_warps");
  std::string what;
  for (const auto& [name, word] : kLimits) {
    if (longest->value(name) < least) {
      least = longest->value(name);
      what = word;
    }
  }
  return what;
}

std::vector<std::pair<std::string, double>> waits_of(const std::vector<KernelCounters>& kernels) {
  std::vector<std::pair<std::string, double>> waits;
  double all = 0.0;
  for (const auto& [reason, words] : kWaits) {
    const double value =
        mean_of(kernels,
                fmt::format("smsp__average_warps_issue_stalled_{}_per_issue_active.ratio", reason));
    if (!(value > 0.0)) continue;
    all += value;
    const bool waits_for_something =
        std::string_view(reason) != "selected" && std::string_view(reason) != "not_selected";
    if (waits_for_something) waits.emplace_back(words, value);
  }
  for (auto& [words, share] : waits) share /= all;
  std::stable_sort(waits.begin(), waits.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return waits;
}

double moved(const CounterDigest& d) { return d.bytes_read + d.bytes_written; }
double conflict_share(const CounterDigest& d) {
  return d.shared_passes > 0.0 ? std::min(1.0, d.conflict_passes / d.shared_passes) : 0.0;
}
bool apart(double a, double b) {
  return a > 0.0 && b > 0.0 && std::max(a / b, b / a) > kWorthSaying;
}

class Sentences {
 public:
  Sentences(const bench::CaseResult& result, const CounterDigest& mine,
            const CounterDigest* baseline)
      : result_(result), mine_(mine), base_(baseline) {}

  std::vector<std::string> all() {
    bytes();
    if (mine_.load_sectors > kWidestRequest && mine_.store_sectors > kWidestRequest) {
      requests("load or store", std::max(mine_.load_sectors, mine_.store_sectors), std::nan(""));
    } else {
      requests("load", mine_.load_sectors, base_ ? base_->load_sectors : std::nan(""));
      requests("store", mine_.store_sectors, base_ ? base_->store_sectors : std::nan(""));
    }
    conflicts();
    occupancy();
    tensor();
    if (mine_.spilled_bytes > 0.0) {
      say("{} go through local memory: registers were spilled.", format_bytes(mine_.spilled_bytes));
    }
    waits();
    return std::move(said_);
  }

 private:
  template <class... Arguments>
  void say(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    said_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  void bytes() {
    const double needed = result_.bytes_read + result_.bytes_written, mine = moved(mine_);
    if (!std::isfinite(mine)) return;
    std::string text = format_bytes(mine) + " go through device memory";
    if (base_ && apart(mine, moved(*base_))) {
      text += fmt::format(", {} {} than the baseline's {}",
                          format_ratio(std::max(mine / moved(*base_), moved(*base_) / mine)),
                          mine < moved(*base_) ? "less" : "more", format_bytes(moved(*base_)));
    }
    if (needed > 0.0 && result_.medium == "memory") {
      text += fmt::format("; the problem needs {}", format_bytes(needed));
      if (mine > kWorthSaying * needed) text += ": some bytes are moved more than once";
      if (mine * kWorthSaying < needed) text += ": the L2 kept the rest";
    }
    said_.push_back(text + ".");
  }

  void requests(const char* what, double mine, double base) {
    if (!(mine > 0.0)) return;
    if (mine > kWidestRequest) {
      say("A warp's {} touches {:.3g} sectors of 32 bytes: neighbouring threads want addresses "
          "that lie far apart (4 sectors hold a float of each, 16 a float4).",
          what, mine);
    } else if (apart(mine, base)) {
      say("A warp's {} touches {:.3g} sectors of 32 bytes instead of {:.3g}.", what, mine, base);
    }
  }

  void conflicts() {
    const double mine = conflict_share(mine_), base = base_ ? conflict_share(*base_) : 0.0;
    if (mine > 0.1) {
      say("{} of the passes over shared memory are bank conflicts: threads of a warp want "
          "different "
          "words of the same bank, one after the other.",
          format_percent(mine));
    } else if (base > 0.1 && mine_.shared_passes > 0.0) {
      say("Shared memory is read and written almost without bank conflicts; of the baseline's "
          "passes {} are conflicts.",
          format_percent(base));
    }
  }

  void occupancy() {
    if (!(mine_.occupancy > 0.0)) return;
    std::string text =
        fmt::format("{} of the places for warps are taken", format_percent(mine_.occupancy));
    if (base_ && apart(mine_.occupancy, base_->occupancy)) {
      text += fmt::format(" (baseline: {})", format_percent(base_->occupancy));
    }
    if (mine_.occupancy_limit < 0.999 && !mine_.limited_by.empty()) {
      text += fmt::format("; {} {} {}", mine_.limited_by,
                          mine_.limited_by == "registers" ? "allow" : "allows",
                          format_percent(mine_.occupancy_limit));
      if (mine_.limited_by == "registers") {
        text += fmt::format(", at {:.0f} a thread", mine_.registers);
      }
    }
    said_.push_back(text + ".");
  }

  void tensor() {
    const double base = base_ ? base_->tensor : 0.0;
    if (mine_.tensor > 0.001) {
      say("The tensor cores are busy in {} of the cycles{}.", format_percent(mine_.tensor),
          !base_         ? ""
          : base > 0.001 ? fmt::format(" (baseline: {})", format_percent(base))
                         : "; the baseline does not use them");
    } else if (base > 0.001) {
      say("The tensor cores are not used; the baseline keeps them busy in {} of the cycles.",
          format_percent(base));
    }
  }

  void waits() {
    if (mine_.waits.empty()) return;
    std::string text = fmt::format("Warps wait mostly for {} ({} of their time",
                                   mine_.waits[0].first, format_percent(mine_.waits[0].second));
    if (mine_.waits.size() > 1 && mine_.waits[1].second > 0.15) {
      text += fmt::format("; {}: {}", mine_.waits[1].first, format_percent(mine_.waits[1].second));
    }
    text += ")";
    if (base_ && !base_->waits.empty() && base_->waits[0].first != mine_.waits[0].first) {
      text += fmt::format("; the baseline's for {}", base_->waits[0].first);
    }
    said_.push_back(text + ".");
  }

  const bench::CaseResult& result_;
  const CounterDigest& mine_;
  const CounterDigest* base_;
  std::vector<std::string> said_;
};

}  // namespace

CounterDigest digest(const bench::CounterProfile& profile) {
  const auto& kernels = profile.kernels;
  CounterDigest d;
  d.kernels = kernels.size();
  if (kernels.empty()) return d;
  d.ns = sum_of(kernels, "gpu__time_duration.sum");
  d.bytes_read = sum_of(kernels, "dram__bytes_read.sum");
  d.bytes_written = sum_of(kernels, "dram__bytes_write.sum");
  const auto a_request = [&](const char* sectors, const char* requests) {
    const double n = sum_of(kernels, requests);
    return n > 0.0 ? sum_of(kernels, sectors) / n : 0.0;
  };
  d.load_sectors = a_request("l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum",
                             "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum");
  d.store_sectors = a_request("l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum",
                              "l1tex__t_requests_pipe_lsu_mem_global_op_st.sum");
  d.shared_passes = sum_of(kernels, "l1tex__data_pipe_lsu_wavefronts_mem_shared.sum");
  d.conflict_passes = sum_of(kernels, "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum");
  d.occupancy = mean_of(kernels, "sm__warps_active.avg.pct_of_peak_sustained_active") / 100.0;
  d.occupancy_limit = mean_of(kernels, "sm__maximum_warps_per_active_cycle_pct") / 100.0;
  d.limited_by = limit_of(kernels);
  for (const KernelCounters& one : kernels) {
    d.registers = std::max(d.registers, one.value("launch__registers_per_thread"));
  }
  d.tensor =
      mean_of(kernels, "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active") / 100.0;
  d.spilled_bytes = sum_of(kernels, "l1tex__t_bytes_pipe_lsu_mem_local_op_ld.sum") +
                    sum_of(kernels, "l1tex__t_bytes_pipe_lsu_mem_local_op_st.sum");
  d.waits = waits_of(kernels);
  return d;
}

std::vector<std::string> explain_counters(const bench::CaseResult& result,
                                          const CounterDigest& mine,
                                          const CounterDigest* baseline) {
  return Sentences(result, mine, baseline).all();
}

}  // namespace aisp::report
