// Gathering the gradients of a model into one flat bucket, as data-parallel training does before it
// sends them: one copy for each tensor, many of them tiny. Each gradient starts at a multiple of
// 128 floats of the input, as an allocator would place it; the bucket is dense.
// Params: layers L, width C, mlp F, matrices (0: only the biases and norms, the group without
// weight decay). Input gradients[padded], output bucket[total], f32. GPU only.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"

namespace aisp::labs::ch12::graph_bandwidth {

/// One tensor: bucket[to, to + count) = gradients[from, from + count).
struct Piece {
  std::int64_t from = 0, to = 0, count = 0;
};

/// The tensors of a GPT-2-shaped model in order.
std::vector<Piece> pieces(const bench::Params& params);

std::unique_ptr<bench::Plan> plan_copy_per_tensor(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_graph_of_copies(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_batch_call(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_kernel(const bench::Params& params);

}  // namespace aisp::labs::ch12::graph_bandwidth
