// Peer: attention as well as it can be composed from oneDNN calls. For a block of queries of one
// head, one sgemm for the scores of the keys it sees (scale folded in), the mask written over the
// triangle at the diagonal, the softmax primitive in place, one sgemm with the values. A decode
// step takes the query heads of a group as the rows of one block. With threads, each takes blocks
// from a shared counter and calls oneDNN on its own: faster than oneDNN's own threads inside such
// small calls. Source: oneDNN 2.6 developer guide, "dnnl_sgemm" and "Softmax".
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "labs/ch10_pipelines/flash_attention/problem.h"
#include "machine/peer_blas.h"
#include "machine/peer_dnn.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch10::flash_attention {
namespace {

// Rows of a block, for the best of this composition: the height of oneDNN's AVX-512 tile. Of 16,
// 32, 48, 64, 128, 256 and 512 it was fastest in every prefill case
// (llama3_8b_group: 3.52, 3.30, 3.29, 3.47, 3.57, 4.40, 5.68 ms).
constexpr std::int64_t kBlock = 48;

/// Rows [first, first + rows) of the queries that lie behind each other from head `head` on.
struct Block {
  std::int64_t head = 0, first = 0, rows = 0, visible = 0;
  bool triangle = false;  // the last `rows` visible keys are hidden above the diagonal
};

std::vector<Block> blocks_of(const Shape& s) {
  std::vector<Block> blocks;
  const std::int64_t share = s.heads / s.kv_heads;
  // Heads of a group lie behind each other: without a mask between them they are rows of one block.
  const bool stacked = !s.causal || s.queries == 1;
  const std::int64_t step = stacked ? share : 1, count = stacked ? share * s.queries : s.queries;
  for (std::int64_t head = 0; head < s.heads; head += step) {
    for (std::int64_t first = 0; first < count; first += kBlock) {
      const std::int64_t rows = std::min(kBlock, count - first);
      blocks.push_back({.head = head,
                        .first = first,
                        .rows = rows,
                        .visible = stacked ? s.keys : first + rows + s.keys - s.queries,
                        .triangle = !stacked});
    }
  }
  // The longest first.
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const Block& a, const Block& b) { return a.visible > b.visible; });
  return blocks;
}

/// What one thread needs: primitives are not shared.
struct Worker {
  std::vector<float> scores;
  std::map<std::pair<std::int64_t, std::int64_t>, machine::DnnPrimitive> softmax;
};

struct Composition {
  Shape shape;
  std::vector<Block> blocks;
  std::vector<Worker> workers;
  machine::PeerUse use;
  machine::ThreadPool pool;

  Composition(const Shape& shape, int threads)
      : shape(shape),
        blocks(blocks_of(shape)),
        workers(static_cast<std::size_t>(threads)),
        use(machine::peer_blas(machine::PeerLibrary::kOneDnn), 1),
        pool(threads) {
    use.blas();  // primitives are made for the number of threads that is set
    for (Worker& worker : workers) {
      std::size_t most = 0;
      for (const Block& block : blocks) {
        most = std::max(most, static_cast<std::size_t>(block.rows * block.visible));
        const auto size = std::pair(block.rows, block.visible);
        if (worker.softmax.find(size) != worker.softmax.end()) continue;
        worker.softmax.emplace(size,
                               machine::DnnPrimitive::softmax({{block.rows, block.visible}, {}}));
      }
      worker.scores.resize(most);
    }
  }

  void run_block(const Block& b, const bench::Io& io, Worker& worker) const {
    const std::int64_t D = shape.D, group = b.head / (shape.heads / shape.kv_heads);
    const std::int64_t at = (b.head * shape.queries + b.first) * D;
    const float* q = io.in<float>(0).data() + at;
    const float* k = io.in<float>(1).data() + group * shape.keys * D;
    const float* v = io.in<float>(2).data() + group * shape.keys * D;
    float* s = worker.scores.data();
    const machine::DnnSgemm first = {.m = b.rows,
                                     .n = b.visible,
                                     .k = D,
                                     .alpha = 1.0f / std::sqrt(static_cast<float>(D)),
                                     .transposed_b = true,
                                     .lda = D,
                                     .ldb = D,
                                     .ldc = b.visible};
    first.run(q, k, s);
    if (b.triangle) {
      for (std::int64_t i = 0; i < b.rows; ++i) {
        std::fill(s + i * b.visible + b.visible - b.rows + i + 1, s + (i + 1) * b.visible,
                  -std::numeric_limits<float>::infinity());
      }
    }
    worker.softmax.at({b.rows, b.visible}).run({s, s});
    const machine::DnnSgemm second = {
        .m = b.rows, .n = D, .k = b.visible, .lda = b.visible, .ldb = D, .ldc = D};
    second.run(s, v, io.out<float>(0).data() + at);
  }

  void run(const bench::Io& io) {
    std::atomic<std::size_t> next{0};
    pool.run([&](int worker) {
      use.blas();  // one thread, for calls from this thread
      for (std::size_t b; (b = next.fetch_add(1, std::memory_order_relaxed)) < blocks.size();) {
        run_block(blocks[b], io, workers[static_cast<std::size_t>(worker)]);
      }
    });
  }
};

}  // namespace

bench::Technique peer(const char* name, const char* summary, int threads) {
  return {.name = name,
          .summary = summary,
          .role = bench::Role::kPeer,
          .threads = threads,
          .needs = [](const machine::Cpu&) { return machine::dnn_why_not(); },
          .plan =
              [threads](const bench::Params& params) {
                auto composition = std::make_shared<Composition>(
                    shape_of(params), threads == 0 ? machine::cpu().cores : threads);
                return bench::plan_of([composition](const bench::Io& io) { composition->run(io); });
              }};
}

bench::Technique onednn() {
  return peer("onednn", "oneDNN: sgemm, softmax primitive, sgemm by blocks of queries", 1);
}

}  // namespace aisp::labs::ch10::flash_attention
