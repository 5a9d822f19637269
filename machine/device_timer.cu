// Events, the holding kernel and the clock probe. See device_timer.h.
#include "machine/device_timer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "machine/cuda_raii.h"

namespace aisp::machine {
namespace {

// Longer than any honest enqueueing of an epoch (a few hundred launches of 2-5 us), shorter than a
// person's patience: who waits for the device inside a call meets it once.
constexpr unsigned long long kHoldAtMostNs = 50'000'000;

__device__ unsigned long long now_ns() {
  unsigned long long now;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  return now;
}

// What one multiprocessor saw: its cycle counter and the common timer, at one moment.
struct ClockReading {
  unsigned long long cycles, ns;
};

__device__ void read_clocks(ClockReading* rows, int count) {
  unsigned multiprocessor;
  asm volatile("mov.u32 %0, %smid;" : "=r"(multiprocessor));
  if (multiprocessor >= static_cast<unsigned>(count)) return;
  rows[multiprocessor] = {static_cast<unsigned long long>(clock64()), now_ns()};
}

// More blocks than multiprocessors, so that nearly all of them write their row.
__global__ void probe_kernel(ClockReading* rows, int count) { read_clocks(rows, count); }

// 512 threads divide what a multiprocessor holds on every architecture (1536 or 2048).
constexpr int kHoldThreads = 512;

// Until the host writes *release, or time is up; then says so. With as many blocks as fit on the
// device nothing else runs meanwhile, whatever its stream: work that did not wait for the held one
// would be done before the clock starts. Only the first block asks the host (hundreds of pollers
// would fill the link); the others wait for its word in device memory.
__global__ void __launch_bounds__(kHoldThreads)
    hold_kernel(const volatile int* release, volatile int* gave_up, volatile unsigned* let_go,
                unsigned turn, ClockReading* rows, int count) {
  if (threadIdx.x == 0 && blockIdx.x != 0) {
    while (*let_go != turn) __nanosleep(200);
  }
  if (threadIdx.x == 0 && blockIdx.x == 0) {
    const unsigned long long begin = now_ns();
    while (*release == 0 && *gave_up == 0) {
      if (now_ns() - begin > kHoldAtMostNs) *gave_up = 1;
      __nanosleep(200);
    }
    *let_go = turn;
  }
  __syncthreads();  // the threads that do not ask stay too: they fill the multiprocessor
  // Here and not in a kernel of its own: that would wait for a place behind work of other streams,
  // and the clock with it.
  if (threadIdx.x == 0) read_clocks(rows, count);
}

__global__ void dirty_kernel(uint4* data, std::size_t count, unsigned value) {
  for (std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += std::size_t{gridDim.x} * blockDim.x) {
    data[i] = {value, value, value, value};
  }
}

double host_ns() {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count());
}

double between_ns(const Event& from, const Event& to) {
  float milliseconds = 0.0F;
  AISP_CUDA(cudaEventElapsedTime(&milliseconds, from, to));
  return 1e6 * static_cast<double>(milliseconds);
}

}  // namespace

struct DeviceTimer::State {
  State(CudaStream on, bool whole_device)
      : stream(on),
        multiprocessors(cuda_device().multiprocessors),
        hold_blocks(whole_device ? multiprocessors *
                                       (cuda_device().threads_per_multiprocessor / kHoldThreads)
                                 : 1),
        flags(2 * sizeof(int)),
        let_go(sizeof(unsigned)),
        readings(2 * static_cast<std::size_t>(multiprocessors) * sizeof(ClockReading)) {
    AISP_CUDA(cudaHostGetDevicePointer(reinterpret_cast<void**>(&on_device), flags.data(), 0));
    AISP_CUDA(cudaMemset(let_go.as(), 0, let_go.bytes()));
    AISP_CUDA(cudaDeviceSynchronize());  // or it might come after the first turn's word
  }

  volatile int* release() const { return static_cast<volatile int*>(flags.data()); }
  volatile int* gave_up() const { return release() + 1; }

  void hold() {
    *release() = 0;
    *gave_up() = 0;
    hold_kernel<<<hold_blocks, kHoldThreads, 0, stream>>>(
        on_device, on_device + 1, let_go.as<unsigned>(), ++turn, rows(0), multiprocessors);
    AISP_CUDA(cudaGetLastError());
  }

  ClockReading* rows(int which) const {
    return static_cast<ClockReading*>(readings.data()) + which * multiprocessors;
  }

