// Experts that the device chooses: started by the host, by a graph, or found by the kernel. See
// README.md.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch12_graphs/cuda_graphs_router/problem.h"

namespace aisp::labs::ch12::cuda_graphs_router {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const std::int64_t experts = p["experts"], width = p["width"], hidden = p["hidden"];
  return {.inputs = {{.name = "x", .shape = {p["tokens"], width}, .structured = true},
                     {.name = "wr", .shape = {experts, width}, .structured = true},
                     {.name = "w1", .shape = {experts, hidden, width}},
                     {.name = "w2", .shape = {experts, width, hidden}}},
          .outputs = {{.name = "y", .shape = {p["tokens"], width}}}};
}

/// Logits of one token, and the sums of their terms' magnitudes.
struct Logits {
  std::vector<double> value, magnitude;
};
Logits logits_of(const Params& p, std::span<const float> router, std::span<const float> x) {
  Logits out;
  const auto width = static_cast<std::size_t>(p["width"]);
  for (std::int64_t e = 0; e < p["experts"]; ++e) {
    double sum = 0.0, all = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      const double product = static_cast<double>(router[e * width + i]) * x[i];
      sum += product;
      all += std::fabs(product);
    }
    out.value.push_back(sum);
    out.magnitude.push_back(all);
  }
  return out;
}

double lead(std::vector<double> logits) {
  if (logits.size() < 2) return kLead;
  std::sort(logits.begin(), logits.end(), std::greater<>());
  return logits[0] - logits[1];
}

/// Weights of variance 1 / fan-in; a token is drawn again until its first expert leads by kLead.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto width = static_cast<std::size_t>(p["width"]);
  const auto limit = [](std::int64_t fan_in) {
    return std::sqrt(3.0f / static_cast<float>(fan_in));
  };
  fill_uniform(io.fill<float>(kRouter), derive_seed(seed, 1), -limit(p["width"]),
               limit(p["width"]));
  fill_uniform(io.fill<float>(kW1), derive_seed(seed, 2), -limit(p["width"]), limit(p["width"]));
  fill_uniform(io.fill<float>(kW2), derive_seed(seed, 3), -limit(p["hidden"]), limit(p["hidden"]));
  for (std::int64_t t = 0; t < p["tokens"]; ++t) {
    const auto x = io.fill<float>(kX).subspan(t * width, width);
    const std::uint64_t of_token = derive_seed(derive_seed(seed, 4), t);
    for (std::uint64_t attempt = 0;; ++attempt) {
      fill_normal(x, derive_seed(of_token, attempt));
      if (lead(logits_of(p, io.in<float>(kRouter), x).value) >= kLead) break;
    }
  }
}

/// Tokens that share an expert share its weights; as if they did not, for at most `experts`.
bench::Work work(const Params& p) {
  const auto tokens = static_cast<double>(p["tokens"]), width = static_cast<double>(p["width"]);
  const auto hidden = static_cast<double>(p["hidden"]), experts = static_cast<double>(p["experts"]);
  // The least that any input needs: all tokens at one expert.
  return {.flops = 2.0 * tokens * width * (experts + 2.0 * hidden),
          .bytes_read = 4.0 * width * (tokens + experts + 2.0 * hidden),
          .bytes_written = 4.0 * tokens * width,
          .items = tokens,
          .item_name = "tokens"};
}

