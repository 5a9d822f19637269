// Traces: the kernels themselves. Which dominate, which use Tensor Cores or libraries, how well
// they fill the GPU.
//
// Source: names of cuBLAS, cuDNN and CUTLASS kernels; CUDA occupancy API; Inductor's kernel names.
#include <cctype>
#include <map>
#include <set>

#include "doctor/measures/trace_measure.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

bool has_any(const std::string& name, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return name.find(word) != std::string::npos; });
}

bool is_gemm(const std::string& name) {
  return has_any(name, {"gemm", "Gemm", "nvjet", "cutlass", "wgmma", "xmma", "cublas"});
}
bool on_tensor_cores(const std::string& name) {
  return has_any(name, {"tf32", "tensorop", "hmma", "wgmma", "bf16", "f16", "s16816", "s1688",
                        "e4m3", "i8816", "nvjet", "h884", "h1688"});
}
bool of_library(const std::string& name) {
  return has_any(name, {"cublas", "cutlass", "cudnn", "xmma", "nvjet", "ampere_", "sm80_", "sm90_",
                        "sm100_", "volta_", "turing_", "hopper_", "flash_fwd", "flash_bwd"});
}

std::map<std::string, double> time_by_name(const Trace& trace) {
  std::map<std::string, double> times;
  for (const Kernel& kernel : trace.kernels) times[kernel.name] += kernel.us();
  return times;
}

double sum_of(const std::map<std::string, double>& times) {
  double sum = 0.0;
  for (const auto& [name, us] : times) sum += us;
  return sum;
}

std::vector<std::pair<double, std::string>> ranked(const std::map<std::string, double>& times) {
  std::vector<std::pair<double, std::string>> all;
  for (const auto& [name, us] : times) all.emplace_back(us, name);
  std::sort(all.rbegin(), all.rend());
  return all;
}

Json tensor_figures(const Trace& trace) {
  double gemm = 0.0, simt = 0.0;
  std::string example;
  for (const auto& [us, name] : ranked(time_by_name(trace))) {
    if (!is_gemm(name)) continue;
    gemm += us;
    if (on_tensor_cores(name)) continue;
    simt += us;
    if (example.empty()) example = name;
  }
  return {{"gemm_us", gemm},
          {"simt_us", simt},
          {"example", example},
          {"all_us", sum_of(time_by_name(trace))}};
}

Finding decide_tensor(const Evidence&, const Json& found) {
  const double gemm = found.at("gemm_us").get<double>();
  if (gemm <= 0) return not_applicable("the trace holds no matrix product by its name");
  const double share = found.at("simt_us").get<double>() / gemm;
  const std::string example = found.at("example").get<std::string>();
  std::vector<Reading> read = {
      {"matrix products",
       fmt::format("{} of the GPU's time",
                   format_percent(share_of(gemm, found.at("all_us").get<double>())))},
      {"without Tensor Cores", format_percent(share)}};
  if (!example.empty()) read.push_back({"such as", short_name(example)});
  const std::string words =
      fmt::format("{} of matrix-product time runs without Tensor Cores", format_percent(share));
  if (share <= 0.2) return ok(words, read);
  return warn(words, read, "rates differ by 8x (TF32) to 16x (BF16) on an H100's data sheet");
}

Json library_figures(const Trace& trace) {
  double gemm = 0.0, library = 0.0;
  std::string example;
  for (const auto& [us, name] : ranked(time_by_name(trace))) {
    if (!is_gemm(name)) continue;
    gemm += us;
    if (of_library(name))
      library += us;
    else if (example.empty())
      example = name;
  }
  return {{"gemm_us", gemm}, {"library_us", library}, {"example", example}};
}

