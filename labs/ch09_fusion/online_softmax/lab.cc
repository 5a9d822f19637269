// The lab: softmax in three passes or online, with the library's exponential or vectors of them.
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch09_fusion/online_softmax/problem.h"
#include "machine/peer_blas.h"
#include "machine/peer_dnn.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {p["rows"], p["n"]}}},
          .outputs = {{.name = "y", .dtype = DType::kF32, .shape = {p["rows"], p["n"]}}}};
}

/// An exponential counts as one flop here, with the subtraction, the sum and the division.
bench::Work work(const Params& p) {
  const auto count = static_cast<double>(p["rows"] * p["n"]);
  return {.flops = 4.0 * count,
          .bytes_read = 4.0 * count,
          .bytes_written = 4.0 * count,
          .items = static_cast<double>(p["rows"]),
          .item_name = "rows"};
}

/// Logits with deviation 4 (the largest of 128,256 then has about a tenth of all probability).
/// Causal: row r of a head (n rows) sees the first r + 1 columns, the rest is -inf.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto x = io.fill<float>(0);
  fill_normal(x, seed, 4.0f);
  if (p["causal"] == 0) return;
  const auto rows = static_cast<std::size_t>(p["rows"]), n = static_cast<std::size_t>(p["n"]);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = r % n + 1; i < n; ++i) {
      x[r * n + i] = -std::numeric_limits<float>::infinity();
    }
  }
}

/// Also fills scale, which makes Tolerance.relative = u mean the kernel's bound.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  auto& out = expected.outputs[0];
  out.scale.assign(out.value.size(), 0.0);
  kernels::softmax::reference(rows_of(p, io), out.value, out.scale);
}

/// The bound is in `scale`; kernels/softmax/reference.cc derives it.
/// Results near the smallest normal float may be flushed or denormal: absolute, twice that float.
/// rms: honest techniques show at most 0.04 at full size and 0.13 with 62 elements; inputs rounded
/// to tf32 show 10, to bf16 57. The second term is for sizes of a few elements.
Tolerance tolerance(const Params& p) {
  return {.relative = unit_roundoff(DType::kF32),
          .absolute = 2.0 * static_cast<double>(std::numeric_limits<float>::min()),
          .rms = 0.15 + 0.5 / std::sqrt(static_cast<double>(p["rows"] * p["n"]))};
}

Params sizes(std::int64_t rows, std::int64_t n, std::int64_t causal) {
  return {{"rows", rows}, {"n", n}, {"causal", causal}};
}

}  // namespace

kernels::softmax::Rows rows_of(const Params& params, const Io& io) {
  return {.x = io.in<float>(0).data(),
          .y = io.out<float>(0).data(),
          .rows = params["rows"],
          .n = params["n"]};
}

std::unique_ptr<bench::Plan> plan_rows(const Params& params, RowLoop loop) {
  return bench::plan_of([loop, params](const Io& io) {
    const auto rows = rows_of(params, io);
    for (std::int64_t r = 0; r < rows.rows; ++r) {
      loop(rows.x + r * rows.n, rows.y + r * rows.n, static_cast<std::size_t>(rows.n));
    }
  });
}

bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant) {
  const kernels::softmax::Variant* found = nullptr;
  for (const auto& one : kernels::softmax::variants()) {
    if (one.name == variant) found = &one;
  }
  check(found != nullptr, "no such variant of softmax");
  return {.name = name,
          .summary = summary,
          .needs = [found](const machine::Cpu& cpu) { return found->why_not(cpu); },
          .plan =
              [found](const Params& params) {
                const auto config =
                    kernels::softmax::choose_config(params["rows"], params["n"], machine::cpu());
                return bench::plan_of([found, config, params](const Io& io) {
                  found->run(rows_of(params, io), config);
                });
              }};
}

bench::Technique peer(const char* name, const char* summary, int threads) {
  return {.name = name,
          .summary = summary,
          .role = bench::Role::kPeer,
          .threads = threads,
          .needs = [](const machine::Cpu&) { return machine::dnn_why_not(); },
          .plan =
              [threads](const Params& params) {
                auto use = std::make_shared<machine::PeerUse>(
                    machine::peer_blas(machine::PeerLibrary::kOneDnn),
                    threads == 0 ? machine::cpu().cores : threads);
                use->blas();  // primitives are made for the number of threads that is set
                auto primitive = std::make_shared<machine::DnnPrimitive>(
                    machine::DnnPrimitive::softmax({{params["rows"], params["n"]}, {}}));
                return bench::plan_of([use, primitive](const Io& io) {
                  use->blas();
                  primitive->run({io.in<float>(0).data(), io.out<float>(0).data()});
                });
              }};
}

bench::Lab describe() {
  return {
      .question = "Does softmax gain from one online pass, or from vectors of exponentials?",
      .targets = {"ch09:online_softmax"},
      .tags = {"softmax", "fusion", "simd"},
      .cases = {{.name = "llama3_logits",
                 .origin = "next-token logits of 4 sequences in Llama-3-8B, vocabulary 128,256",
                 .smoke = sizes(2, 3000, 0),
                 .full = sizes(4, 128256, 0)},
                {.name = "causal_scores",
                 .origin = "causal attention scores of one head of Llama-3-8B, 2048 tokens",
                 .smoke = sizes(160, 160, 1),
                 .full = sizes(2048, 2048, 1)},
                {.name = "bert_scores",
                 .origin =
                     "BERT-base: scores of 6 sequences of 512 tokens, 12 heads (151 MB, DRAM)",
                 .smoke = sizes(24, 512, 0),
                 .full = sizes(6 * 12 * 512, 512, 0)},
                {.name = "gpu_llama3_logits",
                 .origin = "next-token logits of 256 sequences in Llama-3-8B (131 MB)",
                 .smoke = sizes(3, 30011, 0),
                 .full = sizes(256, 128256, 0),
                 .device = bench::Device::kCuda},
                {.name = "gpu_bert_scores",
                 .origin = "BERT-base: scores of 8 sequences of 512 tokens, 12 heads (101 MB)",
                 .smoke = sizes(70, 512, 0),
                 .full = sizes(8 * 12 * 512, 512, 0),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 0), sizes(3, 2, 0), sizes(2, 31, 0), sizes(5, 33, 1),
                 sizes(2, 1025, 0), sizes(4, 4103, 1)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {three_pass(), online(), three_pass_simd(), online_portable(), online_avx2(),
                     online_avx512(), online_threads(), onednn(), onednn_threads(),
                     bench::on_gpu("three_pass_block", "a block a row, the row read three times",
                                   AISP_DEVICE(plan_three_pass_block)),
                     bench::on_gpu("online_block", "a block a row, maximum and sum in one pass",
                                   AISP_DEVICE(plan_online_block)),
                     bench::on_gpu("online_warp", "the same with a warp a row",
                                   AISP_DEVICE(plan_online_warp)),
                     bench::on_gpu("row_on_chip",
                                   "kernels/softmax_cuda: the row read once, in registers",
                                   plan_row_on_chip)},
      .baseline = "three_pass",
      .device_baseline = "three_pass_block",
  };
}

}  // namespace aisp::labs::ch09::online_softmax
