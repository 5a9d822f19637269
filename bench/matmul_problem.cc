// The shared contract of matrix products: inputs, work, reference, tolerance, peers.
#include "bench/matmul_problem.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "machine/device_blas.h"

namespace aisp::bench::matmul {
namespace {

Problem problem(const Params& p) {
  return {.inputs = {{"A", DType::kF32, {p["M"], p["K"]}}, {"B", DType::kF32, {p["K"], p["N"]}}},
          .outputs = {{"C", DType::kF32, {p["M"], p["N"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(kA), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(kB), derive_seed(seed, 2));
}

Work work(const Params& p) {
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

/// c[n] += a[depth] B[depth, n] in double, four rows of B at a time.
void add_row(std::size_t depth, std::size_t n, const float* a, const float* b,
             double* __restrict c) {
  std::size_t p = 0;
  for (; p + 4 <= depth; p += 4) {
    const double a0 = a[p], a1 = a[p + 1], a2 = a[p + 2], a3 = a[p + 3];
    const float* row = b + p * n;  // [4, n]
    for (std::size_t j = 0; j < n; ++j) {
      c[j] += (a0 * row[j] + a1 * row[n + j]) + (a2 * row[2 * n + j] + a3 * row[3 * n + j]);
    }
  }
  for (; p < depth; ++p) {
    for (std::size_t j = 0; j < n; ++j) c[j] += static_cast<double>(a[p]) * b[p * n + j];
  }
}

void reference(const Params& p, const Io& io, Expected& expected) {
  const auto m = static_cast<std::size_t>(p["M"]), n = static_cast<std::size_t>(p["N"]);
  const auto k = static_cast<std::size_t>(p["K"]);
  const float* a = io.in<float>(kA).data();
  const float* b = io.in<float>(kB).data();
  auto& output = expected.outputs[kC];
  // 64 rows of B, 1 MiB at N = 4096, are used by every row of A while they are near.
  constexpr std::size_t kDepth = 64;
  for (std::size_t q = 0; q < k; q += kDepth) {
    for (std::size_t i = 0; i < m; ++i) {
      add_row(std::min(kDepth, k - q), n, a + i * k + q, b + q * n, output.value.data() + i * n);
    }
  }
  std::vector<double> norm(n);  // of each column of B, squared
  for (std::size_t q = 0; q < k; ++q) {
    for (std::size_t j = 0; j < n; ++j) norm[j] += static_cast<double>(b[q * n + j]) * b[q * n + j];
  }
  output.scale.resize(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    double row = 0.0;
    for (std::size_t q = 0; q < k; ++q) row += static_cast<double>(a[i * k + q]) * a[i * k + q];
    for (std::size_t j = 0; j < n; ++j) output.scale[i * n + j] = std::sqrt(row * norm[j]);
  }
}

/// Worst element: the probabilistic bound of a dot product of length K. rms: with inputs of random
/// sign the error is a random walk of roundings of partial sums, about 0.4 u of the scale, that is
/// 0.07 / sqrt(K) of the bound; bf16 inputs would show 5000 / K, TF32 inputs 670 / K of it. 0.1
/// separates them up to K = 6700.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["K"]), unit_roundoff(DType::kF32)),
          .absolute = 0.0,
          .rms = 0.1};
}

}  // namespace

Params sizes(std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"M", m}, {"N", n}, {"K", k}};
}

void set_contract(Lab& lab) {
  lab.problem = problem;
  lab.prepare = prepare;
  lab.work = work;
  lab.reference = reference;
  lab.reference_on_device = AISP_DEVICE(reference_on_device);
  lab.tolerance = tolerance;
}

Technique peer(machine::PeerLibrary library, const char* name, int threads) {
  Technique technique;
  technique.name = name;
  technique.summary =
      threads == 1 ? "the library's sgemm, one thread" : "the library's sgemm, every core";
  technique.role = Role::kPeer;
  technique.threads = threads;
  technique.needs = [library](const machine::Cpu&) { return machine::peer_blas(library).why_not; };
  technique.plan = [library, threads](const Params& p) {
    auto use = std::make_unique<machine::PeerUse>(machine::peer_blas(library),
                                                  threads > 0 ? threads : machine::cpu().cores);
    return plan_with(p, [use = std::move(use)](std::int64_t m, std::int64_t n, std::int64_t k,
                                               const float* a, const float* b, float* c) {
      use->blas().sgemm(m, n, k, a, k, b, n, c, n);
    });
  };
  return technique;
}

Technique device_peer(const char* name) {
  Technique technique = on_gpu(
      name, "cuBLAS's sgemm, tensor cores off",
      [](const Params& p) {
        auto blas = std::make_shared<machine::DeviceBlas>(machine::BlasMath::kF32);
        return plan_of([blas, shape = machine::BlasShape{p["M"], p["N"], p["K"]}](const Io& io) {
          blas->gemm(io.stream(), shape, io.in<float>(kA).data(), io.in<float>(kB).data(),
                     io.out<float>(kC).data());
        });
      },
      [](const machine::CudaDevice&) { return machine::DeviceBlas::why_not(); });
  technique.role = Role::kPeer;
  return technique;
}

}  // namespace aisp::bench::matmul
