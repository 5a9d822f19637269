// The engine's cache in one of its types; with f32 it is what the others are measured by.
#include "labs/ch19_low_precision/dynamic_quantized_cache/problem.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {
namespace {

namespace paged = kernels::paged_attention;
namespace eager = kernels::eager_attention;

class InBlocks {
 public:
  InBlocks(const Shape& shape, paged::Type type, int threads)
      : heads_(shape.heads),
        pool_(threads),
        workspace_(pool_),
        cache_{.type = type, .kv_heads = shape.heads.kv_heads, .head_size = shape.heads.head_size},
        scattered_{.sequences = 1, .longest = shape.tokens()},
        table_(static_cast<std::size_t>(scattered_.table())),
        memory_(static_cast<std::size_t>(
            scattered_.blocks() *
            paged::block_bytes(type, shape.heads.kv_heads, shape.heads.head_size))) {
    memory_.fill();
    cache_.data = memory_.data();
    eager::deal_blocks(scattered_, 1, table_);
  }

  void append(const float* k, const float* v, std::int64_t first, std::int64_t count) {
    const paged::Sequence rows{.rows = count, .context = first, .blocks = table_};
    paged::append(cache_, {&rows, 1}, k, v, 0, pool_);
  }
  void attend(const float* q, std::int64_t tokens, float* out) {
    const paged::Sequence row{.rows = 1, .context = tokens - 1, .blocks = table_};
    paged::attend(workspace_, cache_, {.heads = heads_.heads}, {&row, 1}, {.q = q, .out = out});
  }

 private:
  eager::Heads heads_;
  machine::ThreadPool pool_;
  paged::Workspace workspace_;
  paged::Cache cache_;
  eager::Scattered scattered_;
  std::vector<std::int32_t> table_;
  machine::PageBuffer memory_;
};

}  // namespace

bench::Technique in_blocks(const char* name, const char* summary, paged::Type type, int threads) {
  return serving(name, summary, threads, [type, threads](const Shape& shape) {
    return std::make_shared<InBlocks>(shape, type, threads);
  });
}

bench::Technique f32_blocks() {
  return in_blocks("f32_blocks", "the engine's cache in f32", paged::Type::kF32, 1);
}

}  // namespace aisp::labs::ch19::dynamic_quantized_cache
