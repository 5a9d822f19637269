// What a router gets that takes the engines' own parts: a radix tree (serve/prefix_index.h) for
// each engine, asked one after the other, and the router's own function on telemetry as structs. In
// the end every tree forgets its blocks, one by one.
#include <algorithm>
#include <memory>

#include "labs/ch17_routing/dynamic_routing/problem.h"

namespace aisp::labs::ch17::dynamic_routing {
namespace {

struct Router {
  explicit Router(const bench::Params& params) : shape(params) {
    options.policy = serve::Policy::kLeastTtft;
    const int most = static_cast<int>(shape.requests * shape.blocks);
    for (std::size_t e = 0; e < shape.engines; ++e) {
      indexes.emplace_back(
          serve::PrefixIndex::Size{.block_tokens = kBlockTokens, .device_blocks = most});
    }
    cached.resize(shape.engines);
  }

  void send(std::size_t request, const bench::Io& io) {
    const auto prompt = prompt_of(shape, io, request);
    for (std::size_t e = 0; e < shape.engines; ++e) {
      engines[e].queued_tokens = std::max(0.0, engines[e].queued_tokens - kServed);
      cached[e] = indexes[e].match(0, prompt).blocks * kBlockTokens;
    }
    const serve::Question question{static_cast<int>(prompt.size()), cached, {}};
    const serve::Route way = route(config, options, engines, question, 0.0);
    const auto engine = static_cast<std::size_t>(way.engine);
    const int blocks = cached[engine] / kBlockTokens;
    io.out<std::int32_t>(kEngine)[request] = way.engine;
    io.out<std::int32_t>(kCached)[request] = blocks;
    engines[engine].queued_tokens += to_compute(shape, blocks);
    keep(indexes[engine], prompt);
  }

  static void keep(serve::PrefixIndex& index, std::span<const std::int32_t> prompt) {
    const serve::PrefixIndex::Match match = index.match(0, prompt);
    serve::NodeId node = match.node;
    for (std::size_t at = static_cast<std::size_t>(match.blocks) * kBlockTokens; at < prompt.size();
         at += kBlockTokens) {
      node = index.insert(0, node, prompt.subspan(at, kBlockTokens), 0);
    }
  }

  void forget() {
    for (serve::PrefixIndex& index : indexes) {
      while (index.device_victim() != serve::kNoNode) index.remove(index.device_victim());
    }
  }

  Shape shape;
  serve::Config config;
  serve::RouterOptions options;
  std::vector<serve::PrefixIndex> indexes;
  std::vector<serve::Telemetry> engines;
  std::vector<int> cached;
};

}  // namespace

bench::Technique index_each() {
  return {.name = "index_each",
          .summary = "a radix tree for each engine, asked in turn; the router's own function",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([router = std::make_shared<Router>(params)](const bench::Io& io) {
              router->engines = telemetry_of(io);
              for (std::size_t i = 0; i < router->shape.requests; ++i) router->send(i, io);
              router->forget();
            });
          }};
}

}  // namespace aisp::labs::ch17::dynamic_routing
