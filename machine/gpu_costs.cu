// Goes over the GPUs and their rows: memory and launches here, the rest in gpu_*_rows.cu. Every
// figure is the median of samples timed by device events, or by the host's clock where the host's
// part is what costs (launches, pageable copies).
//
// Source: CUDA C++ Best Practices Guide 13.0, chapters on memory and on streams.
#include "machine/gpu_costs.h"

#include <chrono>

#include "machine/cuda_raii.h"
#include "machine/gpu_sampler.h"

namespace aisp::machine {
namespace {

// 16 bytes a thread and step: the widest load there is before Blackwell. The grid fills the machine
// a few times, so that the tail is short.
constexpr int kThreads = 512;
constexpr int kBlocksPerSm = 8;

// One tile of kThreads * kUnroll chunks a block, all loads before the first store.
constexpr int kUnroll = 4;

__global__ void __launch_bounds__(kThreads)
    copy_kernel(const uint4* __restrict__ from, uint4* __restrict__ to, std::size_t count) {
  const std::size_t first = std::size_t{blockIdx.x} * (kThreads * kUnroll) + threadIdx.x;
  uint4 held[kUnroll];
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (first + k * kThreads < count) held[k] = from[first + k * kThreads];
  }
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (first + k * kThreads < count) to[first + k * kThreads] = held[k];
  }
}

__global__ void read_kernel(const uint4* __restrict__ from, unsigned* sink, std::size_t count) {
  const std::size_t stride = std::size_t{gridDim.x} * blockDim.x;
  std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  unsigned sum = 0;
  for (; i + 3 * stride < count; i += 4 * stride) {
    const uint4 a = __ldcs(from + i), b = __ldcs(from + i + stride);
    const uint4 c = __ldcs(from + i + 2 * stride), d = __ldcs(from + i + 3 * stride);
    sum ^= a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w;
    sum ^= c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
  }
  if (sum == 0x9E3779B9u)
    *sink = sum;  // never true of the fill below, and the compiler cannot know
}

__global__ void fill_kernel(unsigned* data, std::size_t count) {
  const std::size_t stride = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    unsigned x = static_cast<unsigned>(i) * 2654435761u;
    x ^= x >> 15;
    data[i] = x * 2246822519u;
  }
}

// A chain of loads that wait for each other: every element holds the index of the next. It goes on
// where the last launch ended, so that a large set is not met again.
__global__ void chase_kernel(const unsigned* next, unsigned* sink, int steps) {
  unsigned at = *sink;
  for (int i = 0; i < steps; ++i) at = next[at];
  *sink = at;
}

__global__ void chain_kernel(unsigned* next, unsigned count, unsigned step) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    next[i] = static_cast<unsigned>((std::uint64_t{i} + step) % count);
  }
}

__global__ void empty_kernel() {}

int blocks() {
  int device = 0, multiprocessors = 0;
  AISP_CUDA(cudaGetDevice(&device));
  AISP_CUDA(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  return multiprocessors * kBlocksPerSm;
}

double host_seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void add_chase_row(GpuRows& rows, const char* name, std::size_t bytes, unsigned step) {
  constexpr int kSteps = 20000;
  const auto count = static_cast<unsigned>(bytes / sizeof(unsigned));
  DeviceBuffer chain(bytes), sink(sizeof(unsigned));
  Stream stream;
  Event from, to;
  chain_kernel<<<blocks(), kThreads, 0, stream>>>(chain.as<unsigned>(), count, step);
  AISP_CUDA(cudaMemsetAsync(sink.as(), 0, sizeof(unsigned), stream));
  AISP_CUDA(cudaGetLastError());
  rows.add(name, "ns", "one thread, " + std::to_string(bytes >> 10) + " KiB", false, [&] {
    return 1e9 / kSteps * device_seconds(stream, from, to, [&] {
             chase_kernel<<<1, 1, 0, stream>>>(chain.as<unsigned>(), sink.as<unsigned>(), kSteps);
             AISP_CUDA(cudaGetLastError());
           });
  });
}

void measure_device(int device, int devices, const GpuCostOptions& options, GpuCosts& into) {
  AISP_CUDA(cudaSetDevice(device));
  GpuRows rows(into, options.samples);
  const auto group = [&](const char* name, auto add) {
    try {
      add();
    } catch (const Error& problem) {
      rows.missing(name, problem.problem());
    }
    cudaGetLastError();  // an allocation that failed must not be found by the next group
  };
  group("device memory", [&] { add_gpu_memory_rows(rows, options); });
  group("launches", [&] { add_gpu_launch_rows(rows, options); });
  group("transfers", [&] { add_gpu_transfer_rows(rows, options); });
  group("matrix products", [&] { add_gpu_matrix_rows(rows, options); });
  group("other GPUs", [&] { add_gpu_peer_rows(rows, options, device, devices); });
}

// Empty when there is one to use.
std::string why_no_gpu() {
  int driver = 0, devices = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    return "no CUDA driver (libcuda.so.1) on this machine";
  }
  const cudaError_t status = cudaGetDeviceCount(&devices);
  cudaGetLastError();
  if (status == cudaErrorInsufficientDriver) {
    return "the driver's CUDA " + std::to_string(driver / 1000) + "." +
           std::to_string(driver % 1000 / 10) + " is older than this program's";
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && devices == 0)) {
    return "no GPU is visible (see CUDA_VISIBLE_DEVICES)";
  }
  return status == cudaSuccess ? "" : cudaGetErrorString(status);
}

}  // namespace

