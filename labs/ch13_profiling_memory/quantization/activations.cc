// What several techniques share: quantised activations, and the scaling of sums in a pass of its
// own.
#include "kernels/gemm_int8/quantize.h"

#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

Activations::Activations(const bench::Params& params)
    : q(static_cast<std::size_t>(params["T"] * params["C"])),
      scales(static_cast<std::size_t>(params["T"])) {}

void Activations::quantize(const bench::Params& params, const float* x, machine::ThreadPool* pool) {
  const std::int64_t width = params["C"];
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    kernels::gemm_int8::quantize_rows(end - begin, width, x + begin * width,
                                      q.data() + begin * width, scales.data() + begin);
  };
  // 16,384 numbers take some 4 us, twice a fork and join.
  if (pool == nullptr || params["T"] * width < 2 * 16384) return rows(0, params["T"]);
  pool->parallel_for(params["T"], 1, rows);
}

void scale_sums(const bench::Params& params, const std::int32_t* sums, const float* rows,
                const float* columns, float* y) {
  const std::int64_t n = params["N"];
  for (std::int64_t t = 0; t < params["T"]; ++t) {
    const std::int32_t* from = sums + t * n;
    float* __restrict to = y + t * n;
    for (std::int64_t j = 0; j < n; ++j) {
      to[j] = static_cast<float>(from[j]) * rows[t] * columns[j];
    }
  }
}

}  // namespace aisp::labs::ch13::quantization
