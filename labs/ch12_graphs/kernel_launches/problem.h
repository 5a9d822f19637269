// The element-wise operations of one decode step (batch 1) of a Llama-shaped model, as the many
// small launches that they are: 5 for each layer. What the matrix products deliver is an input.
// For each layer l:  h[2l]   = rms_norm(x) * norm[2l]        (norm_attention)
//                    x      += attention[l]                  (add_attention)
//                    h[2l+1] = rms_norm(x) * norm[2l+1]      (norm_mlp)
//                    g[l]    = silu(gate[l]) * up[l]         (swiglu)
//                    x      += down[l]                       (add_mlp)
// Params: layers L, width C, mlp F. Inputs x[C], norm[2L][C], attention[L][C], down[L][C],
// gate[L][F], up[L][F]. Outputs x[C], h[2L][C], g[L][F]. All f32.
// Every technique runs the same bodies on the same slices; they differ in how work reaches threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/lab.h"

namespace aisp::labs::ch12::kernel_launches {

enum class Kind { kCopy, kNorm, kAddAttention, kSwiglu, kAddMlp };

struct Op {
  Kind kind = Kind::kCopy;
  std::int64_t index = 0;  // layer, or 2 layer + which for norms
};

/// Sizes and the buffers of one call.
struct Step {
  std::int64_t layers = 0, width = 0, mlp = 0;
  const float *x0 = nullptr, *norm = nullptr, *attention = nullptr, *down = nullptr;
  const float *gate = nullptr, *up = nullptr;
  float *x = nullptr, *h = nullptr, *g = nullptr;
  Step(const bench::Params& params, const bench::Io& io);
};

/// The step's launches in program order: a copy of x, then five for each layer.
std::vector<Op> program(const bench::Params& params);

/// Elements [begin, end) that `worker` of `workers` does of an operation of `count` elements, in
/// steps of 16 (one cache line).
struct Slice {
  std::int64_t begin = 0, end = 0;
};
Slice slice(std::int64_t count, int worker, int workers);

/// One worker's slice of one operation. A norm needs all of x; each worker sums it for itself.
void run_slice(const Step& step, const Op& op, int worker, int workers);

/// True when `later`, on any slice, may read what another worker's slice of `earlier` wrote.
bool crosses_slices(const Op& earlier, const Op& later);

bench::Technique fork_join_per_op();
bench::Technique queue_per_op();
bench::Technique one_fork_barriers();
bench::Technique task_graph();
bench::Technique one_thread();

/// On the GPU.
std::unique_ptr<bench::Plan> plan_launch_per_op(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_graph_replay(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_graph_static_buffers(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_kernel(const bench::Params& params);

}  // namespace aisp::labs::ch12::kernel_launches
