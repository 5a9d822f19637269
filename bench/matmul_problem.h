// C[M,N] = A[M,K] B[K,N] in f32, row-major: the contract that every lab about matrix products
// shares (sizes M, N, K; inputs A, B; output C), and other people's libraries as its peers. A lab
// adds its question, cases and techniques.
// Source: the interface of BLAS sgemm (Dongarra et al., ACM TOMS 16, 1990).
#pragma once

#include "bench/lab.h"
#include "machine/peer_blas.h"

namespace aisp::bench::matmul {

enum Input : std::size_t { kA, kB };
enum Output : std::size_t { kC };

/// {"M", m}, {"N", n}, {"K", k}.
Params sizes(std::int64_t m, std::int64_t n, std::int64_t k);

/// Fills in problem, prepare (uniform in [-1, 1)), work (2 M N K flops; A, B, C once), reference
/// and tolerance. The reference sums in double, a few seconds at 10 GFLOP; the scale of an element
/// is |row of A| |column of B| in the Euclidean norm, at least sum |a b| (Cauchy-Schwarz) and 4/3
/// of it for uniform inputs.
void set_contract(Lab& lab);

/// The reference on the GPU, a double for each product and sum; set_contract() sets it. 17 GFLOP
/// take 0.1 s.
void reference_on_device(const Params& p, const Io& io, std::span<const ExpectedOnDevice> outputs);

/// A body of the form multiply(m, n, k, a, b, c) as a plan; f32, tight rows.
template <class Multiply>
std::unique_ptr<Plan> plan_with(const Params& p, Multiply multiply) {
  return plan_of([multiply = std::move(multiply), m = p["M"], n = p["N"],
                  k = p["K"]](const Io& io) mutable {
    multiply(m, n, k, io.in<float>(kA).data(), io.in<float>(kB).data(), io.out<float>(kC).data());
  });
}

/// A library's sgemm on one thread (threads = 1) or on every core (threads = 0).
Technique peer(machine::PeerLibrary library, const char* name, int threads);

/// cuBLAS's sgemm on the GPU, tensor cores off: the peer of device techniques.
Technique device_peer(const char* name);

}  // namespace aisp::bench::matmul
