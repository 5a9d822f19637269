// A batch of tasks of very different cost on all cores. Task i scores one sequence s of length n:
//   out[i] = 1/n sum over a, b <= a of max(0, s[a] s[b])     (causal attention with ReLU, head size
//   1)
// so its cost is n (n + 1) / 2 pairs. Inputs x[total] f32, the sequences one after another, and
// lengths[tasks] i32. Output out[tasks] f32.
// Every technique runs the same task body; they differ only in who runs which task when.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/lab.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch12::work_queue {

/// The lengths of a case, ascending: quantiles of its distribution. The seed decides their order
/// alone, so the work is the same for every seed.
std::vector<std::int32_t> length_quantiles(const bench::Params& params);

/// One call's view of the batch.
struct Batch {
  const float* x = nullptr;
  std::span<const std::int32_t> lengths;
  std::span<const std::int64_t> offsets;  // of each sequence in x
  float* out = nullptr;
};

/// out[task]; the one body that all techniques run.
void run_task(const Batch& batch, std::size_t task);

/// Deals the tasks of `batch` to the workers of `pool`.
using Schedule = std::function<void(const Batch& batch, machine::ThreadPool& pool)>;

/// A technique on every core that needs two of them; `make` builds its schedule, with its scratch.
bench::Technique scheduled(std::string name, std::string summary,
                           std::function<Schedule(const bench::Params&)> make);

bench::Technique static_chunks();
bench::Technique static_by_cost();
bench::Technique atomic_queue();
bench::Technique chunked_queue();
bench::Technique guided();
bench::Technique sorted_queue();

/// On the GPU, where a block of threads runs a task.
std::unique_ptr<bench::Plan> plan_static_blocks(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_per_task(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_atomic_queue_blocks(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_longest_first_blocks(const bench::Params& params);

}  // namespace aisp::labs::ch12::work_queue
