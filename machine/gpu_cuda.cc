// The CUDA driver's side of the GPUs. See gpu_cuda.h.
// Source: CUDA Driver API reference 13.0, "Device Management", "Peer Context Memory Access".
#include "machine/gpu_cuda.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/text.h"
#include "machine/file_tree.h"
#include "machine/run_time_library.h"

namespace aisp::machine {
namespace {

constexpr int kCudaSuccess = 0, kCudaNoDevice = 100, kCudaNoFunction = -1;

// CUdevice_attribute.
constexpr int kMultiprocessors = 16, kBusWidth = 37, kCacheBytes = 38, kMajor = 75, kMinor = 76;
constexpr int kPageableAccess = 88, kHostPageTables = 100, kRdma = 116, kDmaBuf = 124;
constexpr int kHostNumaNode = 134;

class Cuda {
 public:
  explicit Cuda(const std::string& name) : library_(name) {
    if (!library_.loaded()) {
      why_not_ = name.empty() ? "no library is named" : printable(library_.why_not());
      return;
    }
    const int status = call("cuInit", 0u);
    if (status == kCudaNoDevice) {
      why_not_ = "the CUDA driver shows no GPU to this process (CUDA_VISIBLE_DEVICES?)";
    } else if (status != kCudaSuccess) {
      why_not_ = "the CUDA driver does not start: " + status_text(status);
    }
  }
  const std::string& why_not() const { return why_not_; }

  template <class... Arguments>
  int call(const char* function, Arguments... arguments) const {
    return library_.call(kCudaNoFunction, function, arguments...);
  }
  Maybe<int> attribute(int device, int number) const {
    int value = 0;
    if (call("cuDeviceGetAttribute", &value, number, device) != kCudaSuccess) return std::nullopt;
    return value;
  }
  std::string status_text(int status) const {
    const char* text = nullptr;
    if (status == kCudaNoFunction) return "this release has no such function";
    if (call("cuGetErrorString", status, &text) != kCudaSuccess || text == nullptr) {
      return fmt::format("status {}", status);
    }
    return printable(text);
  }