// Core types of OpenBLAS that do without AVX2: a fifth of the rate, or less, where there is AVX2.
bool is_old_core(const std::string& core) {
  static const std::set<std::string> kOld = {
      "KATMAI", "COPPERMINE", "NORTHWOOD", "PRESCOTT", "BANIAS",      "YONAH",   "CORE2",
      "PENRYN", "DUNNINGTON", "NEHALEM",   "ATOM",     "ATHLON",      "OPTERON", "BARCELONA",
      "BOBCAT", "GENERIC",    "NANO",      "VIAC3",    "OPTERON_SSE3"};
  std::string upper = core;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return kOld.contains(upper);
}

// The core type that OpenBLAS takes here: what the environment says, else what it said when asked.
std::string openblas_core(const Evidence& evidence) {
  if (const Text forced = evidence.variable("OPENBLAS_CORETYPE")) return forced.value;
  for (const auto& library : evidence.facts().libraries) {
    if (library.name.starts_with("libopenblas")) return library.detail;
  }
  return "";
}

bool has_avx2(const Evidence& evidence) {
  const auto flags = Evidence::value_of(evidence.read("/proc/cpuinfo").value, "flags");
  return flags && (" " + *flags + " ").find(" avx2 ") != std::string::npos;
}

// Where there is no trace: which libraries the process has mapped.
Json measure_library(const Evidence& evidence, double seconds) {
  if (!evidence.subject().trace.empty()) return from_trace<library_figures>(evidence, seconds);
  const Text maps = evidence.read(evidence.of_subject("maps"));
  Json found = {
      {"maps_seen", static_cast<bool>(maps)}, {"why", maps.why}, {"mapped", Json::array()}};
  for (const char* name :
       {"libcublasLt", "libcublas.", "libcudnn", "libnccl", "libnvshmem", "libmkl_", "libopenblas",
        "libblis", "libdnnl", "libblas.so.3", "libtorch_cpu"}) {
    if (maps.value.find(std::string("/") + name) != std::string::npos)
      found["mapped"].push_back(name);
  }
  if (evidence.subject().pid == 0) found["mapped"].push_back("libopenblas");  // it is installed
  found["openblas_core"] = openblas_core(evidence);
  found["avx2"] = has_avx2(evidence);
  return found;
}

std::string needs_library(const Evidence& evidence) {
  const bool given = !evidence.subject().trace.empty() || evidence.subject().pid != 0;
  return given || !openblas_core(evidence).empty()
             ? ""
             : "no --trace and no --pid given, and OpenBLAS is not installed";
}

Finding decide_library(const Evidence&, const Json& found) {
  if (found.contains("maps_seen")) {
    if (!found.at("maps_seen").get<bool>()) return cannot_see(found.at("why").get<std::string>());
    const auto mapped = found.at("mapped").get<std::vector<std::string>>();
    const std::vector<Reading> read = {
        {"/proc/PID/maps", mapped.empty() ? "none" : fmt::format("{}", fmt::join(mapped, ", "))}};
    const bool plain = std::find(mapped.begin(), mapped.end(), "libblas.so.3") != mapped.end();
    if (mapped.empty()) return not_applicable("the process has no maths library mapped");
    const std::string core = found.value("openblas_core", "");
    const bool uses_it = std::find(mapped.begin(), mapped.end(), "libopenblas") != mapped.end();
    if (uses_it && !core.empty()) {
      const std::vector<Reading> chosen = {{"core type of OpenBLAS", core}};
      if (found.value("avx2", false) && is_old_core(core)) {
        return fail("OpenBLAS takes this processor for a " + core, chosen,
                    "it then runs at a fraction of its rate: --prove vendor-libraries measures it",
                    {{Fix::Kind::kVariable, "OPENBLAS_CORETYPE", "Haswell"}});
      }
      if (mapped.size() == 1) return ok("OpenBLAS runs its " + core + " kernels", chosen);
    }
    if (plain && mapped.size() == 1) {
      return warn("the process multiplies with the reference BLAS", read,
                  "lab ch02:cublas shows what a tuned one gives");
    }
    return ok(fmt::format("tuned libraries are mapped: {}", fmt::join(mapped, ", ")), read);
  }
  const double gemm = found.at("gemm_us").get<double>();
  if (gemm <= 0) return not_applicable("the trace holds no matrix product by its name");
  const double share = found.at("library_us").get<double>() / gemm;
  const std::string example = found.at("example").get<std::string>();
  std::vector<Reading> read = {{"matrix products in library kernels", format_percent(share)}};
  if (!example.empty()) read.push_back({"others, such as", short_name(example)});
  const std::string words =
      fmt::format("{} of matrix-product time is in library kernels", format_percent(share));
  return share >= 0.8 ? ok(words, read)
                      : warn(words, read, "compare the shape with the library: bench compare");
}

