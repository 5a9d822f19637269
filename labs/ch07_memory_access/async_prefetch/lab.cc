// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/async_prefetch/problem.h"

namespace aisp::labs::ch07::async_prefetch {
namespace {

std::int64_t blocks(const bench::Params& p) { return p["sequences"] * p["blocks_each"]; }

bench::Problem problem(const bench::Params& p) {
  const std::int64_t count = blocks(p);
  return {.inputs = {{.name = "q", .shape = {p["sequences"], kHeads, kWidth}},
                     {.name = "keys", .shape = {count, kTokens, kWidth}},
                     {.name = "table", .dtype = DType::kI32, .shape = {count}, .structured = true}},
          .outputs = {{.name = "scores", .shape = {count, kHeads, kTokens}}}};
}

void prepare(const bench::Params& p, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2));
  const auto table = io.fill<std::int32_t>(2);
  std::iota(table.begin(), table.end(), 0);
  if (p["scattered"] == 0) return;
  Rng rng(derive_seed(seed, 3));  // Fisher-Yates
  for (std::size_t i = table.size(); i > 1; --i) std::swap(table[i - 1], table[rng.below(i)]);
}

bench::Work work(const bench::Params& p) {
  const auto tiles = static_cast<double>(blocks(p));
  const auto q = static_cast<double>(p["sequences"] * kHeads * kWidth);
  return {.flops = 2.0 * tiles * static_cast<double>(kTile * kHeads),
          .bytes_read = 4.0 * (tiles * static_cast<double>(kTile) + q + tiles),
          .bytes_written = 4.0 * tiles * static_cast<double>(kHeads * kTokens),
          .items = tiles * static_cast<double>(kTokens),
          .item_name = "tokens"};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto q = io.in<float>(0), keys = io.in<float>(1);
  const auto table = io.in<std::int32_t>(2);
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  const auto each = static_cast<std::size_t>(p["blocks_each"]);
  std::size_t at = 0;
  for (std::size_t b = 0; b < table.size(); ++b) {
    for (std::size_t h = 0; h < kHeads; ++h) {
      const float* query = &q[(b / each * kHeads + h) * kWidth];
      for (std::size_t t = 0; t < kTokens; ++t, ++at) {
        const float* key = &keys[(static_cast<std::size_t>(table[b]) * kTokens + t) * kWidth];
        for (std::size_t d = 0; d < kWidth; ++d) {
          const double product = static_cast<double>(query[d]) * static_cast<double>(key[d]);
          out.value[at] += product;
          out.scale[at] += std::fabs(product);
        }
      }
    }
  }
}

/// The bound of a dot product of length 128. rms: errors of roundings are about 0.5 u of the scale
/// at most, 0.008 of the bound; bf16 keys would show 256 u / sqrt(128) / 1.7 of the scale, 0.2 of
/// it.
Tolerance tolerance(const bench::Params&) {
  return {.relative = dot_bound(static_cast<double>(kWidth), unit_roundoff(DType::kF32)),
          .rms = 0.02};
}

struct alignas(64) Scratch {
  float tiles[2 * kTile];  // 16 KB: half of an L1
};

bench::Params sizes(std::int64_t sequences, std::int64_t blocks_each, bool is_scattered) {
  return {{"sequences", sequences}, {"blocks_each", blocks_each}, {"scattered", is_scattered}};
}

}  // namespace

Call call_of(const bench::Io& io, std::int64_t blocks_each) {
  const auto table = io.in<std::int32_t>(2);
  return {.q = io.in<float>(0).data(),
          .keys = io.in<float>(1).data(),
          .table = table.data(),
          .scores = io.out<float>(0).data(),
          .first_block = 0,
          .last_block = static_cast<std::int64_t>(table.size()),
          .blocks_each = blocks_each};
}

bench::Technique with_load(const char* name, const char* summary, Load load) {
  return {.name = name, .summary = summary, .plan = [load](const bench::Params& params) {
            return bench::plan_of([load, run = choose_run(machine::cpu()),
                                   blocks_each = params["blocks_each"],
                                   scratch = std::make_shared<Scratch>()](const bench::Io& io) {
              Call call = call_of(io, blocks_each);
              call.scratch = scratch->tiles;
              run(call, load);
            });
          }};
}

bench::Lab describe() {
  return {
      .question =
          "What does asking for the next tile while computing on this one bring on a processor "
          "that "
          "prefetches by itself?",
      .targets = {"ch07:async_prefetch"},
      .tags = {"memory", "prefetch", "attention"},
      .cases = {{.name = "llama3_8b_scattered",
                 .origin =
                     "Llama 3 8B decode, one KV head, 32 sequences of 4096 tokens, K cache of "
                     "64 MiB f32 in blocks of 16 tokens in random order (vLLM after a while)",
                 .smoke = sizes(2, 3, true),
                 .full = sizes(32, 256, true)},
                {.name = "llama3_8b_in_order",
                 .origin = "the same with blocks in the order of the tokens (a fresh cache)",
                 .smoke = sizes(2, 3, false),
                 .full = sizes(32, 256, false)},
                {.name = "llama3_8b_scattered_gpu",
                 .origin = "Llama 3 8B decode on a GPU, one KV head, 128 sequences of 4096 tokens, "
                           "K cache of 256 MiB f32 in blocks of 16 tokens in random order",
                 .smoke = sizes(3, 5, true),
                 .full = sizes(128, 256, true),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, true), sizes(1, 2, false), sizes(3, 5, true), sizes(7, 11, true)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {in_place(), load_sync_compute(), double_buffer(), prefetch_next(),
                     prefetch_threads(),
                     bench::on_gpu("tile_sync", "load a tile, wait, compute, wait",
                                   AISP_DEVICE(plan_tile_sync)),
                     bench::on_gpu("tile_double_buffer", "the next tile copied asynchronously",
                                   AISP_DEVICE(plan_tile_double_buffer)),
                     bench::on_gpu("tile_three_buffers", "two tiles on their way",
                                   AISP_DEVICE(plan_tile_three_buffers)),
                     bench::on_gpu("tile_in_registers", "no shared memory, the next in registers",
                                   AISP_DEVICE(plan_tile_in_registers))},
      .baseline = "in_place",
      .device_baseline = "tile_sync",
  };
}

}  // namespace aisp::labs::ch07::async_prefetch
