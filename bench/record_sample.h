// A synthetic run for tests of the record, the reports and the summary table: every outcome, every
// verdict and every label occurs, with plausible numbers. Deterministic; nothing was measured.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "bench/record.h"

namespace aisp::bench::sample {

inline Interval around(double estimate, double half_width) {
  return {estimate, estimate * (1.0 - half_width), estimate * (1.0 + half_width)};
}

/// Samples as a shared machine gives them: a narrow body, a tail to the right, a few outliers.
inline Series series(double median_ns, double spread, std::uint64_t seed, std::size_t rounds) {
  Rng rng(seed);
  Series out;
  out.iterations = static_cast<std::uint64_t>(std::max(1.0, 100e3 / median_ns));
  for (std::size_t i = 0; i < rounds; ++i) {
    double factor = 1.0 + spread * rng.normal() * 0.5 + spread * -std::log(1.0 - rng.uniform());
    out.cpu_ns.push_back(median_ns * factor);
    if (rng.below(40) == 0) factor *= 1.5;
    out.wall_ns.push_back(median_ns * factor);
  }
  return out;
}

inline TechniqueResult timed(const CaseResult& of, const std::string& name, double time_ns,
                             double ratio, double half_width) {
  TechniqueResult t;
  t.name = name;
  t.summary = "what " + name + " does, in one line";
  t.role = name == of.baseline ? "baseline" : "technique";
  t.outcome = Outcome::kOk;
  t.margin = 0.01;
  t.level = 0.95;
  t.pair.ratio = t.pair.ratio_wall = t.pair.ratio_cpu = around(ratio, half_width);
  if (name == of.baseline) t.pair.ratio = {1.0, 1.0, 1.0};
  t.pair.verdict = verdict_of(t.pair.ratio, t.margin);
  t.pair.rounds = 96;
  t.time_ns = around(time_ns, half_width);
  t.p10_ns = time_ns * 0.99;
  t.p90_ns = time_ns * 1.04;
  t.p99_ns = time_ns * 1.5;
  t.gflop_per_s = of.flops / time_ns;
  t.gb_per_s = (of.bytes_read + of.bytes_written) / time_ns;
  t.items_per_s = of.items / time_ns * 1e9;
  const double compute_ns = of.flops / 222.0;
  const double memory_ns = (of.bytes_read + of.bytes_written) / 23.0;
  t.floor_ns = std::max(compute_ns, memory_ns);
  t.bound = compute_ns > memory_ns ? "compute" : "memory";
  t.ceiling_fraction = t.floor_ns / time_ns;
  t.outputs_checked = 3;
  t.worst_in_bounds = 0.21;
  return t;
}

inline TechniqueResult untimed(const std::string& name, Outcome outcome, const std::string& reason,
                               const std::string& detector = "") {
  TechniqueResult t;
  t.name = name;
  t.summary = "what " + name + " does, in one line";
  t.role = "technique";
  t.outcome = outcome;
  t.reason = reason;
  t.detector = detector;
  return t;
}

inline void add_samples(CaseResult& result, std::size_t processes = 2, std::size_t rounds = 96) {
  for (std::size_t p = 0; p < processes; ++p) {
    ProcessRecord process;
    process.seed = derive_seed(0xA15Full << 44, p);
    process.seconds = 1.5;
    std::uint64_t label = p * 100;
    for (const auto& t : result.techniques) {
      if (t.outcome != Outcome::kOk && t.outcome != Outcome::kNoisy) continue;
      const double shift = 1.0 + 0.004 * static_cast<double>(p);
      const double spread = t.outcome == Outcome::kNoisy ? 0.15 : 0.015;
      process.series[t.name] = series(t.time_ns.estimate * shift, spread, ++label, rounds);
    }
    result.processes.push_back(std::move(process));
  }
}

inline CaseResult transpose_case() {
  CaseResult r;
  r.lab = "ch07:transpose";
  r.folder = "labs/ch07_memory_access/transpose";
  r.source_hash = "9f2c41d07be1a5c3";
  r.question = "How much of a large transpose is lost to strided memory access?";
  r.targets = {"ch07:transpose", "ch07:transpose_padded"};
  r.case_name = "llama3_8b_mlp";
  r.origin = "Llama 3 8B, MLP weight 4096 x 14336";
  r.size = "full";
  r.params = {{"rows", 4096}, {"columns", 14336}};
  r.baseline = "row_walk";
  r.bytes_read = r.bytes_written = 4.0 * 4096 * 14336;
  r.items = 4096.0 * 14336.0;
  r.item_name = "elements";
  r.flops_dtype = "f32";
  r.medium = "memory";
  r.working_set_bytes = 8.0 * 4096 * 14336;
  r.started_utc = "2025-03-04T10:11:12Z";
  r.seconds = 4.2;
  r.load1 = 0.8;
  r.steal_share = 0.002;
  r.techniques.push_back(timed(r, "row_walk", 612e6, 1.0, 0.01));
  r.techniques.push_back(timed(r, "column_walk", 655e6, 1.07, 0.008));
  r.techniques.push_back(timed(r, "tiled", 118e6, 0.193, 0.02));
  r.techniques.push_back(timed(r, "tiled_simd", 41e6, 0.067, 0.03));
  r.techniques.back().labels = {"contended", "cpu clock"};
  r.techniques.back().pair.clock = Clock::kCpu;
  r.techniques.push_back(untimed("tiled_smem", Outcome::kSkipped, "needs a CUDA device"));
  r.techniques.back().device = "cuda";
  add_samples(r);
  return r;
}

inline CaseResult gemm_case() {
  CaseResult r;
  r.lab = "ch01:gemm";
  r.folder = "labs/ch01_overview/gemm";
  r.source_hash = "03c0ffee9d1177aa";
  r.question = "What does batching many small matrix products save?";
  r.targets = {"ch01:gemm"};
  r.case_name = "gpt2_heads";
  r.origin = "GPT-2 small, 12 heads of 64 over 1024 tokens";
  r.size = "full";
  r.params = {{"B", 12}, {"K", 64}, {"M", 1024}, {"N", 1024}};
  r.baseline = "one_by_one";
  r.flops = 2.0 * 12 * 1024 * 1024 * 64;
  r.flops_dtype = "f32";
  r.bytes_read = 4.0 * 12 * (2 * 1024 * 64);
  r.bytes_written = 4.0 * 12 * 1024 * 1024;
  r.items = 12;
  r.item_name = "products";
  r.medium = "memory";
  r.working_set_bytes = r.bytes_read + r.bytes_written;
  r.started_utc = "2025-03-04T10:11:20Z";
  r.seconds = 3.1;
  r.load1 = 3.4;
  r.steal_share = 0.08;
  r.techniques.push_back(timed(r, "one_by_one", 21.4e6, 1.0, 0.01));
  r.techniques.push_back(timed(r, "batched", 9.6e6, 0.449, 0.01));
  r.techniques.push_back(timed(r, "strided", 9.55e6, 0.4462, 0.09));
  r.techniques.back().has_isolated = true;
  r.techniques.back().isolated = r.techniques.back().pair;
  r.techniques.back().isolated.ratio = around(0.51, 0.02);
  r.techniques.back().labels = {"isolated disagrees"};
  r.techniques.push_back(timed(r, "reordered", 21.38e6, 0.999, 0.004));
  r.techniques.push_back(timed(r, "prefetched", 21.0e6, 0.985, 0.02));
  r.techniques.back().pair.rounds_needed = 5300;
  r.techniques.push_back(timed(r, "spread_over_cores", 12e6, 0.56, 0.3));
  r.techniques.back().outcome = Outcome::kNoisy;
  r.techniques.back().reason = "processes disagree by 41 %";
  r.techniques.back().threads = 2;
  r.techniques.push_back(untimed("half_sum", Outcome::kWrong,
                                 "3 of 4096 wrong, worst at [17]: got 1.5, want 1.25, "
                                 "40 times the bound",
                                 "reference"));
  r.techniques.push_back(untimed("cached_answer", Outcome::kImpossible,
                                 "910 GFLOP/s is 4.1 times the measured ceiling", "ceiling"));
  r.techniques.push_back(untimed("packed_panels", Outcome::kFailed,
                                 "the worker was ended by signal 11 (segmentation fault)",
                                 "worker"));
  r.techniques.back().last_output = "packing panel 7 of 12\nfree(): invalid pointer\n";
  r.techniques.push_back(timed(r, "onednn", 7.9e6, 0.369, 0.01));
  r.techniques.back().role = "peer";
  add_samples(r);
  return r;
}

/// A ceiling that ran in the same rounds, of which technique 1 reached nine tenths.
inline void add_ceiling(CaseResult& r) {
  r.techniques.push_back(timed(r, "ceiling", r.techniques[1].time_ns.estimate * 0.9, 0.1, 0.01));
  r.techniques.back().role = "ceiling";
  r.techniques.back().summary = "moves the same bytes: copy_nt avx2";
  r.techniques[1].beside = "ceiling";
  r.techniques[1].beside_fraction = {0.9, 0.88, 0.915};
}

inline CaseResult softmax_case(const std::string& size) {
  CaseResult r;
  r.lab = "ch09:online_softmax";
  r.folder = "labs/ch09_fusion/online_softmax";
  r.source_hash = "77aa77aa12341234";
  r.question = "Is one pass over the logits worth the extra exponentials?";
  r.targets = {"ch09:online_softmax"};
  r.case_name = "llama3_vocab";
  r.origin = "Llama 3, logits over 128256 tokens";
  r.size = size;
  r.params = {{"rows", size == "full" ? 64 : 2}, {"columns", 128256}};
  r.baseline = "three_pass";
  const double n = static_cast<double>(r.params["rows"]) * 128256.0;
  r.flops = 5.0 * n;
  r.flops_dtype = "f32";
  r.bytes_read = r.bytes_written = 4.0 * n;
  r.items = static_cast<double>(r.params["rows"]);
  r.item_name = "rows";
  r.medium = "memory";
  r.working_set_bytes = 8.0 * n;
  r.started_utc = "2025-03-04T10:11:30Z";
  r.seconds = 2.0;
  const double time = n * 1.9;
  r.techniques.push_back(timed(r, "three_pass", time, 1.0, 0.01));
  r.techniques.push_back(timed(r, "online", time * 0.71, 0.71, 0.006));
  r.techniques.push_back(timed(r, "online_simd", time * 0.21, 0.21, 0.01));
  r.techniques.push_back(timed(r, "undecided", time * 0.9, 0.9, 0.1));
  r.techniques.back().pair.ratio.low = 0.0;
  r.techniques.back().pair.ratio.high = std::numeric_limits<double>::infinity();
  r.techniques.back().pair.verdict = Verdict::kInconclusive;
  r.techniques.back().pair.rounds_needed = 64;
  add_samples(r, size == "full" ? 2 : 1, 40);
  return r;
}

inline Json ceilings() {
  const auto interval = [](double value) {
    return Json{{"estimate", value}, {"low", value * 0.98}, {"high", value * 1.01}};
  };
  Json json = {{"hardware_key", "amd-epyc-25.17-2c-23g-1a2b3c4d"},
               {"compute", Json::array()},
               {"bandwidth", Json::array()}};
  for (const int threads : {1, 2}) {
    for (const auto& [isa, rate] : std::vector<std::pair<std::string, double>>{
             {"scalar", 13.8}, {"avx2", 111.0}, {"avx512", 222.0}}) {
      json["compute"].push_back({{"isa", isa},
                                 {"dtype", "f32"},
                                 {"threads", threads},
                                 {"gflop_per_s", interval(rate * threads)},
                                 {"best", rate * threads * 1.03}});
    }
    for (const auto& [level, rate] :
         std::vector<std::pair<int, double>>{{1, 410.0}, {2, 179.0}, {3, 92.0}, {0, 17.0}}) {
      json["bandwidth"].push_back({{"level", level},
                                   {"kind", "read"},
                                   {"threads", threads},
                                   {"working_set_bytes", level == 0 ? 268435456 : 16384 << level},
                                   {"gb_per_s", interval(rate * threads)},
                                   {"best", rate * threads * 1.05}});
    }
  }
  return json;
}

inline Json header() {
  Json json = {{"schema", kRunSchema},
               {"run_id", "20250304-101110-gemm"},
               {"started_utc", "2025-03-04T10:11:10Z"},
               {"command", {"aisp", "bench", "run", "--size", "full"}}};
  json["aisp"] = {
      {"version", "0.1.0"},      {"git_commit", "0123456789abcdef0123456789abcdef01234567"},
      {"git_dirty", false},      {"compiler", "GNU 12.2.0"},
      {"flags", "-O3 -DNDEBUG"}, {"build_type", "Release"}};
  json["hardware_key"] = "amd-epyc-25.17-2c-23g-1a2b3c4d";
  json["cpu"] = {{"vendor", "AuthenticAMD"},
                 {"model", "AMD EPYC 9R14"},
                 {"cores", 2},
                 {"features", {"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16"}},
                 {"caches",
                  {{{"level", 1},
                    {"size_bytes", 32768},
                    {"ways", 8},
                    {"line_bytes", 64},
                    {"sharing_cores", 1}},
                   {{"level", 2},
                    {"size_bytes", 1048576},
                    {"ways", 8},
                    {"line_bytes", 64},
                    {"sharing_cores", 1}}}},
                 {"memory_bytes", 24696061952}};
  json["environment"] = {{"kernel", "6.1.0"}, {"governor", "performance"}, {"thp", "madvise"}};
  json["topology"] = Json::parse(R"({"kind": "machine", "label": "machine", "children": [
    {"kind": "cache", "label": "L3 32 MiB", "processors": "0-1", "children": [
      {"kind": "core", "label": "core 0", "processors": "0"},
      {"kind": "core", "label": "core 1", "processors": "1"}]},
    {"kind": "disk", "label": "nvme0n1 1 TiB", "pci": "0000:01:00.0"}]})");
  json["libraries"] = {{"fmt", "9.1.0"}, {"hwloc", "2.9.0"}};
  json["options"] = {{"size", "full"}, {"budget_s", 2.0}, {"targets", {"ch01", "ch07"}}};
  json["seed"] = 0xFEDCBA9876543210ull;
  json["ceilings"] = ceilings();
  return json;
}

