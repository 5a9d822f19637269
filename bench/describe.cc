// What a run and its cases are, as the record tells it. See describe.h.
#include "bench/describe.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "bench/ceiling_loop.h"
#include "machine/device_reasons.h"
#include "machine/environment.h"
#include "machine/gpu_costs_cache.h"
#include "machine/topology.h"

namespace aisp::bench {
namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

Json cpu_json(const machine::Cpu& cpu) {
  Json caches = Json::array();
  for (const auto& cache : cpu.data_caches) {
    caches.push_back({{"level", cache.level},
                      {"size_bytes", cache.size_bytes},
                      {"ways", cache.ways},
                      {"line_bytes", cache.line_bytes},
                      {"sharing_cores", cache.sharing_cores}});
  }
  return {{"vendor", cpu.vendor},
          {"model", cpu.model},
          {"architecture", cpu.architecture},
          {"family", cpu.family},
          {"model_number", cpu.model_number},
          {"stepping", cpu.stepping},
          {"cores", cpu.cores},
          {"cores_online", cpu.cores_online},
          {"threads_per_core", cpu.threads_per_core},
          {"packages", cpu.packages},
          {"numa_nodes", cpu.numa_nodes},
          {"features", cpu.features()},
          {"caches", caches},
          {"memory_bytes", cpu.memory_bytes},
          {"page_bytes", cpu.page_bytes}};
}

Json options_json(const RunOptions& o) {
  return {{"targets", o.targets},
          {"techniques", o.techniques},
          {"modules", o.modules},
          {"checks_off", o.checks_off},
          {"size", o.size},
          {"profile", o.profile},
          {"iterations", o.iterations},
          {"budget_s", o.budget_s},
          {"cases", o.cases},
          {"peers", o.peers},
          {"isolated", o.isolated},
          {"processes", o.processes},
          {"margin", o.margin},
          {"level", o.level},
          {"precision", o.precision},
          {"time_limit_s", o.time_limit_s},
          {"cache", name(o.cache)},
          {"graph", o.graph},
          {"memory_limit_bytes", o.memory_limit_bytes}};
}

Json library_versions() {
  return {{"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100,
                              FMT_VERSION % 100)},
          {"nlohmann_json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                        NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
          {"glibc", fmt::format("{}.{}", __GLIBC__, __GLIBC_MINOR__)}};
}

}  // namespace

Json describe_run(const RunOptions& options, const machine::Cpu& cpu,
                  const machine::Ceilings& ceilings, const DeviceCeilings& device) {
  Json environment = Json::object();
  for (const auto& [name, value] : machine::read_environment()) environment[name] = value;
  Json header = {{"schema", kRunSchema},
                 {"run_id", std::filesystem::path(options.out).filename().string()},
                 {"started_utc", utc_now()},
                 {"command", options.command},
                 {"aisp", build_info()},
                 {"hardware_key", machine::hardware_key(cpu)},
                 {"cpu", cpu_json(cpu)},
                 {"environment", environment},
                 {"topology", machine::to_json(machine::read_topology({}))},
                 {"libraries", library_versions()},
                 {"options", options_json(options)},
                 {"seed", options.seed}};
  header["ceilings"] = ceilings.empty() ? Json(nullptr) : Json::parse(machine::to_json(ceilings));
  if (const machine::CudaDevice& gpu = machine::cuda_device(); gpu.why_not.empty()) {
    header["device"] = {{"name", gpu.name},
                        {"hardware_key", device_key(gpu)},
                        {"compute_capability", fmt::format("{}.{}", gpu.major, gpu.minor)},
                        {"mig_slice", machine::is_mig_slice(gpu)},
                        {"multiprocessors", gpu.multiprocessors},
                        {"l2_bytes", gpu.l2_bytes},
                        {"memory_bytes", gpu.memory_bytes},
                        {"driver", gpu.driver_version},
                        {"runtime", gpu.runtime_version}};
    if (!device.empty()) header["device"]["ceilings"] = machine::to_json(std::vector{device.costs});
  }
  return header;
}

