// One table of blocks for all engines (block_map.h), and the router's own function on the same
// telemetry as before.
#include <algorithm>
#include <memory>

#include "labs/ch17_routing/dynamic_routing/block_map.h"

namespace aisp::labs::ch17::dynamic_routing {
namespace {

struct Router {
  explicit Router(const bench::Params& params)
      : shape(params), map(shape.requests * shape.blocks), cached(shape.engines) {
    options.policy = serve::Policy::kLeastTtft;
    hashes.reserve(shape.blocks);
  }

  void send(std::size_t request, const bench::Io& io) {
    BlockMap::hash(prompt_of(shape, io, request), hashes);
    map.match(hashes, cached);
    for (int& blocks : cached) blocks *= kBlockTokens;
    for (serve::Telemetry& engine : engines) {
      engine.queued_tokens = std::max(0.0, engine.queued_tokens - kServed);
    }
    const serve::Question question{static_cast<int>(shape.prompt()), cached, {}};
    const serve::Route way = route(config, options, engines, question, 0.0);
    const auto engine = static_cast<std::size_t>(way.engine);
    const int blocks = cached[engine] / kBlockTokens;
    io.out<std::int32_t>(kEngine)[request] = way.engine;
    io.out<std::int32_t>(kCached)[request] = blocks;
    engines[engine].queued_tokens += to_compute(shape, blocks);
    map.keep(hashes, engine);
  }

  Shape shape;
  BlockMap map;
  serve::Config config;
  serve::RouterOptions options;
  std::vector<serve::Telemetry> engines;
  std::vector<int> cached;
  std::vector<std::uint64_t> hashes;
};

}  // namespace

bench::Technique one_map() {
  return {.name = "one_map",
          .summary = "one table from block to engines, a bit each; the router's own function",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([router = std::make_shared<Router>(params)](const bench::Io& io) {
              router->engines = telemetry_of(io);
              for (std::size_t i = 0; i < router->shape.requests; ++i) router->send(i, io);
              router->map.forget();
            });
          }};
}

}  // namespace aisp::labs::ch17::dynamic_routing
