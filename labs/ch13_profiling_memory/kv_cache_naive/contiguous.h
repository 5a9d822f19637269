// A cache whose whole length is there from the beginning; preallocated.cc and pooled.cc differ in
// where that memory comes from.
#pragma once

#include <cstring>
#include <span>

#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {

class ContiguousCache {
 public:
  /// k and v have room for the longest sequence and outlive the cache.
  ContiguousCache(float* k, float* v, std::int64_t width) : k_(k), v_(v), width_(width) {}
  void append(const float* k, const float* v, std::int64_t tokens) {
    const auto bytes = static_cast<std::size_t>(tokens * width_) * sizeof(float);
    std::memcpy(k_ + tokens_ * width_, k, bytes);
    std::memcpy(v_ + tokens_ * width_, v, bytes);
    tokens_ += tokens;
  }
  std::span<const kernels::decode_attention::Run> runs() {
    run_ = {k_, v_, tokens_};
    return {&run_, 1};
  }

 private:
  float* k_;  // [longest, width]
  float* v_;
  std::int64_t width_, tokens_ = 0;
  kernels::decode_attention::Run run_;
};

}  // namespace aisp::labs::ch13::kv_cache_naive
