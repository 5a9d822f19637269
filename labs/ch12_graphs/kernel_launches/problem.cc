// The bodies of the operations, and what depends on what.
#include "labs/ch12_graphs/kernel_launches/problem.h"

#include <algorithm>
#include <cmath>

#include "kernels/simd/vectors.h"

namespace aisp::labs::ch12::kernel_launches {
namespace {

using kernels::simd::portable::V;

constexpr float kEpsilon = 1e-5f;  // Llama's rms_norm_eps

void add(float* x, const float* y, Slice at) {
  for (std::int64_t i = at.begin; i < at.end; ++i) x[i] += y[i];
}

void norm(const float* x, const float* weight, float* h, std::int64_t width, Slice at) {
  V::Reg sums[4] = {};
  std::int64_t i = 0;
  for (; i + 16 <= width; i += 16) {
    for (int v = 0; v < 4; ++v) {
      const V::Reg value = V::load(x + i + 4 * v);
      sums[v] = V::fma(value, value, sums[v]);
    }
  }
  float sum = V::sum_of_lanes(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
  for (; i < width; ++i) sum += x[i] * x[i];
  const float scale = 1.0f / std::sqrt(sum / static_cast<float>(width) + kEpsilon);
  for (i = at.begin; i < at.end; ++i) h[i] = x[i] * scale * weight[i];
}

V::Reg silu(V::Reg value) {
  const V::Reg one = V::set1(1.0f);
  return value / V::add(one, V::exp(V::sub(V::set1(0.0f), value)));
}

void swiglu(const float* gate, const float* up, float* g, Slice at) {
  constexpr auto kLanes = static_cast<std::int64_t>(V::kLanes);
  std::int64_t i = at.begin;
  for (; i + kLanes <= at.end; i += kLanes) {
    V::store(g + i, V::mul(silu(V::load(gate + i)), V::load(up + i)));
  }
  if (i == at.end) return;
  const auto rest = static_cast<std::size_t>(at.end - i);
  V::store_partial(
      g + i, rest,
      V::mul(silu(V::load_partial(gate + i, rest, 0.0f)), V::load_partial(up + i, rest, 0.0f)));
}

}  // namespace

Step::Step(const bench::Params& params, const bench::Io& io)
    : layers(params["layers"]), width(params["width"]), mlp(params["mlp"]) {
  x0 = io.in<float>(0).data();
  norm = io.in<float>(1).data();
  attention = io.in<float>(2).data();
  down = io.in<float>(3).data();
  gate = io.in<float>(4).data();
  up = io.in<float>(5).data();
  x = io.out<float>(0).data();
  h = io.out<float>(1).data();
  g = io.out<float>(2).data();
}

std::vector<Op> program(const bench::Params& params) {
  std::vector<Op> ops = {{Kind::kCopy, 0}};
  for (std::int64_t layer = 0; layer < params["layers"]; ++layer) {
    ops.push_back({Kind::kNorm, 2 * layer});
    ops.push_back({Kind::kAddAttention, layer});
    ops.push_back({Kind::kNorm, 2 * layer + 1});
    ops.push_back({Kind::kSwiglu, layer});
    ops.push_back({Kind::kAddMlp, layer});
  }
  return ops;
}

Slice slice(std::int64_t count, int worker, int workers) {
  const std::int64_t lines = (count + 15) / 16;
  return {std::min(count, lines * worker / workers * 16),
          std::min(count, lines * (worker + 1) / workers * 16)};
}

void run_slice(const Step& step, const Op& op, int worker, int workers) {
  const Slice at = slice(op.kind == Kind::kSwiglu ? step.mlp : step.width, worker, workers);
  const std::int64_t row = op.index * step.width;
  switch (op.kind) {
    case Kind::kCopy:
      std::copy(step.x0 + at.begin, step.x0 + at.end, step.x + at.begin);
      return;
    case Kind::kNorm:
      return norm(step.x, step.norm + row, step.h + row, step.width, at);
    case Kind::kAddAttention:
      return add(step.x, step.attention + row, at);
    case Kind::kSwiglu:
      return swiglu(step.gate + op.index * step.mlp, step.up + op.index * step.mlp,
                    step.g + op.index * step.mlp, at);
    case Kind::kAddMlp:
      return add(step.x, step.down + row, at);
  }
}

bool crosses_slices(const Op& earlier, const Op& later) {
  const auto writes_x = [](const Op& op) {
    return op.kind == Kind::kCopy || op.kind == Kind::kAddAttention || op.kind == Kind::kAddMlp;
  };
  // A norm reads all of x: after any write of x, and before the next one. Everything else reads and
  // writes its own slice only.
  return (writes_x(earlier) && later.kind == Kind::kNorm) ||
         (earlier.kind == Kind::kNorm && writes_x(later));
}

}  // namespace aisp::labs::ch12::kernel_launches
