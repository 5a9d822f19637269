// The same table, and the prediction over columns: what does not change between two arrivals (an
// engine's step, the prompt tokens that fit into it) is computed once for each engine, and four
// engines are weighed at a time. The same operations in the same order as expected_first_token(),
// so the same engine wins.
#include <algorithm>
#include <limits>
#include <memory>

#include "base/simd_target.h"
#include "labs/ch17_routing/dynamic_routing/block_map.h"

namespace aisp::labs::ch17::dynamic_routing {
namespace {

constexpr std::size_t kLanes = 4, kMostEngines = 64;

struct Columns {
  alignas(64) double queued[kMostEngines], step_s[kMostEngines], step_tokens[kMostEngines];
  alignas(64) double own[kMostEngines], first_s[kMostEngines];
  double prompt_token_s = 0.0;
  std::size_t engines = 0;
};

// What first_token_after() makes of the streams. Places beyond the last engine are never least.
void fill(Columns& columns, const serve::Config& config, const bench::Io& io) {
  const std::vector<serve::Telemetry> engines = telemetry_of(io);
  columns.engines = engines.size();
  columns.prompt_token_s = config.time.prompt_token_s;
  for (std::size_t e = 0; e < kMostEngines; ++e) {
    columns.own[e] = std::numeric_limits<double>::infinity();
    columns.queued[e] = columns.step_s[e] = columns.step_tokens[e] = 1.0;
  }
  for (std::size_t e = 0; e < engines.size(); ++e) {
    const serve::Telemetry& engine = engines[e];
    const serve::StepWork decode{.decode_rows = static_cast<double>(engine.running),
                                 .context_tokens = engine.context_tokens};
    const int tokens = std::min(prompt_budget(config, decode, engine.longest_context),
                                config.max_rows - engine.running);
    columns.queued[e] = engine.queued_tokens;
    columns.step_s[e] = config.time.seconds(decode);
    columns.step_tokens[e] = std::max(1, tokens);
  }
}

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {

// Time passes; then the expected first token of each engine, and the first least of them.
std::size_t least(Columns& c) {
  const __m256d price = _mm256_set1_pd(c.prompt_token_s), served = _mm256_set1_pd(kServed);
  __m256d least = _mm256_set1_pd(std::numeric_limits<double>::infinity());
  for (std::size_t e = 0; e < c.engines; e += kLanes) {
    const __m256d queued =
        _mm256_max_pd(_mm256_setzero_pd(), _mm256_sub_pd(_mm256_load_pd(c.queued + e), served));
    const __m256d tokens = _mm256_add_pd(queued, _mm256_load_pd(c.own + e));
    const __m256d steps = _mm256_ceil_pd(_mm256_div_pd(tokens, _mm256_load_pd(c.step_tokens + e)));
    const __m256d first = _mm256_add_pd(_mm256_mul_pd(steps, _mm256_load_pd(c.step_s + e)),
                                        _mm256_mul_pd(tokens, price));
    _mm256_store_pd(c.queued + e, queued);
    _mm256_store_pd(c.first_s + e, first);
    least = _mm256_min_pd(least, first);
  }
  const __m128d two = _mm_min_pd(_mm256_castpd256_pd128(least), _mm256_extractf128_pd(least, 1));
  const __m256d all = _mm256_broadcastsd_pd(_mm_min_sd(two, _mm_unpackhi_pd(two, two)));
  for (std::size_t e = 0;; e += kLanes) {
    const __m256d same = _mm256_cmp_pd(_mm256_load_pd(c.first_s + e), all, _CMP_EQ_OQ);
    const int mask = _mm256_movemask_pd(same);
    if (mask != 0) return e + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
}

}  // namespace avx2
AISP_TARGET_END
#else
namespace avx2 {
std::size_t least(Columns&) { return 0; }
}  // namespace avx2
#endif

struct Router {
  explicit Router(const bench::Params& params)
      : shape(params), map(shape.requests * shape.blocks), cached(shape.engines) {
    hashes.reserve(shape.blocks);
  }

  void send(std::size_t request, const bench::Io& io) {
    BlockMap::hash(prompt_of(shape, io, request), hashes);
    map.match(hashes, cached);
    for (std::size_t e = 0; e < shape.engines; ++e) columns.own[e] = to_compute(shape, cached[e]);
    const std::size_t engine = avx2::least(columns);
    io.out<std::int32_t>(kEngine)[request] = static_cast<std::int32_t>(engine);
    io.out<std::int32_t>(kCached)[request] = cached[engine];
    columns.queued[engine] += to_compute(shape, cached[engine]);
    map.keep(hashes, engine);
  }

  Shape shape;
  BlockMap map;
  serve::Config config;
  Columns columns;
  std::vector<int> cached;
  std::vector<std::uint64_t> hashes;
};

}  // namespace

bench::Technique one_map_columns() {
  return {
      .name = "one_map_columns",
      .summary = "the same table; four engines weighed at a time",
      .needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; },
      .plan =
          [](const bench::Params& params) {
            return bench::plan_of([router = std::make_shared<Router>(params)](const bench::Io& io) {
              fill(router->columns, router->config, io);
              for (std::size_t i = 0; i < router->shape.requests; ++i) router->send(i, io);
              router->map.forget();
            });
          }};
}

}  // namespace aisp::labs::ch17::dynamic_routing
