// K in blocks, one library call for each block into a temporary, then C += temporary: the loop
// `c += a[:, k:k+64] @ b[k:k+64]` of a hand-blocked product. The temporary and
// the library's scratch are allocated once; the first block goes straight to C.
#include <algorithm>
#include <vector>

#include "labs/ch03_system/gemm/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch03::gemm {
namespace {

// Elements of one thread's share at least: 4096 additions take about 1 us, as long as a fork.
constexpr std::int64_t kGrain = 4096;

class Blocks {
 public:
  explicit Blocks(const bench::Params& p)
      : m_(p["M"]),
        n_(p["N"]),
        k_(p["K"]),
        part_(static_cast<std::size_t>(m_ * n_)),
        call_(plan(std::min(kDepth, k_))),
        last_(plan(k_ % kDepth)) {}

  void multiply(const float* a, const float* b, float* c) {
    for (std::int64_t first = 0; first < k_; first += kDepth) {
      kernels::gemm::GemmPlan& call = k_ - first < kDepth ? last_ : call_;
      call.run(a + first, b + first * n_, first == 0 ? c : part_.data());
      if (first != 0) add_part(c);
    }
  }

 private:
  kernels::gemm::GemmPlan plan(std::int64_t depth) {
    return kernels::gemm::GemmPlan({m_, n_, depth},
                                   {.strides = {.a = k_}, .threads = pool_.size(), .pool = &pool_});
  }

  void add_part(float* c) {
    pool_.parallel_for(m_ * n_, kGrain, [&](std::int64_t begin, std::int64_t end) {
      const float* part = part_.data();
      for (std::int64_t i = begin; i < end; ++i) c[i] += part[i];
    });
  }

  std::int64_t m_, n_, k_;
  machine::ThreadPool pool_;
  std::vector<float> part_;  // [M, N]
  kernels::gemm::GemmPlan call_, last_;
};

}  // namespace

bench::Technique k_blocks_add() {
  return {.name = "k_blocks_add",
          .summary = "one call for each 64 of K into a temporary, then C += temporary; every core",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            return bench::matmul::plan_with(
                p, [blocks = std::make_unique<Blocks>(p)](std::int64_t, std::int64_t, std::int64_t,
                                                          const float* a, const float* b,
                                                          float* c) { blocks->multiply(a, b, c); });
          }};
}

}  // namespace aisp::labs::ch03::gemm
