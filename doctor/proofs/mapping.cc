// See mapping.h.
#include "doctor/proofs/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace aisp::doctor {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::uint64_t pattern(std::uint64_t word) { return word * 0x9e3779b97f4a7c15u + 1; }

}  // namespace

Mapping::Mapping(std::size_t bytes, const Options& options) : bytes_(bytes) {
  const bool reserved = options.pages == Pages::kReserved;
  const int how = options.file >= 0 ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS;
  base_bytes_ = reserved ? (bytes + kHugePage - 1) / kHugePage * kHugePage : bytes + kHugePage;
  // The room first, without pages; then the pages at an aligned place in it.
  base_ = mmap(nullptr, base_bytes_, reserved ? PROT_READ | PROT_WRITE : PROT_NONE,
               reserved ? how | MAP_HUGETLB : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base_ == MAP_FAILED) {
    base_ = nullptr;
    throw Error(std::strerror(errno), "mmap", "free some memory");
  }
  data_ = static_cast<std::uint8_t*>(base_);
  if (reserved) return;
  const auto at = reinterpret_cast<std::uintptr_t>(base_);
  data_ += (kHugePage - at % kHugePage) % kHugePage;
  void* const placed = mmap(data_, bytes, PROT_READ | PROT_WRITE, how | MAP_FIXED, options.file, 0);
  bool done = placed != MAP_FAILED;
  if (done && options.pages == Pages::kSmall) madvise(data_, bytes, MADV_NOHUGEPAGE);
  // Refused where the kernel has no huge pages: then the two sides are alike, and measured so.
  if (done && options.pages == Pages::kHuge) madvise(data_, bytes, MADV_HUGEPAGE);
  if (done && options.populate && options.file < 0) {
    for (std::size_t i = 0; i < bytes; i += 4096) data_[i] = 1;
  }
  if (done && options.populate && options.file >= 0) madvise(data_, bytes, MADV_POPULATE_READ);
  if (!done) {
    const int failure = errno;
    munmap(base_, base_bytes_);
    throw Error(std::strerror(failure), "mmap", "free some memory");
  }
}

Mapping::~Mapping() {
  if (base_ != nullptr) munmap(base_, base_bytes_);
}

Mapping::Pages pages_of(const std::string& word) {
  if (word == "asis") return Mapping::Pages::kAsIs;
  if (word == "small") return Mapping::Pages::kSmall;
  if (word == "huge") return Mapping::Pages::kHuge;
  if (word == "reserved") return Mapping::Pages::kReserved;
  throw Error("'" + word + "' is no kind of pages", "workload argument pages", "");
}

File::File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw Error(std::strerror(errno), path, "give a folder that can be written");
}

File::~File() { close(fd_); }

void write_pattern(const std::string& path, std::size_t bytes) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  std::vector<std::uint64_t> block(std::min<std::size_t>(bytes, 1u << 20) / 8);
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t part = std::min(bytes - at, 8 * block.size());
    for (std::size_t i = 0; i < part / 8; ++i) block[i] = pattern(at / 8 + i);
    if (write(file.fd(), block.data(), part) != static_cast<ssize_t>(part)) {
      throw Error(std::strerror(errno), path, "free some space");
    }
    at += part;
  }
  if (fsync(file.fd()) != 0) throw Error(std::strerror(errno), path, "free some space");
}

std::uint64_t expected_sum(std::size_t bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes / 8; ++i) sum += pattern(i);
  return sum;
}

std::uint64_t sum_of(const std::uint8_t* data, std::size_t bytes) {
  std::uint64_t sum = 0, word = 0;
  for (std::size_t i = 0; i + 8 <= bytes; i += 8) {
    std::memcpy(&word, data + i, 8);
    sum += word;
  }
  return sum;
}

void drop_cache(int fd) { posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); }

}  // namespace aisp::doctor
