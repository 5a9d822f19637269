// The baseline: what everybody calls, and what g++ -O3 makes of `for (...) out[i] = in[i]` with
// buffers it knows to be apart.
// Source: GNU C library, sysdeps/x86_64/multiarch/memmove-vec-unaligned-erms.S: vectors for short
// copies, `rep movsb` for long ones, non-temporal stores from three quarters of a shared cache on.
#include <cstring>

#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

bench::Technique libc_memcpy() {
  return {
      .name = "libc_memcpy", .summary = "the C library's memcpy", .plan = [](const bench::Params&) {
        return bench::plan_of([](const bench::Io& io) {
          const auto request = request_of(io);
          std::memcpy(request.to, request.from, request.bytes);
        });
      }};
}

}  // namespace aisp::labs::ch07::copy
