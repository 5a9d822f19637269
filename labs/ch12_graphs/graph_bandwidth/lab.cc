// Many small copies, one by one, as a graph, in one call or in one kernel. See README.md.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch12_graphs/graph_bandwidth/problem.h"

namespace aisp::labs::ch12::graph_bandwidth {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const Piece last = pieces(p).back();
  return {.inputs = {{"gradients", DType::kF32, {last.from + last.count}}},
          .outputs = {{"bucket", DType::kF32, {last.to + last.count}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
}

bench::Work work(const Params& p) {
  const auto all = pieces(p);
  const double bytes = 4.0 * static_cast<double>(all.back().to + all.back().count);
  return {.bytes_read = bytes,
          .bytes_written = bytes,
          .items = static_cast<double>(all.size()),
          .item_name = "tensors"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  for (const Piece& piece : pieces(p)) {
    for (std::int64_t i = 0; i < piece.count; ++i) {
      expected.outputs[0].value[static_cast<std::size_t>(piece.to + i)] =
          io.in<float>(0)[static_cast<std::size_t>(piece.from + i)];
    }
  }
}

/// A copy is exact.
Tolerance tolerance(const Params&) { return {}; }

Params sizes(std::int64_t layers, std::int64_t width, std::int64_t mlp, bool matrices) {
  return {{"layers", layers}, {"width", width}, {"mlp", mlp}, {"matrices", matrices ? 1 : 0}};
}

/// cudaMemcpyBatchAsync came with CUDA 12.8.
bench::WhyNot needs_batch_copies(const machine::CudaDevice& device) {
  return device.driver_version >= 12080 ? "" : "needs a driver of CUDA 12.8";
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does a copy cost when it is tiny, and who should issue a hundred of them?",
      .targets = {"ch12:graph_bandwidth"},
      .tags = {"memory", "latency", "graphs"},
      .cases = {{.name = "gpt2_small_vectors",
                 .origin = "GPT-2 small: biases and norms, 96 tensors of 3 to 12 KB",
                 .smoke = sizes(2, 68, 130, false),
                 .full = sizes(12, 768, 3072, false),
                 .device = bench::Device::kCuda},
                {.name = "gpt2_small_all",
                 .origin = "GPT-2 small: all gradients of 4 of its layers, 48 tensors, 113 MB",
                 .smoke = sizes(1, 36, 144, true),
                 .full = sizes(4, 768, 3072, true),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1, false), sizes(3, 5, 7, true), sizes(2, 129, 33, false)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {bench::on_gpu("copy_per_tensor", "an asynchronous copy for each tensor",
                                   AISP_DEVICE(plan_copy_per_tensor)),
                     bench::on_gpu("graph_of_copies", "the same copies as a graph, launched as one",
                                   AISP_DEVICE(plan_graph_of_copies)),
                     bench::on_gpu("batch_call", "all copies in one call of the driver",
                                   AISP_DEVICE(plan_batch_call), needs_batch_copies),
                     bench::on_gpu("one_kernel", "one kernel that reads the list of tensors",
                                   AISP_DEVICE(plan_one_kernel))},
      .device_baseline = "copy_per_tensor",
  };
}

}  // namespace aisp::labs::ch12::graph_bandwidth
