// Three stages on three streams: all copies in on the first, all kernels on the second, all copies
// out on the third. Events order the stages of a chunk, and keep a buffer until its chunk is out.
#include "labs/ch11_streams/streams/stages.cuh"

namespace aisp::labs::ch11::streams {
namespace {

constexpr std::size_t kSlots = 3;  // one chunk in each stage

class StagePipeline {
 public:
  explicit StagePipeline(const bench::Params& params) : all_(cut(params["n"], params["chunks"])) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      slots_.emplace_back(all_[0].count);
      arrived_.push_back(std::make_unique<machine::Event>());
      computed_.push_back(std::make_unique<machine::Event>());
      left_.push_back(std::make_unique<machine::Event>());
    }
  }

  void operator()(const bench::Io& io) {
    const machine::JoinedStreams& stage = *stages_;
    stage.fork(io.stream());
    for (std::size_t c = 0; c < all_.size(); ++c) {
      const std::size_t s = c % kSlots;
      if (c >= kSlots) AISP_CUDA(cudaStreamWaitEvent(stage[0], *left_[s], 0));
      copy_in(io, all_[c], slots_[s], stage[0]);
      AISP_CUDA(cudaEventRecord(*arrived_[s], stage[0]));
      AISP_CUDA(cudaStreamWaitEvent(stage[1], *arrived_[s], 0));
      compute(io, all_[c], slots_[s], stage[1]);
      AISP_CUDA(cudaEventRecord(*computed_[s], stage[1]));
      AISP_CUDA(cudaStreamWaitEvent(stage[2], *computed_[s], 0));
      copy_out(io, all_[c], slots_[s], stage[2]);
      AISP_CUDA(cudaEventRecord(*left_[s], stage[2]));
    }
    stage.join(io.stream());
  }

 private:
  std::vector<Chunk> all_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<machine::Event>> arrived_, computed_, left_;
  std::unique_ptr<machine::JoinedStreams> stages_ = std::make_unique<machine::JoinedStreams>(3);
};

}  // namespace

std::unique_ptr<bench::Plan> plan_stream_per_stage(const bench::Params& params) {
  return bench::plan_of(StagePipeline(params));
}

}  // namespace aisp::labs::ch11::streams
