// The softmax of kernels/softmax_cuda as its cut can be: packs of 16 bytes that a thread holds (its
// unrolling and registers; the threads of a row follow), and rows in a block.
#include "kernels/cuda/softmax_row.cuh"
#include "kernels/softmax_cuda/run.h"
#include "kernels/softmax_cuda/softmax_work.cuh"
#include "tune/occupancy.cuh"
#include "tune/points.h"

namespace aisp::tune {
namespace {

using kernels::cuda::SoftmaxCut;

// Of a point, where rows of n fit; else the kernel's own choice.
SoftmaxCut cut_of(const bench::Params& params, int packs, int rows_per_block) {
  const std::int64_t rows = params["rows"], n = params["n"], row_packs = n / 4;
  const std::int64_t threads = (row_packs + packs - 1) / packs;
  const std::int64_t warps = (threads + 31) / 32;
  const bool fits = n % 4 == 0 && warps * 32 * rows_per_block <= 512;
  if (!fits) {
    return kernels::cuda::choose_softmax_cut(rows, n, 4, n % 4 == 0, true, machine::cuda_device());
  }
  SoftmaxCut cut;
  cut.row = {.aligned = true,
             .packs = packs,
             .threads = static_cast<int>(warps * 32),
             .rows_per_block = rows_per_block,
             .blocks = (rows + rows_per_block - 1) / rows_per_block};
  return cut;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_softmax(const bench::Params& params, int packs, int rows) {
  const SoftmaxCut cut = cut_of(params, packs, rows);
  const std::int64_t count = params["rows"], n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    kernels::softmax_cuda::Request request;
    request.type = DType::kF32;
    request.rows = count;
    request.n = n;
    request.x = io.in<float>(0).data();
    request.y = io.out<float>(0).data();
    request.stream = io.stream();
    if (cut.cluster > 1) return kernels::softmax_cuda::run_cluster(request, cut);
    kernels::softmax_cuda::run_block(request, cut);
  });
}

Occupancy occupancy_softmax(const bench::Params& params, int packs, int rows) {
  using Work = kernels::softmax_cuda::Probabilities<float>;
  const SoftmaxCut cut = cut_of(params, packs, rows);
  Occupancy answer;
  kernels::cuda::with_packs(cut.row.packs, [&](auto fixed) {
    answer = occupancy_of(kernels::cuda::softmax_rows<float, Work, fixed(), true, true>,
                          cut.row.threads * cut.row.rows_per_block, 0);
  });
  return answer;
}

}  // namespace aisp::tune
