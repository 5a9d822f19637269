// The engine's own: blocks of 32 tokens that serve::BlockPool hands out, written and read by
// kernels/paged_attention, which keeps K transposed within a block. The same problem as the other
// techniques have, by another attention kernel: its time says what blocks cost the engine, its
// ratio to `paged` what the kernel gains.
#include <algorithm>
#include <cmath>

#include "kernels/paged_attention/paged_attention.h"
#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"
#include "machine/crew.h"
#include "serve/block_pool.h"

namespace aisp::labs::ch13::kv_cache_naive {
namespace {

namespace attention = kernels::paged_attention;

/// Heads of the size that the kernel computes, a multiple of 16. Sizes of real models are; only the
/// odd ones of tests are copied, with zeros behind.
class Heads {
 public:
  explicit Heads(std::int64_t size) : size_(size), padded_((size + 15) / 16 * 16) {}
  std::int64_t padded() const { return padded_; }
  bool same() const { return size_ == padded_; }
  const float* widen(const float* from, std::int64_t heads, std::vector<float>& to) const {
    if (same()) return from;
    to.assign(static_cast<std::size_t>(heads * padded_), 0.0f);
    for (std::int64_t h = 0; h < heads; ++h) {
      std::copy_n(from + h * size_, size_, to.data() + h * padded_);
    }
    return to.data();
  }
  void narrow(const std::vector<float>& from, std::int64_t heads, float* to) const {
    for (std::int64_t h = 0; h < heads; ++h) {
      std::copy_n(from.data() + h * padded_, size_, to + h * size_);
    }
  }

 private:
  std::int64_t size_, padded_;
};

class Server {
 public:
  explicit Server(const Shape& shape)
      : shape_(shape),
        heads_(shape.heads.head_size),
        block_bytes_(
            attention::block_bytes(attention::Type::kF32, shape.heads.kv_heads, heads_.padded())),
        most_blocks_((shape.tokens() + attention::kBlockTokens - 1) / attention::kBlockTokens),
        memory_(static_cast<std::size_t>(most_blocks_ * block_bytes_)),
        blocks_(static_cast<int>(most_blocks_)),
        out_(static_cast<std::size_t>(shape.heads.heads * heads_.padded())) {}

  void run(const bench::Io& io) {
    for (std::int64_t r = 0; r < shape_.requests; ++r) {
      const Request at = request(shape_, io, r);
      append(at.prompt_k, at.prompt_v, shape_.prompt);
      for (std::int64_t s = 0; s < shape_.steps; ++s) {
        append(at.k + s * shape_.width, at.v + s * shape_.width, 1);
        attend(at.q + s * shape_.q_width, at.o + s * shape_.q_width);
      }
      for (const std::int32_t id : table_) blocks_.drop(id);
      table_.clear();
      tokens_ = 0;
    }
  }

 private:
  attention::Cache cache() const {
    return {.type = attention::Type::kF32,
            .kv_heads = shape_.heads.kv_heads,
            .head_size = heads_.padded(),
            .data = memory_.data()};
  }

  void append(const float* k, const float* v, std::int64_t rows) {
    while (static_cast<std::int64_t>(table_.size()) * attention::kBlockTokens < tokens_ + rows) {
      table_.push_back(blocks_.take());
    }
    const std::int64_t heads = rows * shape_.heads.kv_heads;
    const attention::Sequence sequence{.rows = rows, .context = tokens_, .blocks = table_};
    attention::append(cache(), {&sequence, 1}, heads_.widen(k, heads, k_),
                      heads_.widen(v, heads, v_), 0, pool_);
    tokens_ += rows;
  }

  void attend(const float* q, float* o) {
    const attention::Options options{
        .heads = shape_.heads.heads,
        .scale = 1.0f / std::sqrt(static_cast<float>(shape_.heads.head_size))};
    const attention::Sequence sequence{.rows = 1, .context = tokens_ - 1, .blocks = table_};
    float* const out = heads_.same() ? o : out_.data();
    attention::attend(workspace_, cache(), options, {&sequence, 1},
                      {.q = heads_.widen(q, shape_.heads.heads, q_), .out = out});
    if (!heads_.same()) heads_.narrow(out_, shape_.heads.heads, o);
  }

  Shape shape_;
  Heads heads_;
  std::int64_t block_bytes_, most_blocks_;
  machine::PageBuffer memory_;
  serve::BlockPool blocks_;
  machine::ThreadPool pool_{1};
  attention::Workspace workspace_{pool_};
  std::vector<std::int32_t> table_;  // of the request being served
  std::int64_t tokens_ = 0;
  std::vector<float> k_, v_, q_, out_;  // padded heads
};

}  // namespace

bench::Technique engine_blocks() {
  return {.name = "engine_blocks",
          .summary = "the engine's block pool and attention over pages",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([server = std::make_shared<Server>(Shape(params))](
                                      const bench::Io& io) { server->run(io); });
          }};
}

}  // namespace aisp::labs::ch13::kv_cache_naive
