// The engine's kernel: chunks of 256 tokens from the blocks of the cache, a softmax merged chunk by
// chunk. No score is ever written to memory.
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {
namespace {

namespace paged = kernels::paged_attention;

struct State {
  explicit State(int threads) : pool(threads), workspace(pool) {}
  machine::ThreadPool pool;
  paged::Workspace workspace;
};

}  // namespace

bench::Technique by_chunks(const char* name, const char* summary, int threads) {
  return {.name = name,
          .summary = summary,
          .threads = threads,
          .plan = [threads](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(threads);
            return bench::plan_of([state, shape](const bench::Io& io) {
              const paged::Sequence rows{.rows = shape.rows,
                                         .context = shape.context,
                                         .blocks = io.in<std::int32_t>(kTable)};
              const auto cache = kernels::eager_attention::cache_over(
                  paged::Type::kF32, shape.heads.kv_heads, shape.heads.head_size,
                  io.in<std::uint8_t>(kBlocks).data());
              paged::attend(state->workspace, cache, {.heads = shape.heads.heads}, {&rows, 1},
                            {.q = io.in<float>(kQ).data(), .out = io.out<float>(kO).data()});
            });
          }};
}

bench::Technique online_chunks() {
  return by_chunks("online_chunks", "the engine's kernel: online softmax over chunks of blocks", 1);
}

}  // namespace aisp::labs::ch16::flash_sdp
