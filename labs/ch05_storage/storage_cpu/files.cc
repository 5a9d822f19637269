// Direct I/O. See problem.h.
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"
#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {
namespace {

constexpr const char* kOtherDisk = "set TMPDIR to a folder on a disk (ext4, xfs, btrfs)";

std::string system_error() { return std::strerror(errno); }

}  // namespace

DirectFile::DirectFile(const char* path) try : file_(path, O_RDONLY | O_DIRECT) {
} catch (const Error& error) {
  throw Error("no direct I/O here: " + error.problem(), path, kOtherDisk);
}

DirectAlignment DirectFile::alignment() const {
  DirectAlignment alignment;
#ifdef STATX_DIOALIGN
  struct statx status {};
  // By number: the C library's wrapper has its own struct, without these fields before 2.37.
  if (syscall(SYS_statx, file_.descriptor(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0 && status.stx_dio_offset_align != 0) {
    alignment.memory = status.stx_dio_mem_align;
    alignment.offset = status.stx_dio_offset_align;
  }
#endif
  return alignment;
}

std::size_t DirectFile::read(std::span<std::byte> into, std::size_t offset) const {
  for (;;) {
    const ssize_t got = pread(descriptor(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw Error("direct read failed: " + system_error(), "pread", kOtherDisk);
  }
}

void FreeDeleter::operator()(std::byte* memory) const { std::free(memory); }

Scratch allocate_scratch(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  void* memory = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
  if (memory == nullptr) throw std::bad_alloc();
  return Scratch(static_cast<std::byte*>(memory));
}

}  // namespace aisp::labs::ch05::storage_cpu
