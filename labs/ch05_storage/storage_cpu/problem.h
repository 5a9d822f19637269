// Loading a weight file into a tensor that is already in memory: out = contents of the file. What
// the techniques share: direct I/O and its alignment.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "bench/lab.h"
#include "machine/page_cache.h"

namespace aisp::labs::ch05::storage_cpu {

using machine::cached_bytes, machine::File, machine::make_cold, machine::make_warm,
    machine::read_all;

/// What direct I/O asks of memory addresses and of file offsets and lengths, in bytes.
struct DirectAlignment {
  std::size_t memory = 4096;
  std::size_t offset = 4096;
};

/// A file open for direct I/O, past the page cache. Throws Error with a remedy where the filesystem
/// has none (tmpfs).
class DirectFile {
 public:
  explicit DirectFile(const char* path);
  int descriptor() const { return file_.descriptor(); }
  std::size_t size_bytes() const { return file_.size_bytes(); }
  /// From statx where kernel and filesystem tell it (Linux 6.1), else a page.
  DirectAlignment alignment() const;
  /// Reads up to `into.size()` bytes from `offset`; 0 at the end of the file. Both must be aligned.
  std::size_t read(std::span<std::byte> into, std::size_t offset) const;

 private:
  File file_;
};

/// Page-aligned scratch for direct I/O; uninitialized.
struct FreeDeleter {
  void operator()(std::byte* memory) const;
};
using Scratch = std::unique_ptr<std::byte[], FreeDeleter>;
Scratch allocate_scratch(std::size_t bytes);

/// The destination as bytes.
inline std::span<std::byte> destination(const bench::Io& io) {
  return std::as_writable_bytes(io.out<bf16>(0));
}

bench::Technique read_fresh();
bench::Technique read_in_place();
bench::Technique mmap_copy();
bench::Technique mmap_populate();
bench::Technique direct_pread();
bench::Technique uring_direct();

}  // namespace aisp::labs::ch05::storage_cpu
