// The lab: a transformer's MLP dispatched op by op, replayed as a graph, and fused. See README.md.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch09_fusion/compute_bound/problem.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch09::compute_bound {
namespace {

using bench::Device;
using bench::Io;
using bench::on_gpu;
using bench::Params;

bench::Problem problem(const Params& p) {
  const std::int64_t tokens = p["tokens"], width = p["width"], hidden = p["hidden"];
  const auto matrix = [](const char* name, std::vector<std::int64_t> shape) {
    return bench::TensorSpec{.name = name, .dtype = DType::kBF16, .shape = std::move(shape)};
  };
  return {.inputs = {matrix("x", {tokens, width}), matrix("w1", {hidden, width}),
                     matrix("b1", {hidden}), matrix("w2", {width, hidden}), matrix("b2", {width})},
          .outputs = {matrix("y", {tokens, width})}};
}

void fill(const Io& io, std::size_t index, std::uint64_t seed, float limit) {
  std::array<float, 4096> part;
  const auto to = io.fill<bf16>(index);
  for (std::size_t from = 0; from < to.size(); from += part.size()) {
    const std::size_t here = std::min(part.size(), to.size() - from);
    fill_uniform(std::span(part).first(here), derive_seed(seed, from), -limit, limit);
    for (std::size_t i = 0; i < here; ++i) to[from + i] = bf16(part[i]);
  }
}

/// Weights of variance 1 / fan-in times 3, so that hidden values are of size 1.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto limit = [](std::int64_t fan_in) {
    return 3.0f / std::sqrt(static_cast<float>(fan_in));
  };
  fill(io, kX, derive_seed(seed, 1), 1.0f);
  fill(io, kW1, derive_seed(seed, 2), limit(p["width"]));
  fill(io, kB1, derive_seed(seed, 3), 0.5f);
  fill(io, kW2, derive_seed(seed, 4), limit(p["hidden"]));
  fill(io, kB2, derive_seed(seed, 5), 0.5f);
}

/// The two products; biases and gelu are a thousandth of them. Each array once.
bench::Work work(const Params& p) {
  const auto tokens = static_cast<double>(p["tokens"]), width = static_cast<double>(p["width"]);
  const auto hidden = static_cast<double>(p["hidden"]);
  return {.flops = 4.0 * tokens * width * hidden,
          .flops_dtype = DType::kBF16,
          .bytes_read = 2.0 * (tokens * width + 2.0 * width * hidden + width + hidden),
          .bytes_written = 2.0 * tokens * width,
          .items = tokens,
          .item_name = "tokens"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto tokens = static_cast<std::size_t>(p["tokens"]);
  const auto width = static_cast<std::size_t>(p["width"]);
  const auto hidden = static_cast<std::size_t>(p["hidden"]);
  const auto [sums_1, sums_2] = bound_of(p);
  const auto at = [&](std::size_t index, std::size_t i) {
    return static_cast<double>(static_cast<float>(io.in<bf16>(index)[i]));
  };
  auto& y = expected.outputs[0];
  y.scale.resize(y.value.size());
  std::vector<double> h(hidden), e(hidden);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t j = 0; j < hidden; ++j) {
      double g = 0.0, squares = 0.0;
      for (std::size_t i = 0; i < width; ++i) {
        const double product = at(kX, t * width + i) * at(kW1, j * width + i);
        g += product;
        squares += product * product;
      }
      const double pre = g + at(kB1, j);
      const double inner = 0.79788456080286535588 * (pre + 0.044715 * pre * pre * pre);
      h[j] = 0.5 * pre * (1.0 + std::tanh(inner));
      e[j] = 1.13 * (std::fabs(g) + std::fabs(pre) + sums_1 * std::sqrt(squares)) + std::fabs(h[j]);
    }
    for (std::size_t i = 0; i < width; ++i) {
      double sum = 0.0, squares = 0.0;
      for (std::size_t j = 0; j < hidden; ++j) {
        const double w = at(kW2, i * hidden + j);
        sum += w * h[j];
        squares += w * e[j] * w * e[j];
      }
      const double value = sum + at(kB2, i);
      y.value[t * width + i] = value;
      y.scale[t * width + i] =
          (6.0 + sums_2) * std::sqrt(squares) + std::fabs(sum) + std::fabs(value);
    }
  }
}

/// problem.h derives the bound, in units of bf16's roundoff. rms: a rounding is 0.42 u at the root
/// mean square, where 6 x 3.3 are allowed for the three of a hidden value: honest techniques show
/// 0.05; hidden values with the 4 bits of fp8 show 0.2 and more.
Tolerance tolerance(const Params&) { return {.relative = unit_roundoff(DType::kBF16), .rms = 0.1}; }

Params sizes(std::int64_t tokens, std::int64_t width, std::int64_t hidden) {
  return {{"tokens", tokens}, {"width", width}, {"hidden", hidden}};
}

bench::WhyNot needs_cublaslt(const machine::CudaDevice& device) {
  const std::string& why = machine::CublasLt::why_not();
  return why.empty() ? device.needs(8) : why;
}

bench::WhyNot needs_sm80(const machine::CudaDevice& device) { return device.needs(8); }

}  // namespace

/// Sums in f32 on tensor cores, which cut (2^-23); sum |a b| <= sqrt(n) sqrt(sum (a b)^2).
Bound bound_of(const Params& p) {
  const auto of = [](std::int64_t n) {
    const auto terms = static_cast<double>(n);
    return dot_bound(terms, 0x1p-23) * std::sqrt(terms) / unit_roundoff(DType::kBF16);
  };
  return {of(p["width"]), of(p["hidden"])};
}

bench::Lab describe() {
  bench::Lab lab;
  lab.question =
      "What do a CUDA graph and fused epilogues bring an MLP that is bound by arithmetic, "
      "and one that is not?";
  lab.targets = {"ch09:compute_bound", "ch10:matmul_tcgen05_epilogue"};
  lab.tags = {"gemm", "graphs", "fusion", "latency"};
  lab.cases = {{.name = "bert_large_4096_tokens",
                .origin = "MLP of BERT-large, 8 sequences of 512 (69 GFLOP)",
                .smoke = sizes(48, 64, 128),
                .full = sizes(4096, 1024, 4096),
                .device = Device::kCuda},
               {.name = "bert_large_16_tokens",
                .origin = "the same for 16 tokens, one short query: 17 MB of weights in L2",
                .smoke = sizes(16, 64, 128),
                .full = sizes(16, 1024, 4096),
                .device = Device::kCuda}};
  // The library wants rows of multiples of 16 bytes; tokens are free.
  lab.ragged = {sizes(1, 8, 8), sizes(3, 24, 56), sizes(129, 40, 72)};
  lab.problem = problem;
  lab.prepare = prepare;
  lab.work = work;
  lab.reference = reference;
  lab.reference_on_device = AISP_DEVICE(reference_on_device);
  lab.tolerance = tolerance;
  lab.techniques = {
      on_gpu("op_by_op", "product, bias, gelu, product, bias: five launches",
             AISP_DEVICE(plan_op_by_op), needs_cublaslt),
      on_gpu("graph_replay", "the same five as one graph", AISP_DEVICE(plan_graph_replay),
             needs_cublaslt),
      on_gpu("fused_epilogues", "bias and gelu in the products: two launches",
             AISP_DEVICE(plan_fused_epilogues), needs_cublaslt),
      on_gpu("fused_in_wgmma", "the same by kernels/gemm_cuda", plan_fused_in_wgmma, needs_sm80)};
  lab.device_baseline = "op_by_op";
  return lab;
}

}  // namespace aisp::labs::ch09::compute_bound
