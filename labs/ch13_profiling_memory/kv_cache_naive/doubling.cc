// A growing array: when it is full, one twice as long takes over. Each token is copied once more on
// average instead of once a step.
#include <span>
#include <vector>

#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {
namespace {

using kernels::decode_attention::Run;

class Cache {
 public:
  explicit Cache(std::int64_t width) : width_(width) {}
  void append(const float* k, const float* v, std::int64_t tokens) {
    k_.insert(k_.end(), k, k + tokens * width_);
    v_.insert(v_.end(), v, v + tokens * width_);
    tokens_ += tokens;
  }
  std::span<const Run> runs() {
    run_ = {k_.data(), v_.data(), tokens_};
    return {&run_, 1};
  }

 private:
  std::int64_t width_, tokens_ = 0;
  std::vector<float> k_, v_;  // [tokens, width]
  Run run_;
};

}  // namespace

bench::Technique doubling() {
  return {.name = "doubling",
          .summary = "std::vector: twice the memory when it is full",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            return bench::plan_of([shape, floats = scratch(shape)](const bench::Io& io) mutable {
              serve(shape, io, floats.data(), [&] { return Cache(shape.width); });
            });
          }};
}

}  // namespace aisp::labs::ch13::kv_cache_naive
