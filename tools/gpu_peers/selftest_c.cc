// The self-test's kernels and a plain loop between two events, for selftest_peers.py.
#include "bench/selftest_kernels.h"
#include "machine/device_timer.h"
#include "tools/gpu_peers/c_call.h"

namespace {

void enqueue(const void* from, std::int64_t work, void* sink, void* stream) {
  auto* word = static_cast<std::uint32_t*>(sink);
  const auto on = aisp::gpu_peers::stream_of(stream);
  if (from == nullptr) return aisp::bench::enqueue_spin(work, word, on);
  aisp::bench::enqueue_read(from, work, word, on);
}

}  // namespace

/// Computes `work` steps, or reads `work` bytes `from` there.
extern "C" int aisp_selftest(const void* from, std::int64_t work, void* sink, void* stream) {
  return aisp::gpu_peers::c_call([&] { enqueue(from, work, sink, stream); });
}

/// The same `calls` times between two events, after `warm_ups`: nanoseconds of one call. Reads move
/// on by `work` through the `bytes` of the buffer.
extern "C" int aisp_selftest_loop(const void* from, std::int64_t bytes, std::int64_t work,
                                  void* sink, std::int64_t warm_ups, std::int64_t calls,
                                  double* call_ns, void* stream) {
  return aisp::gpu_peers::c_call([&] {
    aisp::machine::DeviceTimer timer(aisp::gpu_peers::stream_of(stream), false);
    std::int64_t at = 0;
    const auto some = [&](std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        if (at + work > bytes) at = 0;
        const auto* base = static_cast<const char*>(from);
        enqueue(base == nullptr ? nullptr : base + at, work, sink, stream);
        at += work;
      }
    };
    some(warm_ups);
    *call_ns = timer.time([&] { some(calls); }, false).device_ns / static_cast<double>(calls);
  });
}
