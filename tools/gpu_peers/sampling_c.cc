// Sampling from logits, for sampling.py.
#include "kernels/sampling_cuda/cuda.h"
#include "tools/gpu_peers/c_call.h"

/// f32 logits, tight rows; a null array of parameters: off. variant: a row of variants().
extern "C" int aisp_sample(const float* logits, std::int32_t* tokens, const float* temperature,
                           const std::int32_t* top_k, const float* top_p, const float* min_p,
                           const std::uint64_t* seeds, std::int64_t batch, std::int64_t vocabulary,
                           std::int64_t variant, void* stream) {
  namespace sampling = aisp::kernels::sampling_cuda;
  return aisp::gpu_peers::c_call([&] {
    sampling::Request request;
    request.logits = logits;
    request.row_stride = vocabulary;
    request.batch = static_cast<int>(batch);
    request.vocabulary = static_cast<int>(vocabulary);
    request.temperature = temperature;
    request.top_k = top_k;
    request.top_p = top_p;
    request.min_p = min_p;
    request.seeds = seeds;
    request.tokens = tokens;
    request.stream = aisp::gpu_peers::stream_of(stream);
    sampling::variants()[static_cast<std::size_t>(variant)].run(request);
  });
}
