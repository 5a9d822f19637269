// Loading a weight file into a tensor that is already in memory: out = contents of the file. What
// the techniques share: an open file, reading all of it, direct I/O, and the state of the page
// cache.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "bench/lab.h"

namespace aisp::labs::ch05::storage_cpu {

/// An open file; closes itself.
class File {
 public:
  /// Throws Error when the file cannot be opened. `flags`: those of open(2).
  File(const char* path, int flags);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const { return descriptor_; }
  std::size_t size_bytes() const;

 private:
  int descriptor_ = -1;
};

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

/// read(2) until `into` is full, `chunk_bytes` at a time. Throws Error at an early end or an I/O
/// error.
void read_all(const File& file, std::span<std::byte> into, std::size_t chunk_bytes);

/// How many bytes of the file are in the page cache (by whole pages).
std::size_t cached_bytes(const char* path);

/// Removes the file from the page cache. Throws Error when it stays, as on a filesystem that lives
/// in memory: a cold result from there would be a lie.
void make_cold(const char* path);

/// Brings the whole file into the page cache; free when it is there already.
void make_warm(const char* path);

bench::Technique read_fresh();
bench::Technique read_in_place();
bench::Technique mmap_copy();
bench::Technique mmap_populate();
bench::Technique direct_pread();
bench::Technique uring_direct();

}  // namespace aisp::labs::ch05::storage_cpu
