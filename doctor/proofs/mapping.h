// Memory and files that go when their owner goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace aisp::doctor {

/// Anonymous pages (or a file's, privately) in a mapping of their own, aligned to 2 MiB.
class Mapping {
 public:
  enum class Pages { kAsIs, kSmall, kHuge, kReserved };
  struct Options {
    Pages pages = Pages::kAsIs;  // kReserved: from the pool of /proc/sys/vm/nr_hugepages
    bool populate = false;       // pages are there when it returns
    int file = -1;               // descriptor; -1: anonymous
  };
  /// Throws Error when the system refuses.
  Mapping(std::size_t bytes, const Options& options);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return bytes_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t bytes_ = 0;
  void* base_ = nullptr;
  std::size_t base_bytes_ = 0;
};

/// "asis", "small", "huge", "reserved"; throws Error otherwise.
Mapping::Pages pages_of(const std::string& word);

/// A file descriptor. Throws Error when it cannot be opened.
class File {
 public:
  File(const std::string& path, int flags);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

/// Writes a file of `bytes` of a pattern that depends on the place (expected_sum() knows it), and
/// syncs it. Throws Error on a full disk.
void write_pattern(const std::string& path, std::size_t bytes);
/// The sum that sum_of() has over the pattern's first `bytes`, a multiple of 8.
std::uint64_t expected_sum(std::size_t bytes);
/// Sum of 64-bit words.
std::uint64_t sum_of(const std::uint8_t* data, std::size_t bytes);
/// Drops the file from the page cache; its pages must be clean.
void drop_cache(int fd);

}  // namespace aisp::doctor
