// What the GPUs are: generation and formats, memory that they share with the processor, error
// correction, and whether a model fits.
//
// Source: CUDA C++ programming guide (compute capabilities); CUDA driver API (device attributes);
// NVIDIA Grace performance tuning guide; NVML API reference (ECC mode).
#include <algorithm>
#include <cmath>

#include "doctor/gpus.h"
#include "doctor/model_size.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

struct Format {
  const char* name;  // as config.json writes it, in lower case
  const char* words;
  int major, minor;  // first compute capability with hardware for it
};
constexpr Format kFormats[] = {
    {"bfloat16", "BF16 and TF32", 8, 0},
    {"fp8", "FP8", 8, 9},
    {"e4m3", "FP8", 8, 9},
    {"mxfp4", "FP4", 10, 0},
    {"nvfp4", "FP4", 10, 0},
};

bool has(const machine::Gpu& gpu, const Format& format) {
  return std::pair(*gpu.compute_major, gpu.compute_minor.value_or(0)) >=
         std::pair(format.major, format.minor);
}

std::string formats_of(const machine::Gpu& gpu) {
  std::string words;
  for (const Format& format : kFormats) {
    if (!has(gpu, format) || words.find(format.words) != std::string::npos) continue;
    words += fmt::format("{}{}", words.empty() ? "" : ", ", format.words);
  }
  if (*gpu.compute_major >= 9) words += ", bulk tensor copies and clusters";
  return words.empty() ? "FP16 at most" : words;
}

// The format that a model's config.json asks for; null: none of the table.
const Format* wanted_format(const Json& config) {
  std::string wanted = config.value("torch_dtype", config.value("dtype", ""));
  const auto quantization = config.find("quantization_config");
  if (quantization != config.end() && quantization->is_object()) {
    for (const char* key : {"quant_method", "quant_algo", "fmt"}) {
      const auto method = quantization->find(key);
      if (method != quantization->end() && method->is_string()) {
        wanted += " " + method->get<std::string>();
      }
    }
  }
  std::transform(wanted.begin(), wanted.end(), wanted.begin(), ::tolower);
  const Format* best = nullptr;
  for (const Format& format : kFormats) {
    if (wanted.find(format.name) != std::string::npos) best = &format;
  }
  return best;
}

Finding accelerator_generation(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  std::vector<Reading> read;
  std::vector<std::string> kinds;
  const machine::Gpu* oldest = nullptr;
  for (const machine::Gpu& gpu : evidence.facts().gpus) {
    if (!gpu.compute_major) return cannot_see("the driver did not tell the compute capability");
    const std::string kind =
        fmt::format("{}, compute capability {}.{}, {} GB", gpu.name, *gpu.compute_major,
                    gpu.compute_minor.value_or(0), gpu.memory_bytes.value_or(0) / 1000000000);
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      kinds.push_back(kind);
      read.push_back({fmt::format("GPU {}", gpu.index), kind});
    }
    if (oldest == nullptr ||
        std::pair(*gpu.compute_major, gpu.compute_minor.value_or(0)) <
            std::pair(*oldest->compute_major, oldest->compute_minor.value_or(0))) {
      oldest = &gpu;
    }
  }
  const auto config = model_config(evidence);
  const Format* const wanted = config ? wanted_format(*config) : nullptr;
  if (wanted != nullptr && !has(*oldest, *wanted)) {
    read.push_back({evidence.subject().model + "/config.json", wanted->name});
    return warn(fmt::format("the model wants {}, which {} has no hardware for ({}.{} or later)",
                            wanted->words, oldest->name, wanted->major, wanted->minor),
                read, "emulated formats run at the speed of a wider one, at best");
  }
  if (kinds.size() > 1) {
    return warn(fmt::format("{} kinds of GPU in one machine: the least has {}", kinds.size(),
                            formats_of(*oldest)),
                read, "a job over all of them waits for the slowest in every step");
  }
  return ok(fmt::format("{}: {}", kinds[0], formats_of(*oldest)), read);
}

// NUMA nodes with memory and no processors: a GPU's memory that the kernel manages.
std::vector<std::string> nodes_without_processors(const Evidence& evidence) {
  std::vector<std::string> nodes;
  for (const std::string& name : evidence.list("/sys/devices/system/node")) {
    if (!name.starts_with("node")) continue;
    const Text cpus = evidence.read("/sys/devices/system/node/" + name + "/cpulist");
    if (cpus && cpus.value.empty()) nodes.push_back(name);
  }
  return nodes;
}

bool is_superchip(const std::string& name) {
  for (const char* chip : {"GH200", "GB200", "GB300", "GB10"}) {
    if (name.find(chip) != std::string::npos) return true;
  }
  return false;
}

