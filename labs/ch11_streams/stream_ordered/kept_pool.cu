// The same from a pool of the plan's own with a release threshold above anything it holds: memory
// that was returned stays there, and a step takes it from the step before without asking the
// system. The default pool's threshold is left alone: it belongs to everybody in the process.
#include <cstdint>
#include <limits>

#include "labs/ch11_streams/stream_ordered/step_kernels.cuh"

namespace aisp::labs::ch11::stream_ordered {
namespace {

class KeptPool {
 public:
  KeptPool() {
    int device = 0;
    AISP_CUDA(cudaGetDevice(&device));
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;  // the only kind: memory that stays put
    properties.location = {.type = cudaMemLocationTypeDevice, .id = device};
    AISP_CUDA(cudaMemPoolCreate(&pool_, &properties));
    auto threshold = std::numeric_limits<std::uint64_t>::max();
    AISP_CUDA(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &threshold));
  }
  ~KeptPool() { cudaMemPoolDestroy(pool_); }
  KeptPool(const KeptPool&) = delete;
  KeptPool& operator=(const KeptPool&) = delete;
  float* allocate(std::size_t bytes, cudaStream_t stream) const {
    void* t = nullptr;
    AISP_CUDA(cudaMallocFromPoolAsync(&t, bytes, pool_, stream));
    return static_cast<float*>(t);
  }

 private:
  cudaMemPool_t pool_ = nullptr;
};

}  // namespace

std::unique_ptr<bench::Plan> plan_kept_pool(const bench::Params& params) {
  return bench::plan_of(
      [steps = steps_of(params), pool = std::make_unique<KeptPool>()](const bench::Io& io) {
        for (const Step& step : steps) {
          float* t = pool->allocate(bytes_of(step), io.stream());
          run_step(io, step, t);
          AISP_CUDA(cudaFreeAsync(t, io.stream()));
        }
      });
}

}  // namespace aisp::labs::ch11::stream_ordered
