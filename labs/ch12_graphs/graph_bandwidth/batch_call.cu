// All copies in one call, which lets the driver issue them together and in any order.
// Source: CUDA Runtime API reference 13.0, cudaMemcpyBatchAsync.
#include "labs/ch12_graphs/graph_bandwidth/copies.cuh"

namespace aisp::labs::ch12::graph_bandwidth {
namespace {

class BatchCopy {
 public:
  explicit BatchCopy(std::vector<Piece> all) : all_(std::move(all)) {
    to_.resize(all_.size());
    from_.resize(all_.size());
    for (const Piece& piece : all_) bytes_.push_back(4 * static_cast<std::size_t>(piece.count));
  }

  void operator()(const bench::Io& io) {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      to_[i] = io.out<float>(0).data() + all_[i].to;
      from_[i] = io.in<float>(0).data() + all_[i].from;
    }
    cudaMemcpyAttributes attributes{};
    attributes.srcAccessOrder = cudaMemcpySrcAccessOrderStream;
    std::size_t first = 0;  // the attributes hold from the first copy on
    AISP_CUDA(cudaMemcpyBatchAsync(to_.data(), from_.data(), bytes_.data(), all_.size(),
                                   &attributes, &first, 1, io.stream()));
  }

 private:
  std::vector<Piece> all_;
  std::vector<void*> to_;
  std::vector<const void*> from_;
  std::vector<std::size_t> bytes_;
};

}  // namespace

std::unique_ptr<bench::Plan> plan_batch_call(const bench::Params& params) {
  return bench::plan_of(BatchCopy(pieces(params)));
}

}  // namespace aisp::labs::ch12::graph_bandwidth