  // Rows of multiprocessors that no block meets stay zero.
  void probe(int which) {
    probe_kernel<<<2 * multiprocessors, 32, 0, stream>>>(rows(which), multiprocessors);
    AISP_CUDA(cudaGetLastError());
  }

  double mean_mhz() const {
    std::vector<double> mhz;
    for (int i = 0; i < multiprocessors; ++i) {
      const ClockReading &a = rows(0)[i], &b = rows(1)[i];
      if (a.ns == 0 || b.ns <= a.ns || b.cycles <= a.cycles) continue;
      mhz.push_back(1e3 * static_cast<double>(b.cycles - a.cycles) /
                    static_cast<double>(b.ns - a.ns));
    }
    if (mhz.empty()) return 0.0;
    std::nth_element(mhz.begin(), mhz.begin() + mhz.size() / 2, mhz.end());
    return mhz[mhz.size() / 2];
  }

  cudaStream_t stream;
  int multiprocessors, hold_blocks;
  unsigned turn = 0;
  PinnedBuffer flags;     // page-locked and mapped: the device polls it
  DeviceBuffer let_go;    // the turn whose blocks may go
  PinnedBuffer readings;  // the device writes a few KiB straight into host memory
  int* on_device = nullptr;
  Event from, to, end;
  std::vector<std::unique_ptr<Event>> marks;
  std::unique_ptr<DeviceBuffer> foreign;
  unsigned dirty_value = 1;
};

DeviceTimer::DeviceTimer(CudaStream stream, bool whole_device)
    : state_(std::make_unique<State>(stream, whole_device)) {
  time([] {}, true);  // loads the kernels
}
DeviceTimer::~DeviceTimer() = default;

DeviceEpoch DeviceTimer::time(const std::function<void()>& enqueue, bool held) {
  State& s = *state_;
  DeviceEpoch epoch;
  std::fill_n(s.rows(0), 2 * s.multiprocessors, ClockReading{});
  if (held) s.hold();
  if (!held || s.hold_blocks == 1) s.probe(0);
  AISP_CUDA(cudaEventRecord(s.from, s.stream));
  const double begin = host_ns();
  try {
    enqueue();
  } catch (...) {
    *s.release() = 1;
    throw;
  }
  const double enqueued = host_ns();
  AISP_CUDA(cudaEventRecord(s.to, s.stream));
  s.probe(1);
  const double released = host_ns();
  *s.release() = 1;
  AISP_CUDA(cudaEventSynchronize(s.to));
  const double done = host_ns();
  AISP_CUDA(cudaStreamSynchronize(s.stream));
  epoch.device_ns = between_ns(s.from, s.to);
  epoch.enqueue_ns = enqueued - begin;
  epoch.wall_ns = done - (held ? released : begin);
  epoch.gave_up = held && *s.gave_up() != 0;
  epoch.sm_mhz = s.mean_mhz();
  return epoch;
}

DeviceEpoch DeviceTimer::time_dirty(const std::function<void()>& enqueue_one, int calls) {
  State& s = *state_;
  const std::size_t bytes = 2 * std::max<std::size_t>(cuda_device().l2_bytes, 1u << 20);
  if (!s.foreign) s.foreign = std::make_unique<DeviceBuffer>(bytes);
  while (s.marks.size() < 2 * static_cast<std::size_t>(calls)) {
    s.marks.push_back(std::make_unique<Event>());
  }
  DeviceEpoch epoch = time(
      [&] {
        for (int i = 0; i < calls; ++i) {
          dirty_kernel<<<4 * s.multiprocessors, 512, 0, s.stream>>>(
              s.foreign->as<uint4>(), bytes / sizeof(uint4), s.dirty_value++);
          AISP_CUDA(cudaEventRecord(*s.marks[2 * i], s.stream));
          enqueue_one();
          AISP_CUDA(cudaEventRecord(*s.marks[2 * i + 1], s.stream));
        }
      },
      true);
  epoch.device_ns = 0.0;
  for (int i = 0; i < calls; ++i) {
    epoch.device_ns += between_ns(*s.marks[2 * i], *s.marks[2 * i + 1]);
  }
  return epoch;
}

// No kernel of ours comes after the work: it would wait for a place behind that of other streams.
double DeviceTimer::busy_after_ns(const std::function<void()>& enqueue) {
  AISP_CUDA(cudaDeviceSynchronize());
  enqueue();
  AISP_CUDA(cudaStreamSynchronize(state_->stream));
  const double begin = host_ns();
  AISP_CUDA(cudaDeviceSynchronize());
  return host_ns() - begin;
}

