// A copy of a buffer from one place in memory to another: out[i] = in[i]. What the techniques
// share: the state of the destination's pages, and the adapter to the copy kernel.
// Params: count (floats); to_gpu (1: in lies in ordinary host memory, the same values again in
// page-locked memory, and out in the GPU's).
#pragma once

#include <cstddef>
#include <span>

#include "bench/lab.h"
#include "kernels/copy/copy.h"

namespace aisp::labs::ch02::memory_transfer {

enum Input : std::size_t { kIn, kInPinned };

/// The whole pages of `page_bytes` strictly inside `data`: what may be released without touching
/// anything that shares the first or the last page. Empty when there is none.
std::span<std::byte> whole_pages(std::span<float> data, std::size_t page_bytes);

/// Gives the whole pages inside `data` back to the system, as free() of a large block does: the
/// next write to each finds a page that has to be found, zeroed and mapped. Their contents become
/// zero; every byte outside is untouched. Throws Error when the system refuses.
void release_pages(std::span<float> data);

/// Advises transparent huge pages for the whole pages inside `data`, or against them.
void advise_huge_pages(std::span<float> data, bool wanted);

/// Brings `data` into the state in which every call begins: resident, in small pages, contents
/// kept. Free when it is so already; otherwise one copy out and one back.
void make_resident_in_small_pages(std::span<float> data);

/// Bytes of `data`'s mappings that huge pages back, from /proc/self/smaps; -1 when unreadable.
std::ptrdiff_t huge_page_bytes(std::span<const float> data);

/// A technique that runs one variant of the copy kernel with non-temporal stores: the destination
/// goes to memory without being read first and without displacing anything from the caches.
bench::Technique streaming(const char* name, const char* summary, const char* variant);

bench::Technique fresh_pages();
bench::Technique fresh_populated();
bench::Technique fresh_huge_pages();
bench::Technique reused();
bench::Technique streaming_avx2();
bench::Technique streaming_avx512();
bench::Technique streaming_threads();

// To the GPU.
std::unique_ptr<bench::Plan> plan_to_gpu_pageable(const bench::Params&);
std::unique_ptr<bench::Plan> plan_to_gpu_staged(const bench::Params&);
std::unique_ptr<bench::Plan> plan_to_gpu_pinned(const bench::Params&);
std::unique_ptr<bench::Plan> plan_to_gpu_kernel(const bench::Params&);

}  // namespace aisp::labs::ch02::memory_transfer
