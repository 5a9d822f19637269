// One contiguous cache for each request, replaced by a longer copy of itself at every token: what
// torch.cat in the DynamicCache of transformers does. The two memories that take turns are there
// from the beginning: the cost of asking the system for them is left out.
#include <algorithm>

#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {
namespace {

/// Two runs of neighbouring blocks for each request.
class Copies {
 public:
  Copies(State& state, std::int64_t requests, std::int64_t each)
      : state_(state), each_(each), second_(static_cast<std::size_t>(requests)) {
    for (std::int32_t id = 0; id < 2 * requests * each; ++id) ids_.push_back(id);
  }

  /// The request's blocks for `tokens`, copied to its other run but for the first time.
  std::span<const std::int32_t> of(std::int64_t request, std::int64_t tokens) {
    const std::int64_t before = Shape::blocks_for(tokens - 1);
    const bool first_time = tokens == state_.shape.prompt;
    const auto old = run(request);
    if (!first_time) {
      second_[static_cast<std::size_t>(request)] ^= 1;
      const auto longer = run(request);
      for (std::int64_t i = 0; i < before; ++i) {
        std::ranges::copy(state_.steps.cache().block(old[static_cast<std::size_t>(i)]),
                          state_.steps.cache().block(longer[static_cast<std::size_t>(i)]).begin());
      }
    }
    return run(request);
  }

 private:
  std::span<const std::int32_t> run(std::int64_t request) const {
    const auto which = 2 * request + second_[static_cast<std::size_t>(request)];
    return std::span(ids_).subspan(static_cast<std::size_t>(which * each_),
                                   static_cast<std::size_t>(each_));
  }

  State& state_;
  std::int64_t each_;
  std::vector<std::int32_t> second_;  // 1: the request is in its second run
  std::vector<std::int32_t> ids_;
};

}  // namespace

bench::Technique contiguous_copied() {
  return {.name = "contiguous_copied",
          .summary = "a contiguous cache a request, copied to grow by each token",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            const std::int64_t each = shape.blocks();
            auto state = std::make_shared<State>(shape, 2 * shape.count() * each,
                                                 shape.count() * shape.prompt);
            return bench::plan_of([state, each](const bench::Io& io) {
              Copies copies(*state, state->shape.count(), each);
              serve(*state, io, [&](std::int64_t request, std::int64_t tokens) {
                return copies.of(request, tokens);
              });
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_management
