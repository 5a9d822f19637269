// Many small operations, launched one by one, at once, or as a graph. See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch12_graphs/kernel_launches/problem.h"

namespace aisp::labs::ch12::kernel_launches {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto layers = p["layers"], width = p["width"], mlp = p["mlp"];
  return {.inputs = {{"x", DType::kF32, {width}},
                     {"norm", DType::kF32, {2 * layers, width}},
                     {"attention", DType::kF32, {layers, width}},
                     {"down", DType::kF32, {layers, width}},
                     {"gate", DType::kF32, {layers, mlp}},
                     {"up", DType::kF32, {layers, mlp}}},
          .outputs = {{"x_out", DType::kF32, {width}},
                      {"h", DType::kF32, {2 * layers, width}},
                      {"g", DType::kF32, {layers, mlp}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2), 0.5f, 1.5f);
  for (std::size_t i = 2; i < 6; ++i) fill_normal(io.fill<float>(i), derive_seed(seed, i + 1));
}

/// A norm is 4 flops an element, an addition 1, a SwiGLU 5 with its exponential as one.
bench::Work work(const Params& p) {
  const auto layers = static_cast<double>(p["layers"]);
  const double width = static_cast<double>(p["width"]), mlp = static_cast<double>(p["mlp"]);
  return {.flops = layers * (10.0 * width + 5.0 * mlp),
          .bytes_read = 4.0 * (width + layers * (4.0 * width + 2.0 * mlp)),
          .bytes_written = 4.0 * (width + layers * (2.0 * width + mlp)),
          .items = 5.0 * layers + 1.0,
          .item_name = "operations",
          .medium = bench::Work::Medium::kNone};
}

/// scale of x: sum of |terms|, because terms cancel; of h: the same through the norm.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto layers = static_cast<std::size_t>(p["layers"]);
  const auto width = static_cast<std::size_t>(p["width"]), mlp = static_cast<std::size_t>(p["mlp"]);
  const auto start = io.in<float>(0), weight = io.in<float>(1);
  std::vector<double> x(start.begin(), start.end()), size(width);
  for (std::size_t i = 0; i < width; ++i) size[i] = std::fabs(x[i]);
  auto& h = expected.outputs[1];
  h.scale.resize(2 * layers * width);
  for (std::size_t row = 0; row < 2 * layers; ++row) {
    double squares = 0.0;
    for (const double value : x) squares += value * value;
    const double factor = 1.0 / std::sqrt(squares / static_cast<double>(width) + 1e-5);
    const auto added = io.in<float>(row % 2 == 0 ? 2 : 3);
    for (std::size_t i = 0; i < width; ++i) {
      h.value[row * width + i] = x[i] * factor * weight[row * width + i];
      h.scale[row * width + i] = size[i] * factor * weight[row * width + i];
      const double term = added[row / 2 * width + i];
      x[i] += term;
      size[i] += std::fabs(term);
    }
  }
  expected.outputs[0].value = x;
  expected.outputs[0].scale = size;
  for (std::size_t i = 0; i < layers * mlp; ++i) {
    const double gate = io.in<float>(4)[i];
    expected.outputs[2].value[i] = gate / (1.0 + std::exp(-gate)) * io.in<float>(5)[i];
  }
}

/// x: a sum of 2 L + 1 terms. h: that, the mean of C squares (half of its error, through the square
/// root) and four roundings; sqrt(a) + sqrt(b) <= sqrt(2 (a + b)). g: about five roundings, far
/// below. rms: errors are random walks that show 0.03 of the bound; bf16 inputs show 20 and more.
Tolerance tolerance(const Params& p) {
  const auto terms = static_cast<double>(2 * p["layers"] + p["width"] + 8);
  return {.relative = dot_bound(2.0 * terms, unit_roundoff(DType::kF32)), .rms = 0.1};
}

Params sizes(std::int64_t layers, std::int64_t width, std::int64_t mlp) {
  return {{"layers", layers}, {"width", width}, {"mlp", mlp}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does a launch cost when the work behind it takes no longer than the launch?",
      .targets = {"ch12:kernel_launches", "ch12:cuda_graphs"},
      .tags = {"threads", "latency", "decode"},
      .cases = {{.name = "smollm_135m",
                 .origin = "SmolLM-135M, one token: 30 layers, width 576, MLP 1536: 151 operations",
                 .smoke = sizes(2, 72, 200),
                 .full = sizes(30, 576, 1536)},
                {.name = "tinyllama_1_1b",
                 .origin = "TinyLlama-1.1B, one token: 22 layers, width 2048, MLP 5632: 111",
                 .smoke = sizes(3, 64, 176),
                 .full = sizes(22, 2048, 5632)},
                {.name = "llama3_8b",
                 .origin = "Llama-3-8B, one token: 32 layers, width 4096, MLP 14336: 161",
                 .smoke = sizes(2, 128, 448),
                 .full = sizes(32, 4096, 14336)},
                {.name = "smollm_135m_cuda",
                 .origin = "SmolLM-135M, one token on the GPU: 151 launches",
                 .smoke = sizes(2, 72, 200),
                 .full = sizes(30, 576, 1536),
                 .device = bench::Device::kCuda},
                {.name = "llama3_8b_cuda",
                 .origin = "Llama-3-8B, one token on the GPU: 161 launches",
                 .smoke = sizes(2, 128, 448),
                 .full = sizes(32, 4096, 14336),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1), sizes(1, 17, 3), sizes(2, 33, 65), sizes(5, 15, 16)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {fork_join_per_op(), queue_per_op(), one_fork_barriers(), task_graph(),
                     one_thread(),
                     bench::on_gpu("launch_per_op", "a kernel launch for each operation",
                                   AISP_DEVICE(plan_launch_per_op)),
                     bench::on_gpu("graph_replay", "a captured graph, updated when pointers change",
                                   AISP_DEVICE(plan_graph_replay)),
                     bench::on_gpu("graph_static_buffers",
                                   "a graph on buffers of its own, with copies",
                                   AISP_DEVICE(plan_graph_static_buffers)),
                     bench::on_gpu("one_kernel", "the whole step in one kernel, x in registers",
                                   AISP_DEVICE(plan_one_kernel))},
      .baseline = "fork_join_per_op",
      .device_baseline = "launch_per_op",
  };
}

}  // namespace aisp::labs::ch12::kernel_launches
