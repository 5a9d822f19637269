// Buffers of the whole length that live as long as the server: a request borrows a pair and gives
// it back. No allocation and no fresh pages after the start.
#include <vector>

#include "labs/ch13_profiling_memory/kv_cache_naive/contiguous.h"
#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {
namespace {

/// Buffers that are not in use, the most recently used last: it is the one still in the caches.
class Pool {
 public:
  Pool(std::size_t buffers, std::size_t size) : free_(buffers) {
    for (auto& buffer : free_) buffer.resize(size);
  }
  std::vector<float> take() {
    std::vector<float> buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void give_back(std::vector<float> buffer) { free_.push_back(std::move(buffer)); }

 private:
  std::vector<std::vector<float>> free_;
};

class Cache : public ContiguousCache {
 public:
  Cache(Pool& pool, std::int64_t width) : Cache(pool, pool.take(), pool.take(), width) {}
  ~Cache() {
    pool_.give_back(std::move(v_));
    pool_.give_back(std::move(k_));
  }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

 private:
  Cache(Pool& pool, std::vector<float> k, std::vector<float> v, std::int64_t width)
      : ContiguousCache(k.data(), v.data(), width),
        pool_(pool),
        k_(std::move(k)),
        v_(std::move(v)) {}
  Pool& pool_;
  std::vector<float> k_, v_;
};

}  // namespace

bench::Technique pooled() {
  return {.name = "pooled",
          .summary = "requests borrow buffers of the whole length",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            Pool pool(4, static_cast<std::size_t>(shape.tokens() * shape.width));
            return bench::plan_of([shape, floats = scratch(shape),
                                   pool = std::move(pool)](const bench::Io& io) mutable {
              serve(shape, io, floats.data(), [&] { return Cache(pool, shape.width); });
            });
          }};
}

}  // namespace aisp::labs::ch13::kv_cache_naive