inline RunRecord run() {
  RunRecord record;
  record.folder = "artifacts/20250304-101110-gemm";
  record.header = header();
  record.results = {gemm_case(), transpose_case(), softmax_case("full"), softmax_case("smoke")};
  return record;
}

/// The same run with `hostile` in every string that anybody could choose.
inline RunRecord hostile_run(const std::string& hostile) {
  RunRecord record = run();
  for (const auto& path : {"/run_id",
                           "/started_utc",
                           "/command/0",
                           "/aisp/version",
                           "/aisp/git_commit",
                           "/aisp/compiler",
                           "/aisp/flags",
                           "/aisp/build_type",
                           "/hardware_key",
                           "/cpu/vendor",
                           "/cpu/model",
                           "/cpu/features/0",
                           "/environment/kernel",
                           "/libraries/fmt",
                           "/options/size",
                           "/topology/label",
                           "/topology/children/0/label",
                           "/topology/children/1/pci",
                           "/topology/children/0/children/0/processors",
                           "/ceilings/compute/0/isa",
                           "/ceilings/compute/2/isa",
                           "/ceilings/bandwidth/0/kind"}) {
    record.header[Json::json_pointer(path)] = hostile;
  }
  for (const auto& path : {"/environment", "/libraries", "/options"}) {
    record.header[Json::json_pointer(path)][hostile] = hostile;
  }
  for (auto& result : record.results) {
    for (std::string* text :
         {&result.lab, &result.folder, &result.source_hash, &result.question, &result.case_name,
          &result.origin, &result.size, &result.baseline, &result.flops_dtype, &result.item_name,
          &result.medium, &result.started_utc}) {
      *text += hostile;
    }
    result.targets.push_back(hostile);
    result.params[hostile] = 1;
    result.checks_off = {hostile};
    for (auto& process : result.processes) {
      std::map<std::string, Series> renamed;
      for (auto& [name, series] : process.series) renamed[name + hostile] = std::move(series);
      process.series = std::move(renamed);
    }
    for (auto& t : result.techniques) {
      for (std::string* text : {&t.name, &t.summary, &t.role, &t.device, &t.reason, &t.detector,
                                &t.last_output, &t.bound}) {
        *text += hostile;
      }
      t.labels.push_back(hostile);
    }
  }
  return record;
}

}  // namespace aisp::bench::sample
