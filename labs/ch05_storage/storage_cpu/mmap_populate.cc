// Maps the file with MAP_POPULATE: one call brings all pages in and maps them, then the copy runs
// without a fault. Reading and copying no longer overlap.
// Source: llama.cpp's llama_mmap with prefetch (MAP_POPULATE).
#include "labs/ch05_storage/storage_cpu/mapped_copy.h"

namespace aisp::labs::ch05::storage_cpu {

bench::Technique mmap_populate() {
  return {.name = "mmap_populate",
          .summary = "map the file with all pages brought in, then copy",
          .blocks = true,
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) { copy_mapped(io, MAP_POPULATE); });
          }};
}

}  // namespace aisp::labs::ch05::storage_cpu
