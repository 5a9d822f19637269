// The kernels that are bound by memory, for memops.py. A cut of 0 packs is the kernel's own choice.
//
// Source: none; see the contracts.
#include <algorithm>
#include <vector>

#include "kernels/activation_cuda/activation.h"
#include "kernels/adamw_cuda/adamw.h"
#include "kernels/cross_entropy_cuda/cross_entropy.h"
#include "kernels/gather_cuda/gather.h"
#include "kernels/norm_cuda/norm.h"
#include "kernels/quantize_cuda/quantize.h"
#include "kernels/softmax_cuda/softmax.h"
#include "kernels/transpose_cuda/transpose.h"
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
           .blocks = cluster > 1 ? std::min(rows, 264 / cluster) * cluster : rows},
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
                 void* y, std::uint32_t* ticket, std::int64_t cluster, std::int64_t packs,
                 std::int64_t threads, void* stream) {
  return c_call([=] {
    namespace softmax = kernels::softmax_cuda;
    const softmax::Request request{.type = type_of(element_bytes),
                                   .rows = rows,
                                   .n = n,
                                   .x = x,
                                   .y = y,
                                   .ticket = ticket,
                                   .stream = stream_of(stream)};
    if (packs == 0) return softmax::softmax(request);
    softmax::variants()[cluster > 1 ? 0 : 1].run(request, cut_of(rows, cluster, packs, threads));
  });
}

int aisp_cross_entropy(std::int64_t element_bytes, std::int64_t rows, std::int64_t n,
                       const void* logits, const std::int32_t* labels, float* loss, void* gradient,
                       float* factor, float* mean, std::uint32_t* ticket, std::int64_t cluster,
                       std::int64_t packs, std::int64_t threads, void* stream) {
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
                                     .ticket = ticket,
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

int aisp_activate(std::int64_t op, std::int64_t element_bytes, std::int64_t rows, std::int64_t n,
                  const void* a, const void* b, void* out, std::int64_t a_stride,
                  std::int64_t b_stride, void* stream) {
  return c_call([=] {
    namespace activation = kernels::activation_cuda;
    activation::activate({.op = static_cast<activation::Op>(op),
                          .type = type_of(element_bytes),
                          .rows = rows,
                          .n = n,
                          .a = a,
                          .b = b,
                          .out = out,
                          .a_stride = a_stride,
                          .b_stride = b_stride,
                          .stream = stream_of(stream)});
  });
}

int aisp_swiglu_backward(std::int64_t element_bytes, std::int64_t rows, std::int64_t n,
                         const void* a, const void* b, const void* dout, void* da, void* db,
                         void* stream) {
  return c_call([=] {
    kernels::activation_cuda::swiglu_backward({.type = type_of(element_bytes),
                                               .rows = rows,
                                               .n = n,
                                               .a = a,
                                               .b = b,
                                               .stream = stream_of(stream)},
                                              dout, da, db);
  });
}

int aisp_quantize(std::int64_t back, std::int64_t to, std::int64_t per, std::int64_t element_bytes,
                  std::int64_t rows, std::int64_t n, void* values, void* elements, float* scales,
                  void* stream) {
  return c_call([=] {
    namespace quantize = kernels::quantize_cuda;
    const quantize::Request request{.to = static_cast<kernels::cuda::Quantized>(to),
                                    .per = static_cast<quantize::Scales>(per),
                                    .type = type_of(element_bytes),
                                    .rows = rows,
                                    .n = n,
                                    .values = values,
                                    .elements = elements,
                                    .scales = scales,
                                    .stream = stream_of(stream)};
    back != 0 ? quantize::dequantize(request) : quantize::quantize(request);
  });
}

/// addresses: parameter, gradient, master, m, v of each of `count` tensors.
int aisp_adamw_prepare(std::int64_t parameter_bytes, std::int64_t gradient_bytes,
                       std::int64_t count, void* const* addresses, const std::int64_t* sizes,
                       void** out) {
  return c_call([=] {
    namespace adamw = kernels::adamw_cuda;
    std::vector<adamw::Tensor> tensors;
    for (std::int64_t i = 0; i < count; ++i) {
      void* const* a = addresses + 5 * i;
      tensors.push_back({a[0], a[1], static_cast<float*>(a[2]), static_cast<float*>(a[3]),
                         static_cast<float*>(a[4]), sizes[i]});
    }
    *out = new adamw::Tensors({type_of(parameter_bytes), type_of(gradient_bytes)}, tensors);
  });
}

int aisp_adamw(void* tensors, float lr, std::int64_t step, const float* found_inf, void* stream) {
  return c_call([=] {
    namespace adamw = kernels::adamw_cuda;
    adamw::adamw(*static_cast<adamw::Tensors*>(tensors),
                 {.lr = lr, .step = step, .found_inf = found_inf, .stream = stream_of(stream)});
  });
}

void aisp_adamw_delete(void* tensors) {
  delete static_cast<kernels::adamw_cuda::Tensors*>(tensors);
}

int aisp_transpose(std::int64_t element_bytes, std::int64_t rows, std::int64_t cols, const void* in,
                   void* out, void* stream) {
  return c_call([=] {
    kernels::transpose_cuda::transpose({.element_bytes = static_cast<int>(element_bytes),
                                        .rows = rows,
                                        .cols = cols,
                                        .in = in,
                                        .out = out,
                                        .stream = stream_of(stream)});
  });
}

int aisp_gather(std::int64_t row_bytes, std::int64_t table_rows, std::int64_t count,
                const void* table, const std::int32_t* ids, void* out, void* stream) {
  return c_call([=] {
    kernels::gather_cuda::gather({.row_bytes = row_bytes,
                                  .table_rows = table_rows,
                                  .count = count,
                                  .table = table,
                                  .ids = ids,
                                  .out = out,
                                  .stream = stream_of(stream)});
  });
}

int aisp_scatter_add(std::int64_t element_bytes, std::int64_t n, std::int64_t table_rows,
                     std::int64_t count, const void* rows, const std::int32_t* ids,
                     const std::int32_t* order, float* table, void* stream) {
  return c_call([=] {
    kernels::gather_cuda::scatter_add({.type = type_of(element_bytes),
                                       .n = n,
                                       .table_rows = table_rows,
                                       .count = count,
                                       .rows = rows,
                                       .ids = ids,
                                       .order = order,
                                       .table = table,
                                       .stream = stream_of(stream)});
  });
}

}  // extern "C"
