// One float at a time, in order. A compiler would turn this loop into memcpy or vectors, so each
// value passes through a general register that it may not look into: this is what code that cannot
// be vectorised (a value converted, looked up or logged on its way) pays at least.
#include <bit>
#include <cstdint>

#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

bench::Technique scalar() {
  return {.name = "scalar",
          .summary = "4 bytes at a time, vectorising prevented",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const auto in = io.in<float>(0);
              float* const out = io.out<float>(0).data();
              for (std::size_t i = 0; i < in.size(); ++i) {
                auto bits = std::bit_cast<std::uint32_t>(in[i]);
                asm volatile("" : "+r"(bits));
                out[i] = std::bit_cast<float>(bits);
              }
            });
          }};
}

}  // namespace aisp::labs::ch07::copy