CaseResult describe_case(const KnownLab& known, const Case& one, const RunOptions& options) {
  const Lab& lab = known.lab;
  const Params& params = options.size == "smoke" ? one.smoke : one.full;
  const Work work =
      known.commands ? known.commands->at(one.name, options.size).work : lab.work(params);
  const Problem problem = known.commands ? Problem{} : lab.problem(params);
  CaseResult result;
  result.lab = known.name;
  result.folder = known.entry.folder;
  result.source_hash = known.entry.source_hash;
  result.question = lab.question;
  result.targets = lab.targets;
  result.case_name = one.name;
  result.origin = one.origin;
  result.size = options.size;
  result.params = params.values();
  result.baseline = lab.baseline_on(one.device);
  result.device = name(one.device);
  if (one.device == Device::kCuda) {
    result.cache = name(options.cache);
    result.graph = options.graph;
  }
  result.flops = work.flops;
  result.flops_dtype = std::string(name(work.flops_dtype));
  result.bytes_read = work.bytes_read;
  result.bytes_written = work.bytes_written;
  result.items = work.items;
  result.item_name = work.item_name;
  result.medium = work.medium == Work::Medium::kMemory     ? "memory"
                  : work.medium == Work::Medium::kDisk     ? "disk"
                  : work.medium == Work::Medium::kHostLink ? "host link"
                                                           : "none";
  for (const auto* specs : {&problem.inputs, &problem.outputs}) {
    for (const TensorSpec& spec : *specs)
      result.working_set_bytes += static_cast<double>(spec.bytes());
  }
  result.started_utc = utc_now();
  result.checks_off = options.checks_off;
  return result;
}

namespace {

// One for each number of threads that somebody runs.
void add_ceilings(std::vector<TechniqueResult>& rows) {
  std::vector<TechniqueResult> ceilings;
  for (const TechniqueResult& row : rows) {
    TechniqueResult ceiling;
    ceiling.name = ceiling_name(row.threads);
    ceiling.role = "ceiling";
    ceiling.threads = row.threads;
    ceiling.outcome = Outcome::kOk;
    const auto called_so = [&](const TechniqueResult& other) { return other.name == ceiling.name; };
    const bool there = std::any_of(rows.begin(), rows.end(), called_so) ||
                       std::any_of(ceilings.begin(), ceilings.end(), called_so);
    if (row.outcome == Outcome::kOk && !there) ceilings.push_back(std::move(ceiling));
  }
  rows.insert(rows.end(), ceilings.begin(), ceilings.end());
}

}  // namespace

// Two sets of inputs with their copies, the device's own reference, and room for what plans take.
std::string too_little_memory(const Lab& lab, const Params& params, CacheMode cache,
                              const machine::CudaDevice& device) {
  const Problem problem = lab.problem(params);
  const int replicas = cache == CacheMode::kCold ? cold_replicas(problem, device) : 1;
  std::size_t need = device_bytes(problem, replicas) + (std::size_t{512} << 20);
  for (const TensorSpec& spec : problem.outputs) need += 16 * spec.count();
  if (need <= device.memory_bytes) return "";
  return fmt::format("needs {:.1f} GiB of device memory, {} has {:.1f}",
                     static_cast<double>(need) / (1 << 30), device.name,
                     static_cast<double>(device.memory_bytes) / (1 << 30));
}

std::vector<TechniqueResult> describe_techniques(const Lab& lab, const Case& one,
                                                 const RunOptions& options, const machine::Cpu& cpu,
                                                 bool ceilings) {
  std::vector<TechniqueResult> all;
  const std::string& baseline = lab.baseline_on(one.device);
  std::string no_room;
  if (one.device == Device::kCuda && machine::cuda_device().why_not.empty()) {
    const Params& params = options.size == "smoke" ? one.smoke : one.full;
    no_room = too_little_memory(lab, params, options.cache, machine::cuda_device());
  }
  for (const Technique& technique : lab.techniques) {
    if (technique.device != one.device) continue;
    TechniqueResult row;
    row.name = technique.name;
    row.summary = technique.summary;
    row.role = technique.name == baseline      ? "baseline"
               : technique.role == Role::kPeer ? "peer"
                                               : "technique";
    row.device = name(technique.device);
    row.threads = technique.threads == 0 ? cpu.cores : technique.threads;
    row.reason = why_not_here(technique);
    if (row.reason.empty()) row.reason = no_room;
    row.outcome = row.reason.empty() ? Outcome::kOk : Outcome::kSkipped;
    if (row.role == "baseline")
      all.insert(all.begin(), std::move(row));
    else
      all.push_back(std::move(row));
  }
  if (ceilings) add_ceilings(all);
  return all;
}

}  // namespace aisp::bench
