// What torch.cat does, and with it the DynamicCache of Hugging Face transformers, the default of
// generate(): each token allocates a cache one token longer and copies the old one.
// Source: transformers, cache_utils.py, DynamicLayer.update.
#include <cstring>
#include <memory>
#include <span>

#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {
namespace {

using kernels::decode_attention::Run;

class Cache {
 public:
  explicit Cache(std::int64_t width) : width_(width) {}
  void append(const float* k, const float* v, std::int64_t tokens) {
    k_ = concatenated(k_.get(), k, tokens);
    v_ = concatenated(v_.get(), v, tokens);
    tokens_ += tokens;
  }
  std::span<const Run> runs() {
    run_ = {k_.get(), v_.get(), tokens_};
    return {&run_, 1};
  }

 private:
  std::unique_ptr<float[]> concatenated(const float* old, const float* more,
                                        std::int64_t tokens) const {
    const auto before = static_cast<std::size_t>(tokens_ * width_);
    const auto added = static_cast<std::size_t>(tokens * width_);
    auto all = std::make_unique_for_overwrite<float[]>(before + added);
    if (before > 0) std::memcpy(all.get(), old, before * sizeof(float));
    std::memcpy(all.get() + before, more, added * sizeof(float));
    return all;
  }

  std::int64_t width_, tokens_ = 0;
  std::unique_ptr<float[]> k_, v_;  // [tokens, width]
  Run run_;
};

}  // namespace

bench::Technique concatenate() {
  return {.name = "concatenate",
          .summary = "each token copies the cache into one that is longer by one",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            return bench::plan_of([shape, floats = scratch(shape)](const bench::Io& io) mutable {
              serve(shape, io, floats.data(), [&] { return Cache(shape.width); });
            });
          }};
}

}  // namespace aisp::labs::ch13::kv_cache_naive
