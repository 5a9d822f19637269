// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <string_view>

#include "base/rng.h"
#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {
namespace {

// Small pages for the destination: its page faults are the subject. The source is as resident as
// every input.
bench::Problem problem(const bench::Params& params) {
  return {.inputs = {{.name = "in", .shape = {params["count"]}}},
          .outputs = {{.name = "out", .shape = {params["count"]}, .small_pages = true}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

bench::Work work(const bench::Params& params) {
  const double bytes = 4.0 * static_cast<double>(params["count"]);
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
void before_each(const bench::Params&, const bench::Io& io) {
  make_resident_in_small_pages(io.out<float>(0));
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
                 .smoke = {{"count", 64 * 1024 + 5}},
                 .full = {{"count", 4096 * 4096}}},
                {.name = "llama3_8b_hidden",
                 .origin = "hidden state of 512 tokens of Llama 3 8B in f32, 512 x 4096: 8 MiB, "
                           "which an L3 can hold",
                 .smoke = {{"count", 8 * 4096}},
                 .full = {{"count", 512 * 4096}}}},
      .ragged = {{{"count", 1}},
                 {{"count", 15}},
                 {{"count", 1023}},
                 {{"count", 1025}},
                 {{"count", 3 * 1024 + 7}},
                 {{"count", 1024 * 1024 + 33}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .before_each = before_each,
      .techniques = {fresh_pages(), fresh_populated(), fresh_huge_pages(), reused(),
                     streaming_avx2(), streaming_avx512(), streaming_threads()},
      .baseline = "fresh_pages",
  };
}

}  // namespace aisp::labs::ch02::memory_transfer
