// All GPUs through NVML. See gpu_reader.h.
#include "machine/gpu_reader.h"

#include <fmt/format.h>

#include "base/text.h"
#include "machine/gpu_query.h"

namespace aisp::machine {
namespace {

const char* ancestor_name(int level) {
  switch (level) {  // nvmlGpuTopologyLevel_t
    case 0:
      return "internal";
    case 10:
      return "single";
    case 20:
      return "multiple";
    case 30:
      return "hostbridge";
    case 40:
      return "node";
    case 50:
      return "system";
    default:
      return "";
  }
}

constexpr int kPeerRead = 0, kPeerNvLink = 2, kPeerOk = 0, kPeerUnknown = 6;

Maybe<bool> peer(const GpuQuery& from, NvmlDevice to, int capability) {
  int status = kPeerUnknown;
  if (!from.ask("peer access", "nvmlDeviceGetP2PStatus", to, capability, &status) ||
      status >= kPeerUnknown) {
    return std::nullopt;
  }
  return status == kPeerOk;
}

}  // namespace

GpuReader::GpuReader(const std::string& library)
    : nvml_(std::make_unique<Nvml>(library.empty() ? nvml_library_name() : library)) {
  why_not_ = nvml_->why_not();
  if (!nvml_->ready()) return;
  unsigned count = 0;
  const int status = nvml_->call("nvmlDeviceGetCount_v2", &count);
  if (status != kNvmlSuccess) {
    why_not_ = "NVML does not count GPUs: " + nvml_->status_text(status);
    return;
  }
  for (unsigned i = 0; i < count; ++i) {
    Device device;
    device.status = nvml_->call("nvmlDeviceGetHandleByIndex_v2", i, &device.handle);
    devices_.push_back(device);
  }
  if (devices_.empty()) why_not_ = "NVML works and finds no GPU";
}

std::string GpuReader::driver_version() const {
  char version[96] = {};
  if (!nvml_->ready()) return "";
  const int status = nvml_->call("nvmlSystemGetDriverVersion", static_cast<char*>(version),
                                 static_cast<unsigned>(sizeof version));
  version[sizeof version - 1] = '\0';
  return status == kNvmlSuccess ? printable(version) : "";
}

std::string GpuReader::cuda_version() const {
  int version = 0;
  if (!nvml_->ready()) return "";
  if (nvml_->call("nvmlSystemGetCudaDriverVersion_v2", &version) != kNvmlSuccess) return "";
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::vector<Gpu> GpuReader::read_all(GpuRefusals& refusals) const {
  std::vector<Gpu> gpus;
  for (int i = 0; i < count(); ++i) {
    const Device& device = devices_[static_cast<std::size_t>(i)];
    const GpuQuery query(*nvml_, device.handle, i, &refusals);
    if (!query.answered("everything", device.status)) continue;
    Gpu gpu;
    gpu.index = i;
    read_gpu_identity(query, gpu);
    read_gpu_changing(query, gpu);
    read_gpu_settings(query, gpu);
    read_gpu_health(query, gpu);
    read_gpu_links(query, gpu);
    read_gpu_processes(query, gpu);
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

std::vector<Gpu> GpuReader::read_changing() const {
  std::vector<Gpu> gpus;
  for (int i = 0; i < count(); ++i) {
    const Device& device = devices_[static_cast<std::size_t>(i)];
    if (device.status != kNvmlSuccess) continue;
    const GpuQuery query(*nvml_, device.handle, i, nullptr);
    Gpu gpu;
    gpu.index = i;
    gpu.name = query.text("name", "nvmlDeviceGetName");
    read_gpu_changing(query, gpu);
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

std::vector<GpuPair> GpuReader::read_pairs(GpuRefusals& refusals) const {
  std::vector<GpuPair> pairs;
  for (int a = 0; a < count(); ++a) {
    for (int b = a + 1; b < count(); ++b) {
      const Device& from = devices_[static_cast<std::size_t>(a)];
      const Device& to = devices_[static_cast<std::size_t>(b)];
      if (from.status != kNvmlSuccess || to.status != kNvmlSuccess) continue;
      const GpuQuery query(*nvml_, from.handle, a, &refusals);
      GpuPair pair;
      pair.a = a;
      pair.b = b;
      int level = -1;
      if (query.ask("place of other GPUs", "nvmlDeviceGetTopologyCommonAncestor", to.handle,
                    &level)) {
        pair.common_ancestor = ancestor_name(level);
      }
      pair.peer_access = peer(query, to.handle, kPeerRead);
      pair.nvlink = peer(query, to.handle, kPeerNvLink);
      pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

}  // namespace aisp::machine