Json fusion_figures(const Trace& trace) {
  double tiny = 0.0, fused = 0.0, count = 0.0;
  const auto times = time_by_name(trace);
  for (const auto& [name, us] : times) {
    if (has_any(name, {"elementwise_kernel", "CUDAFunctor"})) tiny += us;
    if (name.starts_with("triton_") || has_any(name, {"inductor", "_fused_"})) fused += us;
  }
  for (const Kernel& kernel : trace.kernels) {
    count += has_any(kernel.name, {"elementwise_kernel"}) ? 1 : 0;
  }
  const double all = sum_of(times);
  return {{"elementwise_share", share_of(tiny, all)},
          {"fused_share", share_of(fused, all)},
          {"elementwise_per_step", count / trace.step_count()}};
}

Finding decide_fusion(const Evidence& evidence, const Json& found) {
  const double tiny = found.at("elementwise_share").get<double>();
  const double fused = found.at("fused_share").get<double>();
  std::vector<Reading> read = {
      {"elementwise kernels",
       fmt::format("{} of the GPU's time, {:.0f} a step", format_percent(tiny),
                   found.at("elementwise_per_step").get<double>())},
      {"kernels of a graph compiler", format_percent(fused)}};
  for (const char* name : {"TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE"}) {
    const Text off = evidence.variable(name);
    if (!off || off.value != "1") continue;
    read.push_back({name, "1"});
    return warn(std::string(name) + "=1: nothing is compiled", read,
                fmt::format("{} in elementwise kernels", format_percent(tiny)),
                {{Fix::Kind::kVariable, name, "0"}});
  }
  const std::string words = fmt::format("elementwise kernels take {}, compiled ones {}",
                                        format_percent(tiny), format_percent(fused));
  if (tiny <= 0.15) return ok(words, read);
  return warn(words, read, "lab ch12:kernel_fusion measures what one pass saves");
}

Json occupancy_figures(const Trace& trace) {
  double known = 0.0, weighted = 0.0, low = 0.0;
  std::map<std::string, double> low_names;
  for (const Kernel& kernel : trace.kernels) {
    if (kernel.occupancy < 0 || kernel.collective) continue;
    known += kernel.us();
    weighted += kernel.us() * kernel.occupancy;
    // A Tensor Core kernel hides latency by its pipeline, not by warps.
    if (kernel.occupancy < 0.25 && !is_gemm(kernel.name)) {
      low += kernel.us();
      low_names[kernel.name] += kernel.us();
    }
  }
  const auto worst = ranked(low_names);
  return {{"known_us", known},
          {"mean", share_of(weighted, known)},
          {"low_share", share_of(low, known)},
          {"example", worst.empty() ? "" : worst.front().second}};
}

Finding decide_occupancy(const Evidence&, const Json& found) {
  if (found.at("known_us").get<double>() <= 0) {
    return cannot_see("the trace has no 'est. achieved occupancy %'");
  }
  const double low = found.at("low_share").get<double>();
  const std::string example = found.at("example").get<std::string>();
  std::vector<Reading> read = {
      {"mean occupancy by time", format_percent(found.at("mean").get<double>())},
      {"below a quarter, products left out", format_percent(low)}};
  if (!example.empty()) read.push_back({"such as", short_name(example)});
  const std::string words = fmt::format(
      "{} of the time is in kernels that fill less than a quarter "
      "of the GPU's warps",
      format_percent(low));
  if (low <= 0.2) return ok(words, read);
  return warn(words, read,
              "other block sizes or __launch_bounds__; the quickest counts, not the fullest");
}

