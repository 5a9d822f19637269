// Copies on the GPU: a grid that covers the buffer once, each thread moving kEach words of type
// Word. The words of a thread lie a block apart, so that at every step the lanes of a warp ask for
// neighbours; all loads are on their way before the first store.
#pragma once

#include <algorithm>

#include "labs/ch07_memory_access/copy/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::copy {

inline constexpr int kThreads = 256;  // 8 blocks fill a multiprocessor

/// 32 bytes, the book's vector: two instructions of 16 bytes on this architecture.
struct alignas(32) Word32 {
  float4 low, high;
};

enum class Cache { kKeep, kStream };

template <Cache kCache, class Word>
__device__ Word load(const Word* from) {
  if constexpr (kCache == Cache::kStream) return __ldcs(from);
  return *from;
}
template <Cache kCache, class Word>
__device__ void store(Word* to, const Word& word) {
  if constexpr (kCache == Cache::kStream) {
    __stcs(to, word);
  } else {
    *to = word;
  }
}

/// words: whole ones; rest: the floats after them, fewer than a word's.
template <class Word, int kEach, Cache kCache>
__global__ void __launch_bounds__(kThreads)
    copy_words(const Word* from, Word* to, std::int64_t words, int rest) {
  const std::int64_t first = std::int64_t{blockIdx.x} * (kThreads * kEach) + threadIdx.x;
  Word word[kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (first + i * kThreads < words) word[i] = load<kCache>(from + first + i * kThreads);
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (first + i * kThreads < words) store<kCache>(to + first + i * kThreads, word[i]);
  }
  if (blockIdx.x == 0 && threadIdx.x < rest) {
    const auto at = static_cast<std::int64_t>(sizeof(Word) / sizeof(float)) * words + threadIdx.x;
    reinterpret_cast<float*>(to)[at] = reinterpret_cast<const float*>(from)[at];
  }
}

template <class Word, int kEach, Cache kCache = Cache::kKeep>
std::unique_ptr<bench::Plan> plan_words(const bench::Params& params) {
  constexpr std::int64_t kFloats = sizeof(Word) / sizeof(float);
  const std::int64_t words = params["count"] / kFloats;
  const int rest = static_cast<int>(params["count"] % kFloats);
  constexpr std::int64_t kBlock = kThreads * kEach;
  const auto blocks =
      static_cast<unsigned>(std::max<std::int64_t>((words + kBlock - 1) / kBlock, 1));
  return bench::plan_of([words, rest, blocks](const bench::Io& io) {
    copy_words<Word, kEach, kCache><<<blocks, kThreads, 0, io.stream()>>>(
        reinterpret_cast<const Word*>(io.in<float>(0).data()),
        reinterpret_cast<Word*>(io.out<float>(0).data()), words, rest);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::copy
