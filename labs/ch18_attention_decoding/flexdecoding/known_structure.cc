// The engine's kernel, told the structure in its own words: a window is an option; documents are
// sequences; a row that sees a whole prefix is a row at the prefix's last position. That last is a
// trick: such rows are sequences of one row each, which share no load of K with their neighbours.
#include "labs/ch18_attention_decoding/flexdecoding/problem.h"

namespace aisp::labs::ch18::flexdecoding {
namespace {

namespace paged = kernels::paged_attention;

struct State {
  machine::ThreadPool pool{1};
  paged::Workspace workspace{pool};
  std::vector<paged::Sequence> sequences;
};

void say_structure(const Shape& shape, std::span<const std::int32_t> tables,
                   std::vector<paged::Sequence>& to) {
  const std::int64_t context = shape.tokens - shape.rows;
  if (shape.kind == Kind::kDocuments) {
    to = shape.documents(tables);
    return;
  }
  to.clear();
  const std::int64_t whole =
      shape.kind == Kind::kPrefix ? std::max<std::int64_t>(0, shape.W - context) : 0;
  for (std::int64_t r = 0; r < whole; ++r) {
    to.push_back({.first_row = r, .rows = 1, .context = shape.W - 1, .blocks = tables});
  }
  if (whole == shape.rows) return;
  to.push_back({.first_row = whole,
                .rows = shape.rows - whole,
                .context = context + whole,
                .blocks = tables});
}

}  // namespace

bench::Technique known_structure() {
  return {.name = "known_structure",
          .summary = "the engine's kernel: windows, sequences and positions instead of a mask",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>();
            return bench::plan_of([state, shape](const bench::Io& io) {
              say_structure(shape, io.in<std::int32_t>(kTables), state->sequences);
              paged::attend(
                  state->workspace,
                  kernels::eager_attention::cache_over(paged::Type::kF32, shape.heads.kv_heads,
                                                       shape.heads.head_size,
                                                       io.in<std::uint8_t>(kBlocks).data()),
                  {.heads = shape.heads.heads, .window = shape.kind == Kind::kWindow ? shape.W : 0},
                  state->sequences,
                  {.q = io.in<float>(kQ).data(), .out = io.out<float>(kO).data()});
            });
          }};
}

}  // namespace aisp::labs::ch18::flexdecoding
