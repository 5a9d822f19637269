// An asynchronous copy for each tensor: what Tensor.copy_() into a view of the bucket comes to.
// Source: PyTorch, Reducer::copy_grad_to_bucket; copy_ of contiguous tensors of one type is a
// cudaMemcpyAsync (aten/src/ATen/native/cuda/Copy.cu).
#include "labs/ch12_graphs/graph_bandwidth/copies.cuh"

namespace aisp::labs::ch12::graph_bandwidth {

std::unique_ptr<bench::Plan> plan_copy_per_tensor(const bench::Params& params) {
  return bench::plan_of([all = pieces(params)](const bench::Io& io) {
    enqueue_copies(all, io.in<float>(0).data(), io.out<float>(0).data(), io.stream());
  });
}

}  // namespace aisp::labs::ch12::graph_bandwidth
