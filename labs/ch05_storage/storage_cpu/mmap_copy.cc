// Maps the file and copies: the kernel brings pages in around each fault, 16 at a time when they
// are cached, by read-ahead when they are not.
// Source: llama.cpp's default, use_mmap, when the tensor then goes to another buffer;
// safetensors.
#include "labs/ch05_storage/storage_cpu/mapped_copy.h"

namespace aisp::labs::ch05::storage_cpu {

bench::Technique mmap_copy() {
  return {.name = "mmap_copy",
          .summary = "map the file, copy it into the tensor as the faults come",
          .blocks = true,
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) { copy_mapped(io, 0); });
          }};
}

}  // namespace aisp::labs::ch05::storage_cpu