// Waves and tail of one kernel: blocks that run at once against the blocks of its grid.
Json shared_figures(const Trace& trace) {
  double known = 0.0, tailed = 0.0;
  std::map<std::string, double> names;
  for (const Kernel& kernel : trace.kernels) {
    const double sms = trace.multiprocessors, shared = trace.shared_bytes_per_sm;
    if (sms <= 0 || shared <= 0 || kernel.shared_bytes <= 0) continue;
    known += kernel.us();
    const double blocks = kernel.grid[0] * kernel.grid[1] * kernel.grid[2];
    if (blocks <= 0 || 2 * kernel.shared_bytes <= shared) continue;  // two fit
    const double waves = blocks / sms, tail = (std::ceil(waves) - waves) / std::ceil(waves);
    if (tail <= 0.2) continue;
    tailed += kernel.us();
    names[kernel.name] += kernel.us();
  }
  const auto worst = ranked(names);
  return {{"known_us", known},
          {"tail_share", share_of(tailed, sum_of(time_by_name(trace)))},
          {"example", worst.empty() ? "" : worst.front().second}};
}

Finding decide_shared(const Evidence&, const Json& found) {
  if (found.at("known_us").get<double>() <= 0) {
    return not_applicable(
        "no traced kernel uses shared memory, or the GPU's size is not in the trace");
  }
  const double share = found.at("tail_share").get<double>();
  const std::string example = found.at("example").get<std::string>();
  std::vector<Reading> read = {
      {"one block a multiprocessor and a tail over 20 %", format_percent(share)}};
  if (!example.empty()) read.push_back({"such as", short_name(example)});
  if (share <= 0.1) {
    return ok(fmt::format("{} of the time ends in a half-empty last wave", format_percent(share)),
              read);
  }
  return warn(
      fmt::format("{} of the time is in kernels of one block a multiprocessor whose last wave "
                  "is half empty",
                  format_percent(share)),
      read, "a fifth or more of those kernels' time; clamp the grid and stride");
}

Json top_figures(const Trace& trace) {
  Json top = Json::array();
  const auto times = time_by_name(trace);
  const double all = sum_of(times);
  for (const auto& [us, name] : ranked(times)) {
    if (top.size() == 8) break;
    top.push_back({{"name", name}, {"share", share_of(us, all)}});
  }
  const double busy = length_us(busy_spans(trace, main_device(trace)));
  return {{"top", top},
          {"kernels", times.size()},
          {"idle_share", 1.0 - share_of(busy, trace.gpu_span().us())}};
}

std::vector<Reading> top_readings(const Json& found, double least) {
  std::vector<Reading> read;
  for (const Json& row : found.at("top")) {
    const double share = row.at("share").get<double>();
    if (share < least && !read.empty()) break;
    read.push_back({short_name(row.at("name").get<std::string>()),
                    fmt::format("{}; at most {} if it cost nothing", format_percent(share),
                                share < 1 ? format_ratio(1 / (1 - share)) : "-")});
  }
  return read;
}

Finding decide_expensive(const Evidence&, const Json& found) {
  const auto read = top_readings(found, 0.02);
  if (read.empty()) return cannot_see("the trace holds no kernel");
  double three = 0.0;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, found.at("top").size()); ++i) {
    three += found.at("top")[i].at("share").get<double>();
  }
  const double first = found.at("top")[0].at("share").get<double>();
  const std::string words =
      fmt::format("the first of {} kernels takes {}, the first three {}",
                  found.at("kernels").get<int>(), format_percent(first), format_percent(three));
  if (first <= 0.5) return ok(words, read);
  return warn(fmt::format("{}: work on {}", words, read.front().source), read,
              fmt::format("all else together gains at most {}", format_ratio(1 / first)));
}

