// A router that knows what its engines have cached: N requests in turn, each to the engine where
// its first token is expected first. Who gets a request has its blocks in memory from then on.
// Between two arrivals an engine computes kServed of the tokens that wait in it. Params: N requests
// of B blocks; they come from G groups, and the first P blocks are their group's; E engines (at
// most 64). Inputs: tokens i32 [N, B * 16]; running i32 [E] streams of each engine. Outputs: engine
// i32 [N], cached i32 [N] (blocks of the prompt that the engine had).
#pragma once

#include <span>
#include <vector>

#include "bench/lab.h"
#include "serve/router.h"

namespace aisp::labs::ch17::dynamic_routing {

inline constexpr int kBlockTokens = 16;
inline constexpr int kContext = 400;   // of each running stream
inline constexpr double kServed = 10;  // tokens of an engine's queue between two arrivals

enum Input : std::size_t { kTokens, kRunning };
enum Output : std::size_t { kEngine, kCached };

struct Shape {
  explicit Shape(const bench::Params& params)
      : requests(static_cast<std::size_t>(params["N"])),
        blocks(static_cast<std::size_t>(params["B"])),
        engines(static_cast<std::size_t>(params["E"])) {}
  std::size_t requests, blocks, engines;
  std::size_t prompt() const { return blocks * kBlockTokens; }
};

inline std::span<const std::int32_t> prompt_of(const Shape& shape, const bench::Io& io,
                                               std::size_t request) {
  return io.in<std::int32_t>(kTokens).subspan(request * shape.prompt(), shape.prompt());
}

/// The engines as they say they are before the first request.
std::vector<serve::Telemetry> telemetry_of(const bench::Io& io);

/// Tokens of a prompt to compute where so many of its blocks are cached: the last one always.
inline int to_compute(const Shape& shape, int cached_blocks) {
  return std::max(1, static_cast<int>(shape.prompt()) - cached_blocks * kBlockTokens);
}

bench::Technique index_each();
bench::Technique one_map();
bench::Technique one_map_columns();

}  // namespace aisp::labs::ch17::dynamic_routing
