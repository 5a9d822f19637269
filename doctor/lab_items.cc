// See lab_items.h.
#include "doctor/lab_items.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "doctor/stored_runs.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr LabItem kLabItems[] = {
    {"aligned-vector-access", "ch07:copy_scalar_vectorized"},
    {"autotune-kernel-parameters", "ch06:autotuning"},
    {"coalesced-access", "ch07:copy_uncoalesced_coalesced"},
    {"divergent-baseline-kept", "ch06:warp_divergence_ilp"},
    {"double-buffer-tiles", "ch07:async_prefetch"},
    {"explicit-prefetch", "ch07:lookup"},
    {"first-use-autotune", "ch06:autotuning"},
    {"flash-attention", "ch10:flash_attention"},
    {"fuse-small-kernels", "ch12:kernel_fusion"},
    {"fused-library-ops", "ch09:memory_bound"},
    {"fused-scaling", "ch13:quantization"},
    {"int8-inference", "ch13:quantization"},
    {"kv-cache-management", "ch13:kv_cache_naive"},
    {"pattern-bank-conflict-gemm", "ch06:bank_conflicts"},
    {"pattern-cooperative-graph", "ch12:cuda_graphs"},
    {"pattern-copy-transpose", "ch07:transpose_padded"},
    {"persistent-kernels", "ch12:kernel_launches"},
    {"pipeline-stages", "ch03:kubernetes"},
    {"preallocated-tensors", "ch13:kv_cache_naive_pool"},
    {"prefetch-buffer", "ch03:pinned_prefetch"},
    {"residency-contrast", "ch02:memory_transfer"},
    {"resident-staged-pipeline", "ch03:pinned_prefetch"},
    {"reuse-output-buffers", "ch09:memory_bound"},
    {"shared-memory-tiling", "ch07:matmul_tiled"},
    {"warp-uniform-branches", "ch06:warp_divergence_ilp"},
};

// The technique that gained most over the baseline in a case, with its interval.
std::string best_of(const bench::CaseResult& result) {
  const bench::TechniqueResult* best = nullptr;
  for (const auto& technique : result.techniques) {
    if (technique.role != "technique" || !is_timed(technique)) continue;
    if (technique.pair.ratio.estimate <= 0.0) continue;
    if (best == nullptr || technique.pair.ratio.estimate < best->pair.ratio.estimate) {
      best = &technique;
    }
  }
  if (best == nullptr) return "";
  const Interval& ratio = best->pair.ratio;
  return fmt::format("{} {} {} of {}", best->name, format_ratio(1.0 / ratio.estimate),
                     format_ratio_interval(1.0 / ratio.high, 1.0 / ratio.low), result.baseline);
}

struct Newest {
  std::string when;
  std::vector<Reading> cases;
};

// Lines are parsed only where they name the target: results hold raw samples, a megabyte a run.
Newest newest_result(const Evidence& evidence, const std::string& target) {
  constexpr std::size_t kRuns = 16;
  Newest newest;
  const std::string quoted = "\"" + target + "\"";
  for (const std::string& folder : run_folders(evidence, kRuns)) {
    const Text lines = evidence.read_record(folder + "/results.jsonl");
    if (!lines || lines.value.find(quoted) == std::string::npos) continue;
    Newest one;
    for (const auto line : machine::split(lines.value, '\n')) {
      if (line.find(quoted) == std::string_view::npos) continue;
      bench::CaseResult result;
      try {
        result = bench::case_from_json(Json::parse(line), folder);
      } catch (const std::exception&) {
        continue;  // a damaged line is not a result; the probes of runs say so
      }
      const auto& targets = result.targets;
      if (std::find(targets.begin(), targets.end(), target) == targets.end()) continue;
      const std::string best = result.checks_off.empty() ? best_of(result) : "";
      if (best.empty()) continue;
      one.when = std::max(one.when, result.started_utc);
      one.cases.push_back({fmt::format("{} {}", folder, result.key()), best});
    }
    if (!one.cases.empty() && one.when > newest.when) newest = std::move(one);
  }
  return newest;
}

}  // namespace

std::span<const LabItem> lab_items() { return kLabItems; }

Finding lab_finding(const Item& item, const Evidence& evidence) {
  Finding finding;
  finding.verdict = Verdict::kListed;
  const auto rows = lab_items();
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const LabItem& one) { return item.id == one.id; });
  if (row == rows.end()) {
    finding.says = "no lab yet: " + item.gist;
    return finding;
  }
  const Newest newest = newest_result(evidence, row->target);
  if (newest.cases.empty()) {
    finding.says = fmt::format("lab {}, not run yet: {}", row->target, item.gist);
    finding.cost = fmt::format("aisp bench run --targets {} measures it here", row->target);
    return finding;
  }
  finding.says = fmt::format("lab {}: {}", row->target, newest.cases.front().value);
  finding.evidence = newest.cases;
  finding.cost = fmt::format("measured {}", newest.when);
  return finding;
}

}  // namespace aisp::doctor