void add_gpu_memory_rows(GpuRows& rows, const GpuCostOptions& options) {
  const std::size_t bytes = options.copy_bytes * 4;  // many times the largest L2
  DeviceBuffer from(bytes), to(bytes), sink(sizeof(unsigned));
  Stream stream;
  Event begin, end;
  fill_kernel<<<blocks(), kThreads, 0, stream>>>(from.as<unsigned>(), bytes / sizeof(unsigned));
  AISP_CUDA(cudaGetLastError());
  const std::size_t count = bytes / sizeof(uint4);
  const auto tiles = static_cast<unsigned>((count + kThreads * kUnroll - 1) / (kThreads * kUnroll));
  const std::string size = std::to_string(bytes >> 20) + " MiB, random data";
  const auto rate = [&](double moved, auto enqueue) {
    return moved / 1e9 / device_seconds(stream, begin, end, [&] {
             enqueue();
             AISP_CUDA(cudaGetLastError());
           });
  };
  const auto twice = 2.0 * static_cast<double>(bytes);
  rows.add("device copy", "GB/s", size + ", bytes read and written", true, [&] {
    return rate(twice, [&] {
      copy_kernel<<<tiles, kThreads, 0, stream>>>(from.as<uint4>(), to.as<uint4>(), count);
    });
  });
  rows.add("device copy, cudaMemcpy", "GB/s", size + ", bytes read and written", true, [&] {
    return rate(twice, [&] {
      AISP_CUDA(cudaMemcpyAsync(to.as(), from.as(), bytes, cudaMemcpyDeviceToDevice, stream));
    });
  });
  rows.add("device read", "GB/s", size, true, [&] {
    return rate(static_cast<double>(bytes), [&] {
      read_kernel<<<blocks(), kThreads, 0, stream>>>(from.as<uint4>(), sink.as<unsigned>(), count);
    });
  });
  rows.add("device write, cudaMemset", "GB/s", size, true, [&] {
    return rate(static_cast<double>(bytes),
                [&] { AISP_CUDA(cudaMemsetAsync(to.as(), 1, bytes, stream)); });
  });
  // Steps far apart, and odd: every load is another line, and the cycle covers the whole set.
  add_chase_row(rows, "load latency, L1", 16 << 10, 33);
  add_chase_row(rows, "load latency, L2", 4 << 20, 262147);
  add_chase_row(rows, "load latency, device memory", std::size_t{1} << 30, 67108879);
}

void add_gpu_launch_rows(GpuRows& rows, const GpuCostOptions&) {
  constexpr int kLaunches = 1000;
  Stream stream;
  const auto begin = [] { return std::chrono::steady_clock::now(); };
  rows.add("kernel launch", "us", "host time of each of 1000 launches in a row", false, [&] {
    stream.wait();
    const auto start = begin();
    for (int i = 0; i < kLaunches; ++i) empty_kernel<<<1, 32, 0, stream>>>();
    const double seconds = host_seconds_since(start);
    AISP_CUDA(cudaGetLastError());
    stream.wait();
    return 1e6 * seconds / kLaunches;
  });
  rows.add("kernel launch and wait", "us", "launch of an empty kernel until the host sees its end",
           false, [&] {
             constexpr int kRounds = 50;
             const auto start = begin();
             for (int i = 0; i < kRounds; ++i) {
               empty_kernel<<<1, 32, 0, stream>>>();
               stream.wait();
             }
             return 1e6 * host_seconds_since(start) / kRounds;
           });
  for (const int nodes : {1, 100}) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t ready = nullptr;
    AISP_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    for (int i = 0; i < nodes; ++i) empty_kernel<<<1, 32, 0, stream>>>();
    AISP_CUDA(cudaStreamEndCapture(stream, &graph));
    AISP_CUDA(cudaGraphInstantiate(&ready, graph, 0));
    rows.add(nodes == 1 ? "graph launch and wait" : "graph of 100 kernels, each kernel", "us",
             "a graph of " + std::to_string(nodes) +
                 " empty kernels, launched until the host sees its end",
             false, [&] {
               constexpr int kRounds = 20;
               const auto start = begin();
               for (int i = 0; i < kRounds; ++i) {
                 AISP_CUDA(cudaGraphLaunch(ready, stream));
                 stream.wait();
               }
               return 1e6 * host_seconds_since(start) / kRounds / nodes;
             });
    cudaGraphExecDestroy(ready);
    cudaGraphDestroy(graph);
  }
}

std::vector<GpuCosts> measure_gpu_costs(const GpuCostOptions& options) {
  const std::string why = why_no_gpu();
  if (!why.empty()) return {{"", {}, {{"GPU", why}}}};
  int devices = 0;
  AISP_CUDA(cudaGetDeviceCount(&devices));
  std::vector<GpuCosts> all;
  for (int device = 0; device < devices; ++device) {
    GpuCosts one;
    try {
      cudaDeviceProp properties{};
      AISP_CUDA(cudaGetDeviceProperties(&properties, device));
      one.gpu = std::to_string(device) + ": " + properties.name;
      measure_device(device, devices, options, one);
    } catch (const Error& problem) {
      one.missing.push_back({"GPU", problem.what()});
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace aisp::machine
