// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <string_view>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {
namespace {

bench::Problem problem(const bench::Params& params) {
  const Shape shape = shape_of(params);
  return {.inputs = {{.name = "in", .shape = {shape.rows, shape.cols}}},
          .outputs = {{.name = "out", .shape = {shape.cols, shape.rows}}}};
}

void prepare(const bench::Params& params, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

bench::Work work(const bench::Params& params) {
  const Shape shape = shape_of(params);
  const double elements = static_cast<double>(shape.rows) * static_cast<double>(shape.cols);
  return {.bytes_read = 4.0 * elements,
          .bytes_written = 4.0 * elements,
          .items = elements,
          .item_name = "elements"};
}

void reference(const bench::Params& params, const bench::Io& io, bench::Expected& expected) {
  const Shape shape = shape_of(params);
  const auto in = io.in<float>(0);
  auto& out = expected.outputs[0].value;
  for (std::size_t at = 0; at < out.size(); ++at) {
    const auto column = static_cast<std::int64_t>(at) / shape.rows;
    const auto row = static_cast<std::int64_t>(at) % shape.rows;
    out[at] = in[static_cast<std::size_t>(row * shape.cols + column)];
  }
}

// Elements move and nothing is computed: every bit must be right.
Tolerance tolerance(const bench::Params&) { return {}; }

}  // namespace

bench::Technique one_variant(const char* name, const char* summary, const char* variant,
                             bool stream) {
  for (const kernels::transpose::Variant& row : kernels::transpose::variants()) {
    if (row.name != std::string_view(variant)) continue;
    return {.name = name,
            .summary = summary,
            .needs = [&row](const machine::Cpu& cpu) { return row.why_not(cpu); },
            .plan =
                [run = row.run, stream](const bench::Params& params) {
                  const Shape shape = shape_of(params);
                  auto config = kernels::transpose::choose_config(shape, machine::cpu(), 1);
                  if (!stream) config.store = Store::kCached;
                  return bench::plan_of([run, shape, config](const bench::Io& io) {
                    run(request_of(io, shape), config);
                  });
                }};
  }
  check(false, "transpose lab: no such variant");
  return {};
}

bench::Lab describe() {
  return {
      .question =
          "How close to a plain copy can a matrix transpose come, and what does a "
          "power-of-two leading dimension cost?",
      .targets = {"ch07:transpose", "ch07:transpose_padded"},
      .tags = {"memory", "simd", "cache"},
      .cases = {{.name = "llama3_8b_v_cache",
                 .origin = "Llama 3 8B, V of 4096 tokens (8 KV heads x 128) turned so that "
                           "attention reads along tokens; both leading dimensions powers of two",
                 .smoke = {{"rows", 128}, {"cols", 256}},
                 .full = {{"rows", 4096}, {"cols", 1024}}},
                {.name = "gpt2_mlp_c_proj",
                 .origin = "GPT-2 small, Conv1D weight [3072, 768] turned into a Linear weight",
                 .smoke = {{"rows", 96}, {"cols", 48}},
                 .full = {{"rows", 3072}, {"cols", 768}}},
                {.name = "tinyllama_1b_gate_proj",
                 .origin = "TinyLlama 1.1B, gate_proj [5632, 2048] turned for an x * W kernel; "
                           "beyond every cache",
                 .smoke = {{"rows", 176}, {"cols", 64}},
                 .full = {{"rows", 5632}, {"cols", 2048}}},
                {.name = "llama3_8b_gate_proj_gpu",
                 .origin = "Llama 3 8B, gate_proj [14336, 4096] turned on a GPU: 2 x 224 MiB",
                 .smoke = {{"rows", 160}, {"cols", 96}},
                 .full = {{"rows", 14336}, {"cols", 4096}},
                 .device = bench::Device::kCuda},
                {.name = "falcon_7b_mlp_gpu",
                 .origin =
                     "Falcon 7B, dense_h_to_4h [18176, 4544] turned on a GPU: no power of two",
                 .smoke = {{"rows", 100}, {"cols", 71}},
                 .full = {{"rows", 18176}, {"cols", 4544}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"rows", 1}, {"cols", 1}},
                 {{"rows", 1}, {"cols", 1000}},
                 {{"rows", 1000}, {"cols", 1}},
                 {{"rows", 17}, {"cols", 15}},
                 {{"rows", 64}, {"cols", 65}},
                 {{"rows", 129}, {"cols", 127}},
                 {{"rows", 131}, {"cols", 258}},
                 {{"rows", 1040}, {"cols", 530}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {row_walk(), blocked(), tile(), padded_tile(), staged_stream_avx2(),
                     registers_avx512(), stream_avx512(), stream_threads(),
                     bench::on_gpu("strided_writes", "a thread for each element, no tile",
                                   AISP_DEVICE(plan_strided_writes)),
                     bench::on_gpu("shared_tile", "a 32 x 32 tile, its columns in one bank",
                                   AISP_DEVICE(plan_shared_tile)),
                     bench::on_gpu("shared_tile_padded", "the same tile with rows of 33 floats",
                                   AISP_DEVICE(plan_shared_tile_padded)),
                     bench::on_gpu("shared_tile_swizzled", "the same tile, column ^ row",
                                   AISP_DEVICE(plan_shared_tile_swizzled)),
                     bench::on_gpu("float4_tiles", "64 x 64 tiles, 16-byte accesses",
                                   AISP_DEVICE(plan_float4_tiles))},
      .baseline = "row_walk",
      .device_baseline = "strided_writes",
  };
}

}  // namespace aisp::labs::ch07::transpose
