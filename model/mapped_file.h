// A file of weights, mapped for reading: pages come from the page cache when they are touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace aisp::model {

class MappedFile {
 public:
  /// Throws Error when it cannot be opened or is no regular file. An empty file has no bytes. Who
  /// cuts the file short while it is mapped ends the program (SIGBUS): replace files by renaming.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// As it was opened: when its bytes last changed, in ns since 1970; whose it is; who may read it.
  std::int64_t modified_ns() const { return modified_ns_; }
  std::uint32_t owner() const { return owner_; }
  std::uint32_t mode() const { return mode_; }
  /// Asks for pages of 2 MiB, where the file system has such pages in its cache.
  void want_huge_pages() const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::int64_t modified_ns_ = 0;
  std::uint32_t owner_ = 0, mode_ = 0;
};

}  // namespace aisp::model