 private:
  RunTimeLibrary library_;
  std::string why_not_;
};

struct CudaDevice {
  int handle = 0;
  std::string pci_address;
};

std::vector<CudaDevice> list_devices(const Cuda& cuda) {
  int count = 0;
  std::vector<CudaDevice> devices;
  if (cuda.call("cuDeviceGetCount", &count) != kCudaSuccess) return devices;
  for (int i = 0; i < count; ++i) {
    CudaDevice device;
    char address[32] = {};
    if (cuda.call("cuDeviceGet", &device.handle, i) != kCudaSuccess) continue;
    if (cuda.call("cuDeviceGetPCIBusId", static_cast<char*>(address),
                  static_cast<int>(sizeof address), device.handle) == kCudaSuccess) {
      address[sizeof address - 1] = '\0';
      device.pci_address = normal_pci_address(address);
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

void complete(Maybe<int>& value, const Maybe<int>& found) {
  if (!value) value = found;
}

Maybe<bool> yes(const Maybe<int>& found) { return found ? Maybe<bool>(*found != 0) : std::nullopt; }

void read_attributes(const Cuda& cuda, const CudaDevice& device, Gpu& gpu) {
  const auto ask = [&](int number) { return cuda.attribute(device.handle, number); };
  complete(gpu.compute_major, ask(kMajor));
  complete(gpu.compute_minor, ask(kMinor));
  complete(gpu.memory_bus_bits, ask(kBusWidth));
  // Of a slice the driver tells the slice's own share.
  if (!gpu.mig_now.value_or(false)) {
    complete(gpu.multiprocessors, ask(kMultiprocessors));
    if (const auto bytes = ask(kCacheBytes); bytes && *bytes > 0) {
      gpu.l2_bytes = static_cast<std::uint64_t>(*bytes);
    }
  }
  const Maybe<int> node = ask(kHostNumaNode);
  if (node && *node >= 0) complete(gpu.numa_node, node);
  gpu.pageable_memory_access = yes(ask(kPageableAccess));
  gpu.host_page_tables = yes(ask(kHostPageTables));
  gpu.gpudirect_rdma = yes(ask(kRdma));
  gpu.dma_buf = yes(ask(kDmaBuf));
}

// Without NVML: a GPU as the driver alone shows it.
Gpu make_gpu(const Cuda& cuda, const CudaDevice& device, int index) {
  Gpu gpu;
  gpu.index = index;
  gpu.pci_address = device.pci_address;
  char name[128] = {};
  if (cuda.call("cuDeviceGetName", static_cast<char*>(name), static_cast<int>(sizeof name),
                device.handle) == kCudaSuccess) {
    name[sizeof name - 1] = '\0';
    gpu.name = printable(name);
  }
  std::size_t bytes = 0;
  if (cuda.call("cuDeviceTotalMem_v2", &bytes, device.handle) == kCudaSuccess) {
    gpu.memory_bytes = bytes;
  }
  return gpu;
}

const CudaDevice* device_of(const std::vector<CudaDevice>& devices, const Gpu& gpu) {
  for (const CudaDevice& device : devices) {
    if (!gpu.pci_address.empty() && device.pci_address == gpu.pci_address) return &device;
  }
  return nullptr;
}

const Gpu* gpu_with_index(const Facts& facts, int index) {
  for (const Gpu& gpu : facts.gpus) {
    if (gpu.index == index) return &gpu;
  }
  return nullptr;
}

void read_peers(const Cuda& cuda, const std::vector<CudaDevice>& devices, Facts& facts) {
  for (GpuPair& pair : facts.gpu_pairs) {
    const Gpu* a = gpu_with_index(facts, pair.a);
    const Gpu* b = gpu_with_index(facts, pair.b);
    const CudaDevice* from = a == nullptr ? nullptr : device_of(devices, *a);
    const CudaDevice* to = b == nullptr ? nullptr : device_of(devices, *b);
    if (from == nullptr || to == nullptr) continue;
    int there = 0, back = 0;
    if (cuda.call("cuDeviceCanAccessPeer", &there, from->handle, to->handle) == kCudaSuccess &&
        cuda.call("cuDeviceCanAccessPeer", &back, to->handle, from->handle) == kCudaSuccess) {
      pair.peer_access = there != 0 && back != 0;
    }
  }
}

}  // namespace

std::string cuda_library_name() {
  const char* name = std::getenv("AISP_LIBCUDA");
  return name == nullptr ? "libcuda.so.1" : name;
}

void read_cuda(const std::string& library, Facts& facts, GpuRefusals& refusals) {
  const Cuda cuda(library);
  if (!cuda.why_not().empty()) {
    facts.unseen.push_back(
        {"attributes that the CUDA driver knows (multiprocessors, second-level "
         "cache, coherent memory, GPUDirect)",
         cuda.why_not(), ""});
    return;
  }
  int version = 0;
  if (cuda.call("cuDriverGetVersion", &version) == kCudaSuccess) {
    facts.cuda_driver = fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  }
  const std::vector<CudaDevice> devices = list_devices(cuda);
  if (facts.gpus.empty()) {
    for (std::size_t i = 0; i < devices.size(); ++i) {
      facts.gpus.push_back(make_gpu(cuda, devices[i], static_cast<int>(i)));
      for (std::size_t j = 0; j < i; ++j) {
        facts.gpu_pairs.push_back({static_cast<int>(j), static_cast<int>(i), "", {}, {}});
      }
    }
  }
  for (Gpu& gpu : facts.gpus) {
    if (const CudaDevice* device = device_of(devices, gpu)) {
      read_attributes(cuda, *device, gpu);
    } else {
      refusals.add(gpu.index, "CUDA attributes",
                   "the CUDA driver does not show it to this process (CUDA_VISIBLE_DEVICES?)");
    }
  }
  read_peers(cuda, devices, facts);
}

}  // namespace aisp::machine
