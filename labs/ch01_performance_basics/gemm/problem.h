// The second product of attention, context = probabilities x values, one small matrix product for
// each head of each sequence: O[h] = P[h] V[h / group], f32, contiguous slabs.
// Params: heads (of all sequences), group (query heads that share one value head), T, D.
// Inputs: P [heads, T, T], V [heads / group, T, D]. Output: O [heads, T, D].
#pragma once

#include "bench/lab.h"
#include "kernels/gemm/gemm.h"
#include "machine/peer_blas.h"

namespace aisp::labs::ch01::gemm {

enum Input : std::size_t { kP, kV };
enum Output : std::size_t { kO };

struct Sizes {
  std::int64_t heads, group, T, D;
  explicit Sizes(const bench::Params& p)
      : heads(p["heads"]), group(p["group"]), T(p["T"]), D(p["D"]) {}
  /// The matrices of head h.
  kernels::gemm::Operands at(const bench::Io& io, std::int64_t h) const {
    return {io.in<float>(kP).data() + h * T * T, io.in<float>(kV).data() + h / group * T * D,
            io.out<float>(kO).data() + h * T * D};
  }
};

bench::Technique one_by_one();
bench::Technique batched();
bench::Technique strided();
bench::Technique onednn();
bench::Technique openblas();
bench::Technique cublas_one_by_one();
bench::Technique cublas_strided();
std::unique_ptr<bench::Plan> plan_cublas_pointers(const bench::Params&);

/// A peer's sgemm, called for one matrix after the other, with every core.
bench::Technique peer(machine::PeerLibrary library, const char* name);

}  // namespace aisp::labs::ch01::gemm
