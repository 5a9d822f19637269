// Each request allocates its cache once, for the most tokens that it can reach (transformers'
// StaticCache), and frees it at its end.
#include <memory>

#include "labs/ch13_profiling_memory/kv_cache_naive/contiguous.h"
#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {
namespace {

struct Cache : ContiguousCache {
  Cache(std::unique_ptr<float[]> k, std::unique_ptr<float[]> v, std::int64_t width)
      : ContiguousCache(k.get(), v.get(), width), own_k(std::move(k)), own_v(std::move(v)) {}
  std::unique_ptr<float[]> own_k, own_v;
};

}  // namespace

bench::Technique preallocated() {
  return {.name = "preallocated",
          .summary = "each request allocates the whole length once",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            return bench::plan_of([shape, floats = scratch(shape)](const bench::Io& io) mutable {
              serve(shape, io, floats.data(), [&] {
                const auto size = static_cast<std::size_t>(shape.tokens() * shape.width);
                return Cache(std::make_unique_for_overwrite<float[]>(size),
                             std::make_unique_for_overwrite<float[]>(size), shape.width);
              });
            });
          }};
}

}  // namespace aisp::labs::ch13::kv_cache_naive
