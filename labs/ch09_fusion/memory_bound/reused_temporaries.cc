// The passes of the baseline in arrays that are made once and used again, as an allocator with a
// cache would hand them out (jemalloc and tcmalloc, which PyTorch's tuning guide recommends for
// this reason): what remains is the passes. Two arrays do, since each is free after its last use.
#include <memory>
#include <vector>

#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {
namespace {

struct Arrays {
  std::vector<float> one, other, row;
};

}  // namespace

bench::Technique reused_temporaries() {
  return {.name = "reused_temporaries",
          .summary = "an operation a pass, result arrays used again",
          .plan = [](const bench::Params& params) {
            auto arrays = std::make_shared<Arrays>();
            arrays->one.resize(static_cast<std::size_t>(params["rows"] * params["n"]));
            arrays->other.resize(arrays->one.size());
            arrays->row.resize(static_cast<std::size_t>(params["rows"]));
            return bench::plan_of(
                [params, arrays, passes = choose_passes(machine::cpu())](const bench::Io& io) {
                  const kernels::norm::Rows a = rows_of(params, io);
                  float *one = arrays->one.data(), *other = arrays->other.data();
                  float* row = arrays->row.data();
                  passes.mean(a.x, row, a.rows, a.n);
                  passes.subtract_rows(a.x, row, one, a.rows, a.n);
                  passes.square(one, other, a.rows * a.n);
                  passes.mean(other, row, a.rows, a.n);
                  inverse_root(row, row, a.rows);
                  passes.multiply_rows(one, row, other, a.rows, a.n);
                  passes.multiply_columns(other, a.weight, one, a.rows, a.n);
                  passes.add_columns(one, a.bias, a.y, a.rows, a.n);
                });
          }};
}

}  // namespace aisp::labs::ch09::memory_bound