Finding decide_systems_first(const Evidence&, const Json& found) {
  const double idle = found.at("idle_share").get<double>();
  std::vector<Reading> read = {{"GPU idle", format_percent(idle)}};
  std::vector<Fix> fixes;
  for (const Json& row : found.at("top")) {
    if (row.at("share").get<double>() < 0.1) break;
    const std::string name = row.at("name").get<std::string>();
    read.push_back({short_name(name), format_percent(row.at("share").get<double>())});
    fixes.push_back(
        {Fix::Kind::kCommand,
         fmt::format("ncu --kernel-name 'regex:{}' --launch-skip 20 --launch-count 3 "
                     "--section SpeedOfLight --section Occupancy --section WarpStateStats "
                     "YOUR_COMMAND",
                     name.substr(0, name.find_first_of("<( "))),
         ""});
  }
  if (idle > 0.2) {
    return warn(
        fmt::format("the GPU idles {}: mend the timeline before any kernel", format_percent(idle)),
        read, format_percent(idle) + " of the traced time");
  }
  Finding finding = ok(
      fmt::format("the GPU is busy {}: kernels are what is left", format_percent(1 - idle)), read);
  finding.fixes = std::move(fixes);
  return finding;
}

Json limiter_figures(const Trace& trace) {
  const int device = main_device(trace);
  std::vector<Span> compute, comm, copies;
  for (const Kernel& kernel : trace.kernels) {
    if (kernel.device == device) (kernel.collective ? comm : compute).push_back(kernel);
  }
  for (const Copy& copy : trace.copies) {
    if (copy.device == device) copies.push_back(copy);
  }
  const double span = trace.gpu_span().us();
  const auto math = merged(compute);
  std::vector<Span> others = math;
  const auto exposed = [&](std::vector<Span> part) {
    part = merged(std::move(part));
    const double alone = length_us(part) - overlap_us(part, others);
    others.insert(others.end(), part.begin(), part.end());
    others = merged(std::move(others));
    return share_of(alone, span);
  };
  Json found = {{"compute", share_of(length_us(math), span)}};
  found["communication"] = exposed(std::move(comm));
  found["copies"] = exposed(std::move(copies));
  found["idle"] = 1.0 - share_of(length_us(others), span);
  return found;
}

Finding decide_limiter(const Evidence&, const Json& found) {
  std::vector<Reading> read;
  std::string most = "compute";
  double lost = 0.0;
  for (const char* name : {"compute", "communication", "copies", "idle"}) {
    const double share = found.at(name).get<double>();
    read.push_back({name, format_percent(share)});
    if (std::string(name) != "compute" && share > lost) {
      lost = share;
      most = name;
    }
  }
  const double compute = found.at("compute").get<double>();
  if (compute >= 0.8)
    return ok(fmt::format("compute bound: kernels run {} of the time", format_percent(compute)),
              read);
  return warn(fmt::format("limited by {}: {} of the time, compute {}", most, format_percent(lost),
                          format_percent(compute)),
              read, format_percent(lost) + " of the traced time");
}

}  // namespace

std::vector<Measure> trace_kernel_measures() {
  return {trace_measure<tensor_figures, decide_tensor>("tensor-core-math"),
          {"vendor-libraries", needs_library, measure_library, guarded<decide_library>, 1.0, true},
          trace_measure<fusion_figures, decide_fusion>("compiler-fusion-use"),
          trace_measure<occupancy_figures, decide_occupancy>("occupancy-balance"),
          trace_measure<shared_figures, decide_shared>("pipeline-shared-budget"),
          trace_measure<top_figures, decide_expensive>("expensive-first"),
          trace_measure<top_figures, decide_systems_first>("systems-then-kernel"),
          trace_measure<limiter_figures, decide_limiter>("limiter-classification")};
}

}  // namespace aisp::doctor
