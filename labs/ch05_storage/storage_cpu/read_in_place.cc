// Reads straight into the tensor: no buffer to allocate, one copy fewer. The page cache and its
// read-ahead stay.
// Source: llama.cpp, load_all_data for host buffers: file->read_raw(cur->data, n_size).
#include <fcntl.h>

#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {
namespace {

// The kernel copies a chunk while its read-ahead fetches the next: cold, 1 MiB took 14.5 ms where
// one call for all 32 MiB took 17.1; warm, from 64 KiB on the size does not matter.
constexpr std::size_t kChunk = 1 << 20;

}  // namespace

bench::Technique read_in_place() {
  return {.name = "read_in_place",
          .summary = "read straight into the tensor, 1 MiB at a time",
          .blocks = true,
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const File file(io.in_path(0), O_RDONLY);
              read_all(file, destination(io), kChunk);
            });
          }};
}

}  // namespace aisp::labs::ch05::storage_cpu
