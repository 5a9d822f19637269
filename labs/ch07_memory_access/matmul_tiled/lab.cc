// Matrix multiplication from the triple loop to register tiles. See README.md.
#include <cmath>

#include "base/rng.h"
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{"A", DType::kF32, {p["M"], p["K"]}}, {"B", DType::kF32, {p["K"], p["N"]}}},
          .outputs = {{"C", DType::kF32, {p["M"], p["N"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(kA), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(kB), derive_seed(seed, 2));
}

bench::Work work(const bench::Params& p) {
  const double m = static_cast<double>(p["M"]);
  const double n = static_cast<double>(p["N"]);
  const double k = static_cast<double>(p["K"]);
  return {.flops = 2.0 * m * n * k,
          .flops_dtype = DType::kF32,
          .bytes_read = 4.0 * (m * k + k * n),
          .bytes_written = 4.0 * m * n,
          .items = m,
          .item_name = "rows"};
}

/// Double accumulation, row by row; scale is sum |a b|.
void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto n = static_cast<std::size_t>(p["N"]), k = static_cast<std::size_t>(p["K"]);
  const auto m = static_cast<std::size_t>(p["M"]);
  const auto a = io.in<float>(kA);
  const auto b = io.in<float>(kB);
  auto& output = expected.outputs[kC];
  output.scale.assign(m * n, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    double* __restrict value = output.value.data() + i * n;  // [n]
    double* __restrict scale = output.scale.data() + i * n;  // [n]
    for (std::size_t q = 0; q < k; ++q) {
      const double a_value = a[i * k + q];
      const float* b_row = b.data() + q * n;  // [n]
      for (std::size_t j = 0; j < n; ++j) {
        const double product = a_value * b_row[j];
        value[j] += product;
        scale[j] += std::fabs(product);
      }
    }
  }
}

/// Worst element: the probabilistic bound of a dot product of length K. rms: with inputs of random
/// sign the error is a random walk of roundings of partial sums, about 0.5 u of the scale, that is
/// 0.1 / sqrt(K) of the bound; bf16 inputs would show 7000 / K, TF32 inputs 900 / K of it. 0.1
/// separates them up to K = 9000.
Tolerance tolerance(const bench::Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["K"]), unit_roundoff(DType::kF32)),
          .absolute = 0.0,
          .rms = 0.1};
}

bench::Params sizes(std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"M", m}, {"N", n}, {"K", k}};
}

}  // namespace

bench::Technique peer(machine::PeerLibrary library, const char* name, int threads) {
  bench::Technique technique;
  technique.name = name;
  technique.summary =
      threads == 1 ? "the library's sgemm, one thread" : "the library's sgemm, every core";
  technique.role = bench::Role::kPeer;
  technique.threads = threads;
  technique.needs = [library](const machine::Cpu&) { return machine::peer_blas(library).why_not; };
  technique.plan = [library, threads](const bench::Params& p) {
    auto use = std::make_unique<machine::PeerUse>(machine::peer_blas(library),
                                                  threads > 0 ? threads : machine::cpu().cores);
    return bench::plan_of(
        [use = std::move(use), m = p["M"], n = p["N"], k = p["K"]](const bench::Io& io) {
          use->blas().sgemm(m, n, k, io.in<float>(kA).data(), k, io.in<float>(kB).data(), n,
                            io.out<float>(kC).data(), n);
        });
  };
  return technique;
}

bench::Lab describe() {
  bench::Lab lab;
  lab.question =
      "How much of a core's arithmetic does a matrix product reach as its loops learn about caches "
      "and registers?";
  lab.targets = {"ch07:matmul", "ch07:matmul_tiled"};
  lab.tags = {"gemm", "cache", "simd", "threads"};
  lab.cases = {{.name = "bert_base_projection",
                .origin = "BERT-base attention projection: 128 tokens, width 768",
                .smoke = sizes(16, 96, 96),
                .full = sizes(128, 768, 768)},
               {.name = "llama32_1b_key",
                .origin = "Llama-3.2-1B key projection: 32 tokens, width 2048 to 8 heads of 64",
                .smoke = sizes(8, 64, 256),
                .full = sizes(32, 512, 2048)},
               {.name = "transformer_base_projection",
                .origin = "Transformer base (2017) projection: 256 tokens, width 512",
                .smoke = sizes(64, 64, 64),
                .full = sizes(256, 512, 512)}};
  // One element; odd sizes around the tiles (14 x 32, 6 x 16) and the blocks (64 x 512, 192 rows).
  lab.ragged = {sizes(1, 1, 1), sizes(15, 33, 65), sizes(5, 515, 67), sizes(197, 61, 129),
                sizes(3, 1030, 9)};
  lab.problem = problem;
  lab.prepare = prepare;
  lab.work = work;
  lab.reference = reference;
  lab.tolerance = tolerance;
  lab.techniques = {triple_loop(),    loop_interchange(),   cache_blocked(),
                    tiled_simd(),     tiled_simd_threads(), onednn(),
                    onednn_threads(), openblas(),           openblas_threads()};
  lab.baseline = "triple_loop";
  return lab;
}

}  // namespace aisp::labs::ch07::matmul_tiled
