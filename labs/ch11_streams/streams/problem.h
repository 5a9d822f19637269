// Work that arrives in host memory and returns there: y[i] = sum over j < hidden of
// w2[j] max(0, w1[j] x[i] + b1[j]), a network of one hidden layer applied to each value (a tone
// curve, an activation learned as in KAN). Its width sets how long the device computes for each
// byte that the link carries. Params: n, hidden, chunks (into which loops over chunks cut n).
// Inputs x[n] in pinned host memory, weights[3][hidden] (w1, b1, w2) on the device. Output y[n] in
// pinned host memory. f32. GPU only.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"

namespace aisp::labs::ch11::streams {

/// Elements [begin, begin + count) of n cut into `chunks` parts of equal size, multiples of 4.
struct Chunk {
  std::int64_t begin = 0, count = 0;
};
std::vector<Chunk> cut(std::int64_t n, std::int64_t chunks);

/// How many chunks let a pipeline of copy in, compute and copy out end soonest: with stages of
/// `stage_us` in all and `issue_us` lost for each chunk, c chunks take stage (1 + 2 / c) + c issue.
std::int64_t best_chunks(double stage_us, double issue_us);

std::unique_ptr<bench::Plan> plan_serial_sync(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_double_buffered(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_round_robin(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_stream_per_stage(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_adaptive_chunks(const bench::Params& params);

}  // namespace aisp::labs::ch11::streams
