// The engine's kernel reads the blocks where they lie: all requests in one call.
#include "labs/ch16_production_inference/paged_attention/problem.h"

namespace aisp::labs::ch16::paged_attention {
namespace {

namespace paged_kernel = kernels::paged_attention;

struct State {
  explicit State(int threads) : pool(threads), workspace(pool) {}
  machine::ThreadPool pool;
  paged_kernel::Workspace workspace;
  std::vector<paged_kernel::Sequence> rows;
};

}  // namespace

bench::Technique in_place(const char* name, const char* summary, int threads) {
  return {.name = name,
          .summary = summary,
          .threads = threads,
          .plan = [threads](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(threads);
            return bench::plan_of([state, shape](const bench::Io& io) {
              namespace eager = kernels::eager_attention;
              eager::decoding_rows(shape.cache, io.in<std::int32_t>(kTables),
                                   io.in<std::int32_t>(kContexts), state->rows);
              paged_kernel::attend(
                  state->workspace,
                  eager::cache_over(shape.type, shape.heads.kv_heads, shape.heads.head_size,
                                    io.in<std::uint8_t>(kBlocks).data()),
                  {.heads = shape.heads.heads}, state->rows,
                  {.q = io.in<float>(kQ).data(), .out = io.out<float>(kO).data()});
            });
          }};
}

bench::Technique paged() {
  return in_place("paged", "the engine's kernel reads the blocks where they lie", 1);
}

}  // namespace aisp::labs::ch16::paged_attention
