// See mapped_file.h.
#include "model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "machine/descriptors.h"

namespace aisp::model {

MappedFile::MappedFile(const std::string& path) {
  const machine::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) {
    throw Error(std::string("cannot be read: ") + std::strerror(errno), path,
                "name a model file or a folder with one");
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error("is no regular file", path, "name a model file or a folder with one");
  }
  modified_ns_ = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  owner_ = status.st_uid;
  mode_ = status.st_mode;
  if (status.st_size == 0) return;
  void* const map =
      mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED) {
    throw Error(std::string("cannot be mapped: ") + std::strerror(errno), path,
                "free address space or memory");
  }
  data_ = static_cast<const std::byte*>(map);
  size_ = static_cast<std::size_t>(status.st_size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      modified_ns_(other.modified_ns_),
      owner_(other.owner_),
      mode_(other.mode_) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::want_huge_pages() const {
#if defined(MADV_HUGEPAGE)
  // Refused where the kernel has none: no matter.
  if (data_ != nullptr) madvise(const_cast<std::byte*>(data_), size_, MADV_HUGEPAGE);
#endif
}

}  // namespace aisp::model
