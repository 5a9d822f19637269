// The same trick with every instruction named: lop3 for mask and merge (0xea is (a & b) | c), and
// loads that leave no line in L1 and fetch 256 bytes into L2, for which C++ has no word: weights
// are read once, x is what L1 should keep. Source: PTX ISA 9.0, 9.7.8.8 (ld.global.nc,
// level::eviction_priority), 9.7.8.2 (lop3).
#include "labs/ch09_fusion/inline_ptx/rows.h"

namespace aisp::labs::ch09::inline_ptx {
namespace {

struct InlinePtx {
  static __device__ uint4 load(const uint4* from) {
    uint4 to;
    asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to.x), "=r"(to.y), "=r"(to.z), "=r"(to.w)
                 : "l"(from));
    return to;
  }
  static __device__ void prepare(float4& x) { x = {x.x, x.y / 16.0f, x.z / 256.0f, x.w / 4096.0f}; }
  static __device__ float add(float sum, std::uint32_t bits, const float (&x)[8]) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t half = i < 4 ? bits : bits >> 16;
      std::uint32_t merged;
      asm("lop3.b32 %0, %1, %2, %3, 0xea;"
          : "=r"(merged)
          : "r"(half), "r"(15u << 4 * (i % 4)), "r"(0x4b000000u));
      const float weight =
          __uint_as_float(merged) - (8388608.0f + static_cast<float>(8 << 4 * (i % 4)));
      asm("fma.rn.f32 %0, %1, %2, %0;" : "+f"(sum) : "f"(weight), "f"(x[i]));
    }
    return sum;
  }
};

}  // namespace

std::unique_ptr<bench::Plan> plan_inline_ptx(const bench::Params& params) {
  return plan_rows<InlinePtx>(params);
}

}  // namespace aisp::labs::ch09::inline_ptx
