// A file of weights, mapped for reading: pages come from the page cache when they are touched.
#pragma once

#include <cstddef>
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

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace aisp::model
