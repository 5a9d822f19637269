// The baseline: what a staging buffer allocated for each transfer costs. A large malloc is an
// mmap and its free an munmap, so every 4 KiB page of the destination is a page fault: enter the
// kernel, find a page, zero it, map it. Releasing the pages inside the call stands for the
// free() of the last buffer: the kernel does the same work to both.
// Source: glibc's malloc, M_MMAP_THRESHOLD (128 KiB, at most 32 MiB); torch.empty() on the CPU
// takes the same path for each large tensor.
#include <cstring>

#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {

bench::Technique fresh_pages() {
  return {.name = "fresh_pages",
          .summary = "memcpy into newly allocated memory, 4 KiB pages",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const auto in = io.in<float>(0);
              const auto out = io.out<float>(0);
              release_pages(out);
              std::memcpy(out.data(), in.data(), in.size_bytes());
            });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer
