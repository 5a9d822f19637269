// Maps the file and copies it into the tensor; `mmap_copy` and `mmap_populate` differ in one flag.
// MADV_SEQUENTIAL is not used: on Linux 6.18 with 8 MiB of read-ahead it took 650 ms instead of 33.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"
#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {

inline void copy_mapped(const bench::Io& io, int extra_flags) {
  const auto out = destination(io);
  const File file(io.in_path(0), O_RDONLY);
  if (file.size_bytes() < out.size()) {  // touching a page beyond the end would be a SIGBUS
    throw Error("the file is shorter than its tensor", io.in_path(0), "write it again");
  }
  void* memory =
      mmap(nullptr, out.size(), PROT_READ, MAP_PRIVATE | extra_flags, file.descriptor(), 0);
  if (memory == MAP_FAILED) {
    throw Error(std::string("cannot map: ") + std::strerror(errno), io.in_path(0),
                "check the file");
  }
  std::memcpy(out.data(), memory, out.size());
  munmap(memory, out.size());
}

}  // namespace aisp::labs::ch05::storage_cpu
