// The lab: uneven tasks, dealt in advance or taken from a queue. Here too are the task body and the
// frame around every schedule, so that techniques differ in the schedule alone.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "kernels/simd/vectors.h"
#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {
namespace {

using bench::Io;
using bench::Params;

/// The standard normal's quantile, by bisection on erfc: exact enough to round to a length.
double normal_quantile(double probability) {
  double low = -9.0, high = 9.0;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < probability ? low : high) = middle;
  }
  return low;
}

double pairs(const Params& p) {
  double sum = 0.0;
  for (const double n : length_quantiles(p)) sum += n * (n + 1.0) / 2.0;
  return sum;
}

std::int64_t total_length(const Params& p) {
  const auto lengths = length_quantiles(p);
  return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
}

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {total_length(p)}},
                     {.name = "lengths",
                      .dtype = DType::kI32,
                      .shape = {p["tasks"]},
                      .structured = true}},
          .outputs = {{.name = "out", .dtype = DType::kF32, .shape = {p["tasks"]}}}};
}

bench::Work work(const Params& p) {
  const auto tasks = static_cast<double>(p["tasks"]);
  return {.flops = 2.0 * pairs(p),
          .bytes_read = 4.0 * static_cast<double>(total_length(p)) + 4.0 * tasks,
          .bytes_written = 4.0 * tasks,
          .items = tasks,
          .item_name = "sequences",
          .medium = bench::Work::Medium::kNone};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
  const auto lengths = io.fill<std::int32_t>(1);
  const auto quantiles = length_quantiles(p);
  std::copy(quantiles.begin(), quantiles.end(), lengths.begin());
  Rng rng(derive_seed(seed, 2));
  for (std::size_t i = lengths.size(); i > 1; --i) std::swap(lengths[i - 1], lengths[rng.below(i)]);
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  const float* x = io.in<float>(0).data();
  const auto lengths = io.in<std::int32_t>(1);
  for (std::size_t task = 0; task < lengths.size(); ++task) {
    const int n = lengths[task];
    double sum = 0.0;
    for (int a = 0; a < n; ++a) {
      for (int b = 0; b <= a; ++b) {
        sum += std::max(0.0, static_cast<double>(x[a]) * static_cast<double>(x[b]));
      }
    }
    expected.outputs[0].value[task] = sum / n;
    x += n;
  }
}

/// Rows are sums of up to max_length positive terms in float (dot_bound); rows are added in double,
/// and one rounding of the result is covered by the + 2 in dot_bound. rms: measured below 0.1 for
/// one task and 0.02 for many; inputs rounded to bf16 show 1 and more.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["max_length"]), unit_roundoff(DType::kF32)),
          .rms = 0.2};
}

Params sizes(std::int64_t tasks, std::int64_t median, std::int64_t spread_percent,
             std::int64_t max_length) {
  return {{"tasks", tasks},
          {"median", median},
          {"spread_percent", spread_percent},
          {"max_length", max_length}};
}

using V = kernels::simd::portable::V;

/// Sum over b < n of max(0, a x[b]), in 16 partial sums.
float row_sum(float a, const float* x, std::size_t n) {
  const V::Reg scale = V::set1(a), zero = V::set1(0.0f);
  V::Reg sum[4] = {zero, zero, zero, zero};
  std::size_t b = 0;
  for (; b + 16 <= n; b += 16) {
    for (std::size_t j = 0; j < 4; ++j) {
      sum[j] = V::add(sum[j], V::max(V::mul(scale, V::load(x + b + 4 * j)), zero));
    }
  }
  for (; b < n; b += 4) {
    sum[0] = V::add(sum[0], V::max(V::mul(scale, V::load_partial(x + b, n - b, 0.0f)), zero));
  }
  return V::sum_of_lanes(V::add(V::add(sum[0], sum[1]), V::add(sum[2], sum[3])));
}

struct Team {
  machine::ThreadPool pool;
  std::vector<std::int64_t> offsets;
  Schedule schedule;
};

}  // namespace

void run_task(const Batch& batch, std::size_t task) {
  const float* x = batch.x + batch.offsets[task];
  const auto n = static_cast<std::size_t>(batch.lengths[task]);
  double sum = 0.0;
  for (std::size_t a = 0; a < n; ++a) sum += static_cast<double>(row_sum(x[a], x, a + 1));
  batch.out[task] = static_cast<float>(sum / static_cast<double>(n));
}

