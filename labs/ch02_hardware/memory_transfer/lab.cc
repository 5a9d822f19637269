// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <algorithm>
#include <string_view>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {
namespace {

// Small pages for the destination: its page faults are the subject. The source is as resident as
// every input.
bench::Problem problem(const bench::Params& params) {
  if (params["to_gpu"] == 1) {
    // Structured: the two inputs hold the same values.
    return {.inputs = {{.name = "in",
                        .shape = {params["count"]},
                        .place = bench::Place::kHost,
                        .structured = true},
                       {.name = "in_pinned",
                        .shape = {params["count"]},
                        .place = bench::Place::kPinned,
                        .structured = true}},
            .outputs = {{.name = "out", .shape = {params["count"]}}}};
  }
  return {.inputs = {{.name = "in", .shape = {params["count"]}}},
          .outputs = {{.name = "out", .shape = {params["count"]}, .small_pages = true}}};
}

void prepare(const bench::Params& params, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(kIn), seed);
  if (params["to_gpu"] == 1)
    std::ranges::copy(io.in<float>(kIn), io.fill<float>(kInPinned).begin());
}

bench::Work work(const bench::Params& params) {
  const double bytes = 4.0 * static_cast<double>(params["count"]);
  if (params["to_gpu"] == 1) {
    return {.bytes_read = bytes,
            .items = 1.0,
            .item_name = "buffers",
            .medium = bench::Work::Medium::kHostLink};
  }
  return {.bytes_read = bytes, .bytes_written = bytes, .items = 1.0, .item_name = "buffers"};
}

void reference(const bench::Params&, const bench::Io& io, bench::Expected& expected) {
  const auto in = io.in<float>(0);
  expected.outputs[0].value.assign(in.begin(), in.end());
}

// A copy: every bit must be right.
Tolerance tolerance(const bench::Params&) { return {}; }

// The calls of different techniques take turns on one destination. Whatever the last one left, the
// next one finds resident small pages.
void before_each(const bench::Params& params, const bench::Io& io) {
  if (params["to_gpu"] == 1) return;  // that destination has no pages of the host
  make_resident_in_small_pages(io.out<float>(0));
}

/// A technique whose call keeps the host busy: judged by the clock on the wall.
bench::Technique waiting(const char* name, const char* summary,
                         std::function<std::unique_ptr<bench::Plan>(const bench::Params&)> plan) {
  bench::Technique technique = bench::on_gpu(name, summary, std::move(plan));
  technique.blocks = true;
  return technique;
}

}  // namespace

bench::Technique streaming(const char* name, const char* summary, const char* variant) {
  for (const kernels::copy::Variant& row : kernels::copy::variants()) {
    if (row.name != std::string_view(variant)) continue;
    return {.name = name,
            .summary = summary,
            .needs = [&row](const machine::Cpu& cpu) { return row.why_not(cpu); },
            .plan =
                [run = row.run](const bench::Params&) {
                  return bench::plan_of([run](const bench::Io& io) {
                    const auto in = io.in<float>(0);
                    run({io.out<float>(0).data(), in.data(), in.size_bytes()},
                        kernels::copy::Store::kStreaming);
                  });
                }};
  }
  check(false, "memory_transfer lab: no such variant");
  return {};
}

bench::Lab describe() {
  return {
      .question =
          "What does a copy cost when the destination is fresh memory, and how close to the "
          "machine's bandwidth can one come?",
      .targets = {"ch02:memory_transfer"},
      .tags = {"memory", "pages", "simd"},
      .cases = {{.name = "llama3_8b_q_proj",
                 .origin = "Llama 3 8B, q_proj in f32, 4096 x 4096: 64 MiB, beyond every cache",
                 .smoke = {{"count", 64 * 1024 + 5}, {"to_gpu", 0}},
                 .full = {{"count", 4096 * 4096}, {"to_gpu", 0}}},
                {.name = "llama3_8b_hidden",
                 .origin = "hidden state of 512 tokens of Llama 3 8B in f32, 512 x 4096: 8 MiB, "
                           "which an L3 can hold",
                 .smoke = {{"count", 8 * 4096}, {"to_gpu", 0}},
                 .full = {{"count", 512 * 4096}, {"to_gpu", 0}}},
                {.name = "llama3_8b_q_proj_to_gpu",
                 .origin = "the same 64 MiB from host memory to a GPU",
                 .smoke = {{"count", 64 * 1024 + 5}, {"to_gpu", 1}},
                 .full = {{"count", 4096 * 4096}, {"to_gpu", 1}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"count", 1}, {"to_gpu", 1}},
                 {{"count", 15}, {"to_gpu", 1}},
                 {{"count", 1023}, {"to_gpu", 1}},
                 {{"count", 1025}, {"to_gpu", 1}},
                 {{"count", 3 * 1024 + 7}, {"to_gpu", 1}},
                 {{"count", 2 * 1024 * 1024 + 33}, {"to_gpu", 1}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .before_each = before_each,
      .techniques = {fresh_pages(), fresh_populated(), fresh_huge_pages(), reused(),
                     streaming_avx2(), streaming_avx512(), streaming_threads(),
                     waiting("to_gpu_pageable", "cudaMemcpyAsync from ordinary memory",
                             AISP_DEVICE(plan_to_gpu_pageable)),
                     waiting("to_gpu_staged", "threads fill two page-locked buffers in turn",
                             AISP_DEVICE(plan_to_gpu_staged)),
                     bench::on_gpu("to_gpu_pinned", "cudaMemcpyAsync from page-locked memory",
                                   AISP_DEVICE(plan_to_gpu_pinned)),
                     bench::on_gpu("to_gpu_kernel", "a kernel reads page-locked memory",
                                   AISP_DEVICE(plan_to_gpu_kernel))},
      .baseline = "fresh_pages",
      .device_baseline = "to_gpu_pageable",
  };
}

}  // namespace aisp::labs::ch02::memory_transfer
