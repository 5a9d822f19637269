// GPUs: NVML first, then what only the CUDA driver knows, then what the kernel's files say about
// both. Where no library answers, the PCI bus still shows whether there is anything to ask. Source:
// Linux Documentation/ABI/testing/sysfs-bus-pci; pci.ids (class 03, vendor 10de).
#include <fmt/format.h>

#include <map>

#include "machine/facts_parts.h"
#include "machine/gpu_cuda.h"
#include "machine/gpu_reader.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

// "2 of NVIDIA, 1 of AMD": display and compute devices on the PCI bus. Empty: none.
std::string pci_displays(const FileTree& tree) {
  const std::map<std::string, const char*> makers = {
      {"0x10de", "NVIDIA"}, {"0x1002", "AMD"}, {"0x8086", "Intel"}, {"0x1da3", "Habana"}};
  std::map<std::string, int> counts;
  const std::string folder = "/sys/bus/pci/devices";
  for (const std::string& name : tree.names(folder)) {
    const std::string kind = tree.line(folder + "/" + name + "/class");
    // 0x03: display; 0x12: processing accelerator.
    if (!kind.starts_with("0x03") && !kind.starts_with("0x12")) continue;
    const std::string vendor = tree.line(folder + "/" + name + "/vendor");
    const auto maker = makers.find(vendor);
    ++counts[maker == makers.end() ? "vendor " + vendor : maker->second];
  }
  std::string text;
  for (const auto& [maker, count] : counts) {
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", count, maker);
  }
  return text;
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug ..." -> "535.104.05".
std::string kernel_module_version(const FileTree& tree) {
  const std::string line = tree.line("/proc/driver/nvidia/version");
  for (std::string_view word : split(line, ' ')) {
    if (word.find('.') != std::string_view::npos &&
        word.find_first_not_of("0123456789.") == std::string_view::npos) {
      return std::string(word);
    }
  }
  return "";
}

void say_why_no_gpu(const FileTree& tree, const std::string& why, Facts& facts) {
  const std::string hidden = tree.why_not("/sys/bus/pci/devices");
  std::string seen = pci_displays(tree);
  if (!hidden.empty()) {
    seen = "the PCI bus cannot be seen either (" + hidden + ")";
  } else if (seen.empty()) {
    seen = "no display or compute device is on the PCI bus";
  } else {
    seen = "display and compute devices on the PCI bus: " + seen;
  }
  facts.unseen.push_back({"GPUs", fmt::format("{}; {}", why, seen), ""});
}

}  // namespace

void read_gpus(const FileTree& tree, Facts& facts) {
  facts.gpu_driver = kernel_module_version(tree);
  if (tree.recorded()) {
    say_why_no_gpu(tree, "a recorded machine: libraries are not asked", facts);
    return;
  }
  const GpuReader reader;
  GpuRefusals refusals;
  if (reader.why_not().empty()) {
    facts.gpus = reader.read_all(refusals);
    facts.gpu_pairs = reader.read_pairs(refusals);
  }
  if (const std::string version = reader.driver_version(); !version.empty()) {
    facts.gpu_driver = version;
  }
  facts.cuda_driver = reader.cuda_version();
  Facts with_cuda = facts;
  read_cuda(cuda_library_name(), with_cuda, refusals);
  if (with_cuda.gpus.empty()) {
    // One reason is enough: without a GPU the driver's has nothing to add.
    say_why_no_gpu(tree, reader.why_not(), facts);
    return;
  }
  facts = std::move(with_cuda);
  if (!reader.why_not().empty()) {
    facts.unseen.push_back({"what NVML knows of the GPUs (clocks, power, ECC, links, processes)",
                            reader.why_not(), ""});
  }
  for (Gpu& gpu : facts.gpus) {
    const auto node = tree.number("/sys/bus/pci/devices/" + gpu.pci_address + "/numa_node");
    if (node && *node >= 0) gpu.numa_node = *node;
  }
  for (Facts::Unseen& unseen : refusals.gathered()) facts.unseen.push_back(std::move(unseen));
}

}  // namespace aisp::machine