Finding coherent_memory(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto both = sort_gpus(
      evidence, "pageable memory access, host page tables",
      [](const machine::Gpu& gpu) -> std::optional<Judged> {
        if (!gpu.pageable_memory_access || !gpu.host_page_tables) return std::nullopt;
        return Judged{*gpu.pageable_memory_access && *gpu.host_page_tables,
                      fmt::format("{}, {}", *gpu.pageable_memory_access, *gpu.host_page_tables)};
      });
  const machine::Gpu& first = evidence.facts().gpus.front();
  if (both.good.empty() && both.bad.empty()) {
    return cannot_see("the driver did not tell whether GPUs use the host's page tables");
  }
  if (both.bad.empty()) {
    const auto nodes = nodes_without_processors(evidence);
    return ok(fmt::format("processor and GPU share page tables over a coherent link{}",
                          nodes.empty() ? std::string(": the GPU's memory is no NUMA node")
                                        : fmt::format("; GPU memory is {}", nodes.front())),
              both.good_read);
  }
  if (is_superchip(first.name)) {
    return warn(fmt::format("{} could share the processor's page tables and does not",
                            gpus_in_words(both.bad)),
                both.bad_read,
                "without them host memory is reached by copies or page migration instead of the "
                "900 GB/s link (NVIDIA's figure for NVLink-C2C)");
  }
  return not_applicable("discrete GPUs: host memory is reached over PCIe", both.bad_read);
}

Finding ecc_enabled(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  bool stacked = false;
  std::vector<Fix> fixes;
  const auto now = sort_gpus(
      evidence, "ECC now, after a reset", [&](const machine::Gpu& gpu) -> std::optional<Judged> {
        if (!gpu.ecc_now) return std::nullopt;
        const bool pending = gpu.ecc_pending.value_or(*gpu.ecc_now);
        const bool good = *gpu.ecc_now && pending;
        if (!*gpu.ecc_now && has_stacked_memory(gpu)) stacked = true;
        if (!pending) {
          fixes.push_back({Fix::Kind::kCommand, fmt::format("nvidia-smi -i {} -e 1", gpu.index),
                           fmt::format("nvidia-smi -i {} -e 0", gpu.index)});
        }
        return Judged{good,
                      fmt::format("{}, {}", *gpu.ecc_now ? "on" : "off", pending ? "on" : "off")};
      });
  if (now.good.empty() && now.bad.empty()) return not_applicable("these GPUs have no ECC");
  if (now.bad.empty()) {
    return ok(fmt::format("ECC is on: {}", gpus_in_words(now.good)), now.good_read);
  }
  const std::string cost =
      "a flipped bit goes into the results unseen; ECC costs no bandwidth on "
      "HBM and about 6 % on GDDR (NVIDIA's figure for the latter)";
  const std::string says =
      fmt::format("ECC is off, or changes at the next reset: {}", gpus_in_words(now.bad));
  return stacked ? fail(says, now.bad_read, cost, fixes) : warn(says, now.bad_read, cost, fixes);
}

Finding model_fits_memory(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  if (evidence.subject().model.empty()) return not_applicable("no --model given");
  std::string why;
  const auto size = model_size(evidence, why);
  if (!size) return cannot_see(why);
  const auto& gpus = evidence.facts().gpus;
  double least_free = INFINITY, least_total = INFINITY;
  for (const machine::Gpu& gpu : gpus) {
    if (!gpu.memory_bytes) return cannot_see("the driver did not tell the memory of the GPUs");
    const auto total = static_cast<double>(*gpu.memory_bytes);
    least_total = std::min(least_total, total);
    least_free = std::min(least_free,
                          static_cast<double>(gpu.memory_free_bytes.value_or(*gpu.memory_bytes)));
  }
  constexpr double kUsable = 0.9;  // the rest: activations, workspaces, the driver's own
  const double needed = size->weight_bytes + size->cache_bytes;
  const auto shards = [&](double memory) {
    int n = 1;  // powers of two: heads divide by them
    while (n < 1024 && needed / n > kUsable * memory) n *= 2;
    return n;
  };
  const std::string says = fmt::format(
      "{:.1f} GB of weights and {:.1f} GB of cache for {} tokens: tensor-parallel over {} at least",
      size->weight_bytes / 1e9, size->cache_bytes / 1e9, size->tokens, shards(least_total));
  std::vector<Reading> read = {
      {size->source, fmt::format("{:.0f} bytes", size->weight_bytes)},
      {"least GPU memory, free",
       fmt::format("{:.1f} GB, {:.1f} GB", least_total / 1e9, least_free / 1e9)}};
  if (shards(least_total) > static_cast<int>(gpus.size())) {
    return fail(fmt::format("{}; {} here", says, gpus.size()), read,
                "an allocation that fails while serving");
  }
  if (least_free <= 0 || shards(least_free) > static_cast<int>(gpus.size())) {
    return warn(says + "; other processes hold the memory", read, "it fits once they are gone");
  }
  return ok(says, read);
}

}  // namespace

std::vector<Probe> gpu_device_probes() {
  return {{"accelerator-generation", accelerator_generation},
          {"coherent-memory", coherent_memory},
          {"ecc-enabled", ecc_enabled},
          {"model-fits-memory", model_fits_memory}};
}

}  // namespace aisp::doctor
