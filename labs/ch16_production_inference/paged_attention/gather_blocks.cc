// Gathering alone: the engine's kernel as in `paged`, but on a contiguous copy of each request's
// blocks. The difference between the two is what copying costs.
#include <cstring>
#include <numeric>

#include "labs/ch16_production_inference/paged_attention/problem.h"
#include "machine/crew.h"

namespace aisp::labs::ch16::paged_attention {
namespace {

namespace paged = kernels::paged_attention;

struct State {
  explicit State(const Shape& shape)
      : workspace(pool),
        copy(static_cast<std::size_t>(shape.cache.table() * shape.block_bytes())),
        in_order(static_cast<std::size_t>(shape.cache.table())) {
    copy.fill();
    std::iota(in_order.begin(), in_order.end(), 0);
  }
  machine::ThreadPool pool{1};
  paged::Workspace workspace;
  machine::PageBuffer copy;
  std::vector<std::int32_t> in_order;
};

void attend_copy(State& state, const Shape& shape, const bench::Io& io, std::int64_t request) {
  const auto bytes = static_cast<std::size_t>(shape.block_bytes());
  const std::uint8_t* from = io.in<std::uint8_t>(kBlocks).data();
  const auto* table = io.in<std::int32_t>(kTables).data() + request * shape.cache.table();
  const std::int64_t tokens = io.in<std::int32_t>(kContexts)[static_cast<std::size_t>(request)];
  for (std::int64_t b = 0; b * paged::kBlockTokens < tokens; ++b) {
    std::memcpy(state.copy.data() + static_cast<std::size_t>(b) * bytes,
                from + static_cast<std::size_t>(table[b]) * bytes, bytes);
  }
  const paged::Sequence row{
      .first_row = request, .rows = 1, .context = tokens - 1, .blocks = state.in_order};
  paged::attend(state.workspace,
                {.type = shape.type,
                 .kv_heads = shape.heads.kv_heads,
                 .head_size = shape.heads.head_size,
                 .data = state.copy.data()},
                {.heads = shape.heads.heads}, {&row, 1},
                {.q = io.in<float>(kQ).data(), .out = io.out<float>(kO).data()});
}

}  // namespace

bench::Technique gather_blocks() {
  return {.name = "gather_blocks",
          .summary = "copy each request's blocks side by side, the engine's kernel on the copy",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              for (std::int64_t r = 0; r < shape.cache.sequences; ++r) {
                attend_copy(*state, shape, io, r);
              }
            });
          }};
}

}  // namespace aisp::labs::ch16::paged_attention