bench::Technique scheduled(std::string name, std::string summary,
                           std::function<Schedule(const bench::Params&)> make) {
  return {.name = std::move(name),
          .summary = std::move(summary),
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [make = std::move(make)](const bench::Params& params) {
                auto team = std::make_shared<Team>();
                team->offsets.resize(static_cast<std::size_t>(params["tasks"]));
                team->schedule = make(params);
                return bench::plan_of([team](const bench::Io& io) {
                  const auto lengths = io.in<std::int32_t>(1);
                  std::int64_t offset = 0;
                  for (std::size_t i = 0; i < lengths.size(); ++i) {
                    team->offsets[i] = offset;
                    offset += lengths[i];
                  }
                  team->schedule({.x = io.in<float>(0).data(),
                                  .lengths = lengths,
                                  .offsets = team->offsets,
                                  .out = io.out<float>(0).data()},
                                 team->pool);
                });
              }};
}

/// Log-normal: median exp(mu), spread_percent / 100 = sigma of the logarithm; clipped to
/// [1, max_length]. Spread 0: all equal.
std::vector<std::int32_t> length_quantiles(const Params& p) {
  std::vector<std::int32_t> lengths(static_cast<std::size_t>(p["tasks"]));
  const double mu = std::log(static_cast<double>(p["median"]));
  const double sigma = 0.01 * static_cast<double>(p["spread_percent"]);
  const auto count = static_cast<double>(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const double z = normal_quantile((static_cast<double>(i) + 0.5) / count);
    const double length = std::round(std::exp(mu + sigma * z));
    lengths[i] =
        static_cast<std::int32_t>(std::clamp(length, 1.0, static_cast<double>(p["max_length"])));
  }
  return lengths;
}

bench::Lab describe() {
  // Prompt lengths of the Azure conversation trace are log-normal with sigma 0.99 and a mean
  // logarithm of 6.63 (760 tokens); 1 % exceed 4,142.
  return {
      .question = "What does a queue gain over equal shares when tasks differ in cost?",
      .targets = {"ch12:work_queue"},
      .tags = {"threads", "scheduling"},
      .cases = {{.name = "chat_prompts",
                 .origin = "64 prompts, lengths as in the Azure LLM inference trace 2023 (chat)",
                 .smoke = sizes(13, 40, 99, 200),
                 .full = sizes(64, 760, 99, 4096)},
                {.name = "short_messages",
                 .origin =
                     "4096 messages of about 24 tokens, the same spread: tasks of 0.1 us and up",
                 .smoke = sizes(100, 6, 99, 64),
                 .full = sizes(4096, 24, 99, 256)},
                {.name = "equal_lengths",
                 .origin = "64 sequences padded to 1024: the control, no imbalance to repair",
                 .smoke = sizes(9, 33, 0, 33),
                 .full = sizes(64, 1024, 0, 1024)},
                {.name = "chat_prompts_cuda",
                 .origin = "2048 prompts of the same trace, cut to a context of 2048",
                 .smoke = sizes(13, 40, 99, 200),
                 .full = sizes(2048, 760, 99, 2048),
                 .device = bench::Device::kCuda},
                {.name = "short_messages_cuda",
                 .origin = "65536 messages of about 24 tokens, the same spread",
                 .smoke = sizes(1500, 6, 99, 64),
                 .full = sizes(65536, 24, 99, 256),
                 .device = bench::Device::kCuda},
                {.name = "equal_lengths_cuda",
                 .origin =
                     "1056 sequences padded to 1024, 8 a multiprocessor of an H200: the control",
                 .smoke = sizes(9, 33, 0, 33),
                 .full = sizes(1056, 1024, 0, 1024),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 5, 0, 5), sizes(2, 100, 150, 300), sizes(7, 16, 99, 70)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {static_chunks(), static_by_cost(), atomic_queue(), chunked_queue(), guided(),
                     sorted_queue(),
                     bench::on_gpu("static_blocks",
                                   "resident blocks with equal counts of neighbours",
                                   AISP_DEVICE(plan_static_blocks)),
                     bench::on_gpu("block_per_task", "a block for each task: the GPU's own queue",
                                   AISP_DEVICE(plan_block_per_task)),
                     bench::on_gpu("atomic_queue_blocks", "resident blocks take from a counter",
                                   AISP_DEVICE(plan_atomic_queue_blocks)),
                     bench::on_gpu("longest_first_blocks",
                                   "the same, tasks sorted by length before",
                                   AISP_DEVICE(plan_longest_first_blocks))},
      .baseline = "static_chunks",
      .device_baseline = "static_blocks",
  };
}

}  // namespace aisp::labs::ch12::work_queue