struct DeviceGraph::State {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  ~State() {
    if (exec != nullptr) cudaGraphExecDestroy(exec);
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
};

DeviceGraph::DeviceGraph(CudaStream stream, const std::function<void()>& enqueue)
    : state_(std::make_unique<State>()) {
  AISP_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  try {
    enqueue();
  } catch (...) {
    cudaStreamEndCapture(stream, &state_->graph);
    cudaGetLastError();
    throw;
  }
  AISP_CUDA(cudaStreamEndCapture(stream, &state_->graph));
  AISP_CUDA(cudaGraphInstantiate(&state_->exec, state_->graph, 0));
}
DeviceGraph::~DeviceGraph() = default;
void DeviceGraph::launch(CudaStream stream) const {
  AISP_CUDA(cudaGraphLaunch(state_->exec, stream));
}

namespace {

struct Limit {
  const char* name;
  cudaLimit which;
};
constexpr Limit kLimits[] = {
    {"size of the persisting L2", cudaLimitPersistingL2CacheSize},
    {"granularity of L2 fetches", cudaLimitMaxL2FetchGranularity},
    {"pending device-side launches", cudaLimitDevRuntimePendingLaunchCount},
};

// Read by cuBLAS and cuDNN: 0 takes TF32 away from everybody in the process.
constexpr const char* kTf32Override = "NVIDIA_TF32_OVERRIDE";

std::uint64_t tf32_override() {
  const char* value = std::getenv(kTf32Override);
  return value == nullptr ? 0 : 1 + static_cast<std::uint64_t>(std::atoi(value));
}

cudaMemPool_t default_pool() {
  cudaMemPool_t pool = nullptr;
  if (cudaDeviceGetDefaultMemPool(&pool, 0) != cudaSuccess) cudaGetLastError();
  return pool;
}

}  // namespace

DeviceSettings device_settings(CudaStream stream) {
  DeviceSettings settings;
  for (const Limit& limit : kLimits) {
    std::size_t value = 0;
    if (cudaDeviceGetLimit(&value, limit.which) == cudaSuccess) {
      settings.values.emplace_back(limit.name, value);
    } else {
      cudaGetLastError();
    }
  }
  int device = 0;
  unsigned flags = 0;
  AISP_CUDA(cudaGetDevice(&device));
  AISP_CUDA(cudaGetDeviceFlags(&flags));
  flags &= cudaDeviceScheduleMask;  // the driver sets others itself (local memory, mapped memory)
  settings.values.emplace_back("current device", static_cast<std::uint64_t>(device));
  settings.values.emplace_back("way of waiting for the device", flags);
  settings.values.emplace_back(kTf32Override, tf32_override());
  cudaStreamAttrValue window{};
  if (cudaStreamGetAttribute(stream, cudaStreamAttributeAccessPolicyWindow, &window) ==
      cudaSuccess) {
    settings.values.emplace_back("bytes of the stream's L2 access window",
                                 window.accessPolicyWindow.num_bytes);
  } else {
    cudaGetLastError();
  }
  if (cudaMemPool_t pool = default_pool(); pool != nullptr) {
    std::uint64_t threshold = 0;
    AISP_CUDA(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
    settings.values.emplace_back("release threshold of the default memory pool", threshold);
  }
  return settings;
}

void restore(const DeviceSettings& settings, CudaStream stream) {
  cudaSetDevice(0);
  cudaStreamAttrValue none{};
  cudaStreamSetAttribute(stream, cudaStreamAttributeAccessPolicyWindow, &none);
  cudaCtxResetPersistingL2Cache();
  for (const auto& [name, value] : settings.values) {
    for (const Limit& limit : kLimits) {
      if (name == limit.name) cudaDeviceSetLimit(limit.which, value);
    }
    if (name == kTf32Override) {
      if (value == 0) unsetenv(kTf32Override);
      if (value != 0) setenv(kTf32Override, std::to_string(value - 1).c_str(), 1);
    }
    if (name.starts_with("release threshold")) {
      std::uint64_t threshold = value;
      cudaMemPoolSetAttribute(default_pool(), cudaMemPoolAttrReleaseThreshold, &threshold);
    }
  }
  cudaGetLastError();
}

}  // namespace aisp::machine