/// scale, in units of u, with c(n) = 6 sqrt(n + 2): a hidden value is off by c(width) sum |w1 x|;
/// so y before the gate by sum |w2| (that + |h|) + c(hidden) sum |w2 h|; the gate, a function of
/// logits with slope at most 1 in all, relatively by 2 c(width) of the largest sum |wr x|, and 8
/// for exponentials and the division.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto width = static_cast<std::size_t>(p["width"]);
  const auto hidden = static_cast<std::size_t>(p["hidden"]);
  const double of_width = dot_bound(static_cast<double>(width), 1.0);
  const double of_hidden = dot_bound(static_cast<double>(hidden), 1.0);
  auto& y = expected.outputs[0];
  y.scale.resize(y.value.size());
  std::vector<double> h(hidden), off(hidden);
  for (std::int64_t t = 0; t < p["tokens"]; ++t) {
    const auto x = io.in<float>(kX).subspan(t * width, width);
    const Logits logits = logits_of(p, io.in<float>(kRouter), x);
    const auto best = std::max_element(logits.value.begin(), logits.value.end());
    const auto e = static_cast<std::size_t>(best - logits.value.begin());
    double sum = 0.0;
    for (const double logit : logits.value) sum += std::exp(logit - *best);
    const double gate = 1.0 / sum;
    const double gate_off =
        8.0 + 2.0 * of_width * *std::max_element(logits.magnitude.begin(), logits.magnitude.end());
    for (std::size_t j = 0; j < hidden; ++j) {
      const auto w = io.in<float>(kW1).subspan((e * hidden + j) * width, width);
      double value = 0.0, all = 0.0;
      for (std::size_t i = 0; i < width; ++i) {
        const double product = static_cast<double>(w[i]) * x[i];
        value += product;
        all += std::fabs(product);
      }
      h[j] = std::max(value, 0.0);
      off[j] = of_width * all + h[j];
    }
    for (std::size_t i = 0; i < width; ++i) {
      const auto w = io.in<float>(kW2).subspan((e * width + i) * hidden, hidden);
      double value = 0.0, all = 0.0, carried = 0.0;
      for (std::size_t j = 0; j < hidden; ++j) {
        value += static_cast<double>(w[j]) * h[j];
        all += std::fabs(w[j] * h[j]);
        carried += std::fabs(w[j]) * off[j];
      }
      y.value[t * width + i] = gate * value;
      y.scale[t * width + i] =
          gate * (carried + of_hidden * all + std::fabs(value) * (gate_off + 2.0));
    }
  }
}

/// rms: sums of errors that are independent show 0.001 of the bound; weights rounded to bf16, which
/// a kernel might be tempted to, 0.1 and more (lab_test.cc).
Tolerance tolerance(const Params&) { return {.relative = unit_roundoff(DType::kF32), .rms = 0.02}; }

Params sizes(std::int64_t tokens, std::int64_t experts, std::int64_t width, std::int64_t hidden) {
  return {{"tokens", tokens}, {"experts", experts}, {"width", width}, {"hidden", hidden}};
}

/// Conditional nodes came with CUDA 12.4.
bench::WhyNot needs_conditional_nodes(const machine::CudaDevice& device) {
  return device.driver_version >= 12040 ? "" : "needs a driver of CUDA 12.4";
}

}  // namespace

bench::Lab describe() {
  bench::Technique host_routes =
      bench::on_gpu("host_routes", "the host copies the choice, waits, launches chosen experts",
                    AISP_DEVICE(plan_host_routes));
  host_routes.blocks = true;
  return {
      .question = "Who should start the experts that a router on the device has chosen?",
      .targets = {"ch12:cuda_graphs_router"},
      .tags = {"latency", "graphs", "mixture of experts"},
      .cases = {{.name = "switch_base_8_token",
                 .origin = "Switch-Base-8, one token: 8 experts of 768 to 3072 to 768 (19 MB each)",
                 .smoke = sizes(1, 3, 70, 130),
                 .full = sizes(1, 8, 768, 3072),
                 .device = bench::Device::kCuda},
                {.name = "switch_base_8_batch",
                 .origin = "the same for 8 sequences: about 5 of the 8 experts are chosen",
                 .smoke = sizes(8, 4, 64, 96),
                 .full = sizes(8, 8, 768, 3072),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1, 1), sizes(3, 2, 5, 9), sizes(7, 16, 33, 31), sizes(2, 5, 129, 257)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {host_routes,
                     bench::on_gpu("every_expert", "a graph of all experts, weights of zero",
                                   AISP_DEVICE(plan_every_expert)),
                     bench::on_gpu("if_nodes", "a graph with a conditional node for each expert",
                                   AISP_DEVICE(plan_if_nodes), needs_conditional_nodes),
                     bench::on_gpu("route_in_kernel", "three kernels that read the choice",
                                   AISP_DEVICE(plan_route_in_kernel))},
      .device_baseline = "host_routes",
  };
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
