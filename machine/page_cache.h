// Files read with the page cache in a known state: cold, nothing of the file in memory, or warm,
// all of it. For labs and probes about storage.
// Source: posix_fadvise(2), mincore(2).
#pragma once

#include <cstddef>
#include <span>

namespace aisp::machine {

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

/// read(2) until `into` is full, `chunk_bytes` at a time. Throws Error at an early end or an I/O
/// error.
void read_all(const File& file, std::span<std::byte> into, std::size_t chunk_bytes);

/// pread(2) from `offset` until `into` is full. Throws Error as read_all does.
void read_at(const File& file, std::span<std::byte> into, std::size_t offset);

/// How many bytes of the file are in the page cache (by whole pages).
std::size_t cached_bytes(const char* path);

/// Removes the file from the page cache. Throws Error when it stays, as on a filesystem that lives
/// in memory: a cold result from there would be a lie.
void make_cold(const char* path);

/// Brings the whole file into the page cache; free when it is there already.
void make_warm(const char* path);

}  // namespace aisp::machine
