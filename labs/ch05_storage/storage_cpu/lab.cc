// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include "base/rng.h"
#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {
namespace {

bench::Problem problem(const bench::Params& params) {
  return {.inputs = {{.name = "weights",
                      .dtype = DType::kBF16,
                      .shape = {params["count"]},
                      .place = bench::Place::kFile}},
          .outputs = {{.name = "tensor", .dtype = DType::kBF16, .shape = {params["count"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  Rng rng(seed);
  for (bf16& weight : io.fill<bf16>(0)) weight = bf16(static_cast<float>(rng.uniform() - 0.5));
}

bench::Work work(const bench::Params& params) {
  const double bytes = 2.0 * static_cast<double>(params["count"]);
  const bool cold = params["cold"] != 0;
  // Cold, the disk is the medium and the bytes that leave it are the work; warm, a copy from memory
  // to memory.
  return {.bytes_read = bytes,
          .bytes_written = cold ? 0.0 : bytes,
          .items = 1.0,
          .item_name = "files",
          .medium = cold ? bench::Work::Medium::kDisk : bench::Work::Medium::kMemory};
}

void reference(const bench::Params&, const bench::Io& io, bench::Expected& expected) {
  const auto in = io.in<bf16>(0);
  auto& out = expected.outputs[0].value;
  for (std::size_t i = 0; i < in.size(); ++i) out[i] = static_cast<float>(in[i]);
}

// A copy: every bit must be right.
Tolerance tolerance(const bench::Params&) { return {}; }

void before_each(const bench::Params& params, const bench::Io& io) {
  params["cold"] != 0 ? make_cold(io.in_path(0)) : make_warm(io.in_path(0));
}

}  // namespace

bench::Lab describe() {
  constexpr std::int64_t kQProj = 4096 * 4096;
  return {
      .question =
          "Which way from a file on disk into a tensor comes near the disk's own speed, and "
          "what changes when the file is in the page cache?",
      .targets = {"ch05:storage_cpu"},
      .tags = {"storage", "io"},
      .cases = {{.name = "llama3_8b_q_proj_cold",
                 .origin =
                     "Llama 3 8B, q_proj in bf16, 4096 x 4096: 32 MiB, first start after boot",
                 .smoke = {{"count", 128 * 1024}, {"cold", 1}},
                 .full = {{"count", kQProj}, {"cold", 1}}},
                {.name = "llama3_8b_q_proj_warm",
                 .origin = "the same file in the page cache: a restart of the server",
                 .smoke = {{"count", 128 * 1024 + 77}, {"cold", 0}},
                 .full = {{"count", kQProj}, {"cold", 0}}}},
      .ragged = {{{"count", 1}, {"cold", 1}},
                 {{"count", 255}, {"cold", 1}},
                 {{"count", 2048}, {"cold", 1}},
                 {{"count", 2049}, {"cold", 0}},
                 {{"count", 70001}, {"cold", 1}},
                 {{"count", 3 * 1024 * 1024 + 321}, {"cold", 1}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .before_each = before_each,
      .techniques = {read_fresh(), read_in_place(), mmap_copy(), mmap_populate(), direct_pread(),
                     uring_direct()},
      .baseline = "read_fresh",
  };
}

}  // namespace aisp::labs::ch05::storage_cpu
