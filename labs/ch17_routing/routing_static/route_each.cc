// The router's own function (serve/router.h) for each request: it knows every policy, and predicts
// the first token as well.
#include <array>
#include <vector>

#include "labs/ch17_routing/routing_static/problem.h"
#include "serve/router.h"

namespace aisp::labs::ch17::routing_static {
namespace {

void assign(const serve::Config& config, const serve::RouterOptions& options,
            std::span<const serve::Telemetry> engines, const bench::Io& io) {
  const auto prompts = io.in<std::int32_t>(0);
  const auto chosen = io.out<std::int32_t>(0);
  std::array<std::uint64_t, 2> turns{};
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const serve::Route way = route(config, options, engines, {prompts[i], {}, turns}, 0.0);
    ++turns[static_cast<std::size_t>(way.pool)];
    chosen[i] = way.engine;
  }
}

}  // namespace

bench::Technique route_each() {
  return {
      .name = "route_each",
      .summary = "the router's own function, which knows every policy",
      .plan = [](const bench::Params& params) {
        const serve::RouterOptions options{.policy = serve::Policy::kByLength,
                                           .long_engines = static_cast<int>(params["L"]),
                                           .long_tokens = kLongTokens};
        std::vector<serve::Telemetry> engines(static_cast<std::size_t>(params["E"]));
        return bench::plan_of([config = serve::Config{}, options, engines](const bench::Io& io) {
          assign(config, options, engines, io);
        });
      }};
}

}  // namespace aisp::labs::ch17::routing_static
