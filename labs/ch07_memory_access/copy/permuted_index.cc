// The same bytes in scattered order: element i is followed by element i + step (mod count), so two
// accesses in a row never share a line. On a GPU this is the uncoalesced copy, in which each lane
// of a warp asks for its own line. The index is computed (an addition and a comparison), not read:
// the order alone is charged.
#include <numeric>

#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

std::size_t scattering_step(std::size_t count) {
  // The golden section keeps every stretch of consecutive accesses spread evenly over the buffer.
  auto step = static_cast<std::size_t>(0.6180339887498949 * static_cast<double>(count));
  while (step > 1 && std::gcd(step, count) != 1) --step;
  return step < 1 ? 1 : step;
}

bench::Technique permuted_index() {
  return {.name = "permuted_index",
          .summary = "4 bytes at a time in scattered order, each access on another line",
          .plan = [](const bench::Params& params) {
            const auto step = scattering_step(static_cast<std::size_t>(params["count"]));
            return bench::plan_of([step](const bench::Io& io) {
              const auto in = io.in<float>(0);
              float* const out = io.out<float>(0).data();
              std::size_t at = 0;
              for (std::size_t i = 0; i < in.size(); ++i) {
                out[at] = in[at];
                at += step;
                if (at >= in.size()) at -= in.size();
              }
            });
          }};
}

}  // namespace aisp::labs::ch07::copy
