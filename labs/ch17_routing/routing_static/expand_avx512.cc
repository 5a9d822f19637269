// Sixteen requests at a time: the comparison is a mask, the turn of each is its rank in the mask
// (an expansion of 0, 1, 2 ...), and the engine of a turn comes from a table in two registers, so
// that nothing is divided.
#include <algorithm>
#include <array>
#include <bit>

#include "base/simd_target.h"
#include "labs/ch17_routing/routing_static/problem.h"

namespace aisp::labs::ch17::routing_static {
namespace {

constexpr std::int32_t kLanes = 16;

struct Pool {
  Pool(std::int32_t first_engine, std::int32_t engines) : count(engines) {
    for (std::int32_t i = 0; i < 2 * kLanes; ++i) {
      engine_of[static_cast<std::size_t>(i)] = first_engine + i % engines;
    }
  }
  std::int32_t count;
  std::int32_t turn = 0;  // in [0, count)
  alignas(64) std::array<std::int32_t, 2 * kLanes> engine_of{};
};

struct Pools {
  Pool little, large;
};

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {

// Engines of the lanes in `mask`, in turn. Not inlined, it would cost its caller the vzeroupper
// (g++ 12).
__attribute__((always_inline)) inline __m512i in_turn(Pool& pool, __mmask16 mask) {
  const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i turns = _mm512_add_epi32(iota, _mm512_set1_epi32(pool.turn));
  const __m512i engines =
      _mm512_permutex2var_epi32(_mm512_load_si512(pool.engine_of.data()), turns,
                                _mm512_load_si512(pool.engine_of.data() + kLanes));
  pool.turn = (pool.turn + std::popcount(static_cast<unsigned>(mask))) % pool.count;
  return _mm512_maskz_expand_epi32(mask, engines);
}

void assign(Pools pools, const bench::Io& io) {
  const auto prompts = io.in<std::int32_t>(0);
  const auto chosen = io.out<std::int32_t>(0);
  const __m512i border = _mm512_set1_epi32(kLongTokens);
  for (std::size_t i = 0; i < prompts.size(); i += kLanes) {
    const std::size_t left = std::min<std::size_t>(kLanes, prompts.size() - i);
    const auto lanes = static_cast<__mmask16>((1u << left) - 1u);
    const __m512i tokens = _mm512_maskz_loadu_epi32(lanes, prompts.data() + i);
    const __mmask16 large = _mm512_mask_cmpge_epi32_mask(lanes, tokens, border);
    const auto little = static_cast<__mmask16>(lanes & ~large);
    const __m512i engines =
        _mm512_or_si512(in_turn(pools.large, large), in_turn(pools.little, little));
    _mm512_mask_storeu_epi32(chosen.data() + i, lanes, engines);
  }
}

}  // namespace avx512
AISP_TARGET_END
#endif

}  // namespace

bench::Technique expand_avx512() {
  return {.name = "expand_avx512",
          .summary = "sixteen requests at a time: ranks in a mask, engines from a table",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx512 ? "" : "needs AVX-512"; },
          .plan =
              [](const bench::Params& params) {
                const auto engines = static_cast<std::int32_t>(params["E"]);
                const auto large = static_cast<std::int32_t>(params["L"]);
                const Pools pools{Pool(0, engines - large), Pool(engines - large, large)};
#if AISP_X86
                return bench::plan_of([pools](const bench::Io& io) { avx512::assign(pools, io); });
#else
                return bench::plan_of([pools](const bench::Io&) {});
#endif
              }};
}

}  // namespace aisp::labs::ch17::routing_static
