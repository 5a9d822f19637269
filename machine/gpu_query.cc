// Questions to one GPU, by topic. See gpu_query.h.
// Source: NVML API Reference Guide, "Device Queries" and "Multi Instance GPU Management".
#include "machine/gpu_query.h"

#include <cmath>

#include "base/text.h"
#include "machine/file_tree.h"

namespace aisp::machine {
namespace {

// Constants of NVML.
constexpr int kClockSm = 1, kClockMemory = 2;
constexpr int kSensorGpu = 0;
constexpr int kThresholdSlowdown = 1;
constexpr int kUncorrected = 1, kVolatile = 0, kAggregate = 1;

Maybe<double> watts(const GpuQuery& query, const char* value, const char* function) {
  const Maybe<int> milliwatts = query.whole(value, function);
  return milliwatts ? Maybe<double>(*milliwatts / 1000.0) : std::nullopt;
}

Maybe<std::uint64_t> ecc_errors(const GpuQuery& query, const char* value, int counter) {
  unsigned long long count = 0;
  if (!query.ask(value, "nvmlDeviceGetTotalEccErrors", kUncorrected, counter, &count)) {
    return std::nullopt;
  }
  return count;
}

Maybe<bool> enabled(Maybe<int> state) { return state ? Maybe<bool>(*state != 0) : std::nullopt; }

Maybe<std::string> compute_mode(const GpuQuery& query) {
  const Maybe<int> mode = query.whole("compute mode", "nvmlDeviceGetComputeMode");
  const char* const names[] = {"default", "exclusive_thread", "prohibited", "exclusive_process"};
  if (!mode || *mode < 0 || *mode >= 4) return std::nullopt;
  return names[*mode];
}

void read_mig(const GpuQuery& query, Gpu& gpu) {
  unsigned now = 0, pending = 0;
  if (!query.ask("MIG mode", "nvmlDeviceGetMigMode", &now, &pending)) return;
  gpu.mig_now = now != 0;
  const Maybe<int> most = query.whole("MIG devices", "nvmlDeviceGetMaxMigDeviceCount");
  for (unsigned i = 0; now != 0 && most && i < static_cast<unsigned>(*most); ++i) {
    NvmlDevice instance = nullptr;
    if (query.nvml().call("nvmlDeviceGetMigDeviceHandleByIndex", query.device(), i, &instance) !=
        kNvmlSuccess) {
      continue;  // an empty place
    }
    const std::string name =
        GpuQuery(query.nvml(), instance, gpu.index, nullptr).text("name", "nvmlDeviceGetName");
    gpu.mig_devices.push_back(name.empty() ? "unnamed" : name);
  }
}

Maybe<std::string> some(std::string text) {
  return text.empty() ? std::nullopt : Maybe<std::string>(std::move(text));
}

}  // namespace

bool GpuQuery::answered(const char* value, int status) const {
  if (status == kNvmlSuccess) return true;
  if (refusals_ == nullptr) return false;
  const std::string why = status == kNvmlNotSupported
                              ? "this GPU or driver does not have it (NVML: Not Supported)"
                              : "NVML: " + nvml_.status_text(status);
  refusals_->add(index_, value, why, status == kNvmlNoPermission);
  return false;
}

std::string GpuQuery::text(const char* value, const char* function) const {
  char bytes[96] = {};
  if (!ask(value, function, static_cast<char*>(bytes), static_cast<unsigned>(sizeof bytes))) {
    return "";
  }
  bytes[sizeof bytes - 1] = '\0';
  return printable(bytes);
}

Maybe<int> GpuQuery::field(const char* value, unsigned number) const {
  double answer = 0.0;
  if (!answered(value, nvml_.field(device_, number, 0, answer))) return std::nullopt;
  if (!std::isfinite(answer) || std::abs(answer) > 1e9) return std::nullopt;
  return static_cast<int>(answer);
}

void read_gpu_identity(const GpuQuery& query, Gpu& gpu) {
  gpu.name = query.text("name", "nvmlDeviceGetName");
  gpu.uuid = query.text("UUID", "nvmlDeviceGetUUID");
  NvmlPciInfo pci{};
  if (query.ask("PCI address", "nvmlDeviceGetPciInfo_v3", &pci)) {
    pci.bus_id[sizeof pci.bus_id - 1] = '\0';
    gpu.pci_address = normal_pci_address(pci.bus_id);
  }
  int major = 0, minor = 0;
  if (query.ask("compute capability", "nvmlDeviceGetCudaComputeCapability", &major, &minor)) {
    gpu.compute_major = major;
    gpu.compute_minor = minor;
  }
  gpu.memory_bus_bits = query.whole("memory bus width", "nvmlDeviceGetMemoryBusWidth");
  gpu.vbios = some(query.text("VBIOS version", "nvmlDeviceGetVbiosVersion"));
  // This function takes no length: its buffer has 64 bytes.
  char firmware[96] = {};
  if (query.ask("GSP firmware version", "nvmlDeviceGetGspFirmwareVersion",
                static_cast<char*>(firmware))) {
    firmware[sizeof firmware - 1] = '\0';
    gpu.gsp_firmware = some(printable(firmware));
  }
}

void read_gpu_changing(const GpuQuery& query, Gpu& gpu) {
  NvmlMemory memory{};
  if (query.ask("memory", "nvmlDeviceGetMemoryInfo", &memory)) {
    gpu.memory_bytes = memory.total;
    gpu.memory_free_bytes = memory.free;
  }
  gpu.sm_clock_now = query.whole("SM clock", "nvmlDeviceGetClockInfo", kClockSm);
  gpu.memory_clock_now = query.whole("memory clock", "nvmlDeviceGetClockInfo", kClockMemory);
  gpu.power_now = watts(query, "power", "nvmlDeviceGetPowerUsage");
  gpu.temperature = query.whole("temperature", "nvmlDeviceGetTemperature", kSensorGpu);
  gpu.memory_temperature = query.field("memory temperature", kNvmlFieldMemoryTemperature);
  gpu.fan_percent = query.whole("fan speed", "nvmlDeviceGetFanSpeed");
  NvmlUtilization use{};
  if (query.ask("utilisation", "nvmlDeviceGetUtilizationRates", &use)) {
    gpu.utilization_percent = static_cast<int>(use.gpu);
    gpu.memory_utilization_percent = static_cast<int>(use.memory);
  }
  unsigned long long reasons = 0;
  // The name it had before release 535.
  const int status =
      query.nvml().call("nvmlDeviceGetCurrentClocksEventReasons", query.device(), &reasons);
  if (status == kNvmlSuccess ||
      query.ask("throttle reasons", "nvmlDeviceGetCurrentClocksThrottleReasons", &reasons)) {
    gpu.throttle_reasons = reasons;
  }
}

void read_gpu_settings(const GpuQuery& query, Gpu& gpu) {
  gpu.sm_clock_max = query.whole("highest SM clock", "nvmlDeviceGetMaxClockInfo", kClockSm);
  gpu.memory_clock_max =
      query.whole("highest memory clock", "nvmlDeviceGetMaxClockInfo", kClockMemory);
  gpu.power_limit = watts(query, "power limit", "nvmlDeviceGetEnforcedPowerLimit");
  gpu.power_limit_default =
      watts(query, "default power limit", "nvmlDeviceGetPowerManagementDefaultLimit");
  unsigned least = 0, most = 0;
  if (query.ask("highest power limit", "nvmlDeviceGetPowerManagementLimitConstraints", &least,
                &most)) {
    gpu.power_limit_max = most / 1000.0;
  }
  gpu.temperature_slowdown =
      query.whole("slowdown temperature", "nvmlDeviceGetTemperatureThreshold", kThresholdSlowdown);
  NvmlMargin margin;
  if (query.ask("temperature margin", "nvmlDeviceGetMarginTemperature", &margin)) {
    gpu.temperature_margin = margin.margin;
  }
  gpu.fans = query.whole("number of fans", "nvmlDeviceGetNumFans");
  gpu.persistence = enabled(query.whole("persistence mode", "nvmlDeviceGetPersistenceMode"));
  gpu.compute_mode = compute_mode(query);
  read_mig(query, gpu);
}

void read_gpu_health(const GpuQuery& query, Gpu& gpu) {
  unsigned now = 0, pending = 0;
  if (query.ask("ECC mode", "nvmlDeviceGetEccMode", &now, &pending)) {
    gpu.ecc_now = now != 0;
    gpu.ecc_pending = pending != 0;
  }
  gpu.ecc_uncorrected_volatile = ecc_errors(query, "ECC errors", kVolatile);
  gpu.ecc_uncorrected_aggregate = ecc_errors(query, "ECC errors", kAggregate);
  unsigned corrected = 0, uncorrectable = 0, is_pending = 0, failed = 0;
  if (query.ask("remapped rows", "nvmlDeviceGetRemappedRows", &corrected, &uncorrectable,
                &is_pending, &failed)) {
    gpu.remapped_rows_uncorrectable = static_cast<int>(uncorrectable);
    gpu.remap_pending = is_pending != 0;
    gpu.remap_failed = failed != 0;
  }
}

}  // namespace aisp::machine
