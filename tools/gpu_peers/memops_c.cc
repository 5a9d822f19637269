// The kernels that are bound by memory, for memops.py. A cut of 0 packs is the kernel's own choice.
//
// Source: none; see the contracts.
#include "kernels/cross_entropy_cuda/cross_entropy.h"
#include "kernels/norm_cuda/norm.h"
#include "kernels/softmax_cuda/softmax.h"
#include "tools/gpu_peers/c_call.h"

using aisp::DType;
using aisp::gpu_peers::c_call;
using aisp::gpu_peers::stream_of;
namespace kernels = aisp::kernels;

namespace {

DType type_of(std::int64_t bytes) { return bytes == 2 ? DType::kBF16 : DType::kF32; }

// threads < 0: read twice, by -threads.
kernels::cuda::SoftmaxCut cut_of(std::int64_t rows, std::int64_t cluster, std::int64_t packs,
                                 std::int64_t threads) {
  return {{.aligned = true,
           .packs = static_cast<int>(packs),
           .threads = static_cast<int>(threads < 0 ? -threads : threads),
           .blocks = rows * cluster},
          threads > 0,
          static_cast<int>(cluster)};
}

}  // namespace

extern "C" {

int aisp_norm(std::int64_t element_bytes, std::int64_t kind, std::int64_t output, std::int64_t rows,
              std::int64_t n, const void* x, const void* residual, void* sum, const void* weight,
              const void* bias, void* y, float* scale, std::int64_t packs, std::int64_t threads,
              std::int64_t blocks, void* stream) {
  return c_call([=] {
    namespace norm = kernels::norm_cuda;
    const norm::Request request{.type = type_of(element_bytes),
                                .kind = static_cast<norm::Kind>(kind),
                                .output = static_cast<norm::Output>(output),
                                .rows = rows,
                                .n = n,
                                .x = x,
                                .residual = residual,
                                .sum = sum,
                                .weight = weight,
                                .bias = bias,
                                .y = y,
                                .scale = scale,
                                .stream = stream_of(stream)};
    if (packs == 0) return norm::normalize(request);
    norm::variants().front().run(request, {.aligned = true,
                                           .packs = static_cast<int>(packs),
                                           .threads = static_cast<int>(threads),
                                           .blocks = blocks});
  });
}

std::int64_t aisp_norm_backward_scratch(std::int64_t element_bytes, std::int64_t rows,
                                        std::int64_t n) {
  return kernels::norm_cuda::backward_scratch_floats(
      {.type = type_of(element_bytes), .rows = rows, .n = n}, aisp::machine::cuda_device());
}

int aisp_norm_backward(std::int64_t element_bytes, std::int64_t rows, std::int64_t n, const void* x,
                       const void* weight, const void* dy, void* dx, float* dweight, float* partial,
                       void* stream) {
  return c_call([=] {
    kernels::norm_cuda::backward({.type = type_of(element_bytes),
                                  .rows = rows,
                                  .n = n,
                                  .x = x,
                                  .weight = weight,
                                  .dy = dy,
                                  .dx = dx,
                                  .dweight = dweight,
                                  .partial = partial,
                                  .stream = stream_of(stream)});
  });
}

int aisp_softmax(std::int64_t element_bytes, std::int64_t rows, std::int64_t n, const void* x,
                 void* y, std::int64_t cluster, std::int64_t packs, std::int64_t threads,
                 void* stream) {
  return c_call([=] {
    namespace softmax = kernels::softmax_cuda;
    const softmax::Request request{.type = type_of(element_bytes),
                                   .rows = rows,
                                   .n = n,
                                   .x = x,
                                   .y = y,
                                   .stream = stream_of(stream)};
    if (packs == 0) return softmax::softmax(request);
    softmax::variants()[cluster > 1 ? 0 : 1].run(request, cut_of(rows, cluster, packs, threads));
  });
}

int aisp_cross_entropy(std::int64_t element_bytes, std::int64_t rows, std::int64_t n,
                       const void* logits, const std::int32_t* labels, float* loss, void* gradient,
                       float* factor, float* mean, std::int64_t cluster, std::int64_t packs,
                       std::int64_t threads, void* stream) {
  return c_call([=] {
    namespace loss_room = kernels::cross_entropy_cuda;
    const loss_room::Request request{.type = type_of(element_bytes),
                                     .rows = rows,
                                     .n = n,
                                     .logits = logits,
                                     .labels = labels,
                                     .loss = loss,
                                     .gradient = gradient,
                                     .grad_factor = factor,
                                     .stream = stream_of(stream)};
    loss_room::inverse_count(labels, rows, request.ignore, factor, request.stream);
    if (packs == 0) {
      loss_room::cross_entropy(request);
    } else {
      loss_room::variants()[cluster > 1 ? 0 : 1].run(request,
                                                     cut_of(rows, cluster, packs, threads));
    }
    loss_room::scaled_sum(loss, rows, factor, mean, request.stream);
  });
}

}  // extern "C"
