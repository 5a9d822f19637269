// Device code: is there machine code for these GPUs, does it spill, what instructions has it, do
// all its architectures have all kernels; and what Triton compiled.
//
// Source: CUDA binary utilities; CUDA C++ programming guide (compute capabilities, technical
// specifications); Triton's cache of compiled kernels.
#include <algorithm>

#include "doctor/device_code.h"
#include "doctor/gpus.h"
#include "doctor/paths.h"
#include "doctor/processes.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

Finding no_program(const std::string& why) {
  return why.find("cuobjdump") != std::string::npos ? cannot_see(why) : not_applicable(why);
}

std::string names(const std::vector<std::string>& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

Finding native_gpu_code(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  std::string why;
  const auto program = device_program(evidence, why);
  if (!program) return no_program(why);
  std::vector<Reading> read = {{program->path + ": machine code", names(program->native)},
                               {program->path + ": PTX", names(program->ptx)}};
  for (const auto& gpu : evidence.facts().gpus) {
    if (!gpu.compute_major) return cannot_see("the driver did not tell the compute capability");
    const int major = *gpu.compute_major, minor = gpu.compute_minor.value_or(0);
    const bool native =
        std::any_of(program->native.begin(), program->native.end(),
                    [&](const std::string& one) { return runs_on(one, major, minor); });
    if (native) continue;
    const std::string lacks = fmt::format("no machine code for {}.{} ({})", major, minor, gpu.name);
    if (program->ptx.empty()) {
      return fail(lacks + ", and no PTX to compile", read, "kernels do not start on this GPU");
    }
    return warn(lacks + ": compiled from PTX at start", read,
                "seconds to minutes at the first start, and no instructions of this generation");
  }
  return ok(fmt::format("{} has machine code for the GPUs here", program->path), read);
}

constexpr std::size_t kMostShown = 8;

Finding register_spills(const Evidence& evidence) {
  std::string why;
  const auto program = device_program(evidence, why);
  if (!program) return no_program(why);
  const Text text = evidence.command({"cuobjdump", "--dump-resource-usage", program->path});
  const auto usage = resource_usage(text.value);
  if (usage.empty()) return cannot_see(text ? program->path + " tells no kernels" : text.why);
  std::vector<std::pair<int, Reading>> spilling;
  std::size_t kernels = 0;
  int most = 0;
  for (const auto& [architecture, uses] : usage) {
    for (const KernelUse& use : uses) {
      ++kernels;
      most = std::max(most, use.registers);
      const int bytes = use.stack_bytes + use.local_bytes;
      if (bytes == 0) continue;
      spilling.push_back({bytes,
                          {fmt::format("{} {}", architecture, use.name.substr(0, 80)),
                           fmt::format("{} registers, {} bytes of stack, {} of local memory",
                                       use.registers, use.stack_bytes, use.local_bytes)}});
    }
  }
  std::vector<Reading> read = {
      {program->path, fmt::format("{} kernels, at most {} registers", kernels, most)}};
  if (spilling.empty()) return ok(fmt::format("none of {} kernels spills", kernels), read);
  std::stable_sort(spilling.begin(), spilling.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [bytes, reading] : spilling) {
    if (read.size() <= kMostShown) read.push_back(reading);
  }
  return warn(fmt::format("{} of {} kernels keep variables in memory instead of registers",
                          spilling.size(), kernels),
              read, "each access is a load or store through the L1 cache, 30 cycles or more");
}

bool should_use_tensor_cores(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), ::tolower);
  for (const char* word : {"gemm", "matmul", "mma", "attention"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

Finding sass_inspection(const Evidence& evidence) {
  std::string why;
  const auto program = device_program(evidence, why);
  if (!program) return no_program(why);
  const Text text = evidence.command({"cuobjdump", "-sass", program->path});
  const auto kernels = instructions(text.value);
  if (kernels.empty()) {
    return cannot_see(text ? program->path + " holds no machine code"
                           : text.why + ": name one cubin with --build");
  }
  std::vector<Reading> read;
  long wide = 0, other = 0;
  int plain_matrix = 0, with_local = 0;
  for (const auto& [name, seen] : kernels) {
    wide += seen.loads_wide;
    other += seen.loads_other;
    const bool plain = should_use_tensor_cores(name) && seen.tensor == 0;
    plain_matrix += plain ? 1 : 0;
    with_local += seen.local > 0 ? 1 : 0;
    if (!(plain || seen.local > 0) || read.size() >= kMostShown) continue;
    read.push_back({name.substr(0, 80),
                    fmt::format("loads of 16 bytes {}, others {}; matrix instructions {}; async "
                                "copies {}; bulk copies {}; local memory {}",
                                seen.loads_wide, seen.loads_other, seen.tensor, seen.async_copies,
                                seen.bulk_copies, seen.local)});
  }
  read.push_back({program->path, fmt::format("{} kernels, {} of {} global loads are 16 bytes wide",
                                             kernels.size(), wide, wide + other)});
  if (plain_matrix > 0) {
    return warn(fmt::format("{} matrix kernel(s) without a Tensor Core instruction", plain_matrix),
                read, "on an H100 FP16 runs at 134 TFLOP/s without them, 989 with (data sheet)");
  }
  if (with_local > 0) {
    return warn(fmt::format("{} kernel(s) load or store local memory", with_local), read,
                "see register-spills");
  }
  if (wide == 0 && other >= 32) {
    return warn(fmt::format("none of {} global loads is 16 bytes wide", other), read,
                "narrow loads need four times the instructions for the same bytes");
  }
  return ok(
      fmt::format("{} kernels: wide loads and matrix instructions where expected", kernels.size()),
      read);
}

// Kernels that say themselves which generation they are for.
bool names_generation(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), ::tolower);
  for (const char* word : {"sm80", "sm90", "sm100", "sm120", "sm_90", "sm_100", "wgmma", "tma",
                           "tcgen05", "hopper", "blackwell", "ampere"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

Finding arch_guards(const Evidence& evidence) {
  std::string why;
  const auto program = device_program(evidence, why);
  if (!program) return no_program(why);
  const Text text = evidence.command({"cuobjdump", "--dump-resource-usage", program->path});
  const auto usage = resource_usage(text.value);
  if (usage.empty()) return cannot_see(text ? program->path + " tells no kernels" : text.why);
  std::vector<Reading> read;
  std::map<std::string, std::set<std::string>> built;  // kernel -> architectures
  for (const auto& [architecture, uses] : usage) {
    read.push_back({architecture, fmt::format("{} kernels", uses.size())});
    for (const KernelUse& use : uses) built[use.name].insert(architecture);
  }
  if (usage.size() == 1) {
    return not_applicable("one architecture was built: " + usage.begin()->first, read);
  }
  int missing = 0;
  for (const auto& [name, architectures] : built) {
    if (architectures.size() == usage.size() || names_generation(name)) continue;
    ++missing;
    if (read.size() < kMostShown + usage.size()) {
      read.push_back(
          {name.substr(0, 80), fmt::format("only in {}", fmt::join(architectures, ", "))});
    }
  }
  if (missing == 0) {
    return ok(
        fmt::format("all kernels are in all {} images, or name their generation", usage.size()),
        read);
  }
  return warn(fmt::format("{} kernel(s) are missing from some architecture's image", missing), read,
              "a launch on the other generation fails at run time");
}

// Shared memory that a block may ask for, in KiB, by compute capability.
int most_shared_kib(int major, int minor) {
  struct Row {
    int major, minor, kib;
  };
  static constexpr Row kRows[] = {{7, 0, 96},   {7, 5, 64},  {8, 0, 163}, {8, 6, 99},
                                  {8, 7, 163},  {8, 9, 99},  {9, 0, 227}, {10, 0, 227},
                                  {10, 3, 227}, {12, 0, 99}, {12, 1, 99}};
  for (const Row& row : kRows) {
    if (row.major == major && row.minor == minor) return row.kib;
  }
  return 0;
}

double number_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : -1.0;
}

// What is out of bounds in one kernel's description; empty: nothing. "-": not a kernel's.
std::string triton_trouble(const Json& kernel, const machine::Gpu& gpu) {
  const double warps = number_in(kernel, "num_warps"), stages = number_in(kernel, "num_stages");
  if (!kernel.is_object() || warps < 0) return "-";
  if (warps < 1 || warps > 16) return fmt::format("{:g} warps", warps);
  if (stages > 5) return fmt::format("{:g} stages", stages);
  const int major = gpu.compute_major.value_or(0), minor = gpu.compute_minor.value_or(0);
  const int most = most_shared_kib(major, minor) * 1024;
  const double shared = number_in(kernel, "shared");
  if (most > 0 && shared > most) {
    return fmt::format("{:g} bytes of shared memory of {} at most", shared, most);
  }
  const auto target = kernel.find("target");
  if (target != kernel.end() && target->is_object()) {
    const double arch = number_in(*target, "arch");
    if (arch > 0 && major > 0 && static_cast<int>(arch) != major * 10 + minor) {
      return fmt::format("compiled for {:g}, the GPU is {}", arch, major * 10 + minor);
    }
  }
  return "";
}

Finding triton_config_sanity(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  std::string folder = evidence.variable("TRITON_CACHE_DIR").value;
  if (folder.empty()) folder = evidence.variable("HOME").value + "/.triton/cache";
  if (!folder.starts_with('/')) return cannot_see("neither TRITON_CACHE_DIR nor HOME is a path");
  constexpr std::size_t kMost = 512;  // files, within the probe's second
  std::vector<Reading> bad;
  std::size_t looked = 0;
  for (const std::string& path : matching_paths(evidence, folder + "/*/*.json")) {
    if (looked == kMost) break;
    if (path.find("__grp__") != std::string::npos) continue;
    const Json kernel = Json::parse(evidence.read(path).value, nullptr, false);
    const std::string trouble = triton_trouble(kernel, evidence.facts().gpus.front());
    if (trouble == "-") continue;
    ++looked;
    if (!trouble.empty()) bad.push_back({path, trouble});
  }
  if (looked == 0) return not_applicable("no kernels in " + folder);
  const std::size_t found = bad.size();
  if (bad.size() > kMostShown) bad.resize(kMostShown);
  if (found == 0) {
    return ok(
        fmt::format("{} Triton kernels have sensible warps, stages and shared memory", looked),
        {{folder, fmt::format("{} kernels; block sizes are not kept there", looked)}});
  }
  return warn(
      fmt::format("{} of {} Triton kernels are out of bounds: {}", found, looked, bad[0].value),
      bad, "such a kernel fails to start, or runs below its occupancy");
}

}  // namespace

std::vector<Probe> gpu_code_probes() {
  return {{"native-gpu-code", native_gpu_code},
          {"register-spills", register_spills},
          {"sass-inspection", sass_inspection},
          {"arch-guards", arch_guards},
          {"triton-config-sanity", triton_config_sanity}};
}

}  // namespace aisp::doctor
