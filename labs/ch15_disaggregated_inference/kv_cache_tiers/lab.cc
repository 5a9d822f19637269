// The lab: conversations come back after their keys and values have left the cache. See README.md.
#include "labs/ch15_disaggregated_inference/kv_cache_tiers/problem.h"

namespace aisp::labs::ch15::kv_cache_tiers {

using bench::Params;

recorded::Shape shape_of(const Params& p) {
  recorded::Shape shape(p);
  for (std::int64_t c = 0; c < p["C"]; ++c) {
    shape.add(p["P"], p["A"], p["A"]);
    for (std::int64_t r = 0; r < p["R"]; ++r) shape.add_turn(p["N"], p["A"]);
  }
  return shape;
}

State::State(const Params& p)
    : shape(shape_of(p)),
      conversations(p["C"]),
      turns(1 + p["R"]),
      steps(shape, recorded::Shape::blocks_for(shape.longest) + 1, 1 + shape.longest_prompt, 1) {}

serve::Counters serve_turns(State& state, const bench::Io& io, const recorded::HostBlocks* host,
                            const std::function<void()>& between_turns) {
  serve::Config config = recorded::config_of(state.shape, 1);
  config.share_prefixes = true;
  config.device_blocks = state.steps.cache().blocks();
  config.host_blocks = host == nullptr ? 0 : static_cast<int>(state.all_blocks());
  state.steps.begin(io);
  recorded::Server server(state.steps, config, host);
  for (std::int64_t turn = 0; turn < state.turns; ++turn) {
    for (std::int64_t c = 0; c < state.conversations; ++c) {
      if (turn + c > 0) between_turns();
      server.submit(c * state.turns + turn);
      while (server.step()) {
      }
    }
  }
  return server.counters();
}

namespace {

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t c, std::int64_t p,
             std::int64_t r) {
  return {{"M", m}, {"L", l}, {"V", v}, {"C", c}, {"P", p}, {"R", r}, {"N", 6}, {"A", 2}};
}

}  // namespace

bench::Lab describe() {
  return recorded::lab_of(
      shape_of,
      {
          .question = "A conversation comes back after its keys and values had to leave the cache: "
                      "from where should they come?",
          .targets = {"ch15:kv_cache_nvlink_pool"},
          .tags = {"transformer", "kv-cache", "serving", "storage"},
          .cases = {{.name = "stories_128_tokens",
                     .origin = "stories15M of llama2.c, 3 of its 6 layers, 512 pieces: 3 "
                               "conversations of 128 tokens that come back 3 times",
                     .smoke = sizes(0, 1, 260, 3, 70, 2),
                     .full = sizes(1, 3, 512, 3, 128, 3)},
                    {.name = "stories_32_tokens",
                     .origin = "the same model: 6 conversations of 32 tokens that come back 5 "
                               "times",
                     .smoke = sizes(0, 1, 260, 3, 32, 1),
                     .full = sizes(1, 3, 512, 6, 32, 5)}},
          // One conversation, always in the cache; shorter than a block; nobody comes back.
          .ragged = {sizes(0, 1, 260, 1, 40, 2), sizes(0, 1, 260, 3, 5, 2),
                     sizes(0, 1, 261, 2, 65, 0), sizes(0, 2, 260, 2, 63, 1)},
          .techniques = {recompute(), ram_tier(), mapped_file_tier(), disk_tier()},
          .baseline = "recompute",
      });
}

}  // namespace aisp::labs::ch15::kv_cache_tiers
