// File descriptors that close themselves, and pipes made of them.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace aisp::bench {

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int file) : fd(file) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset(int file = -1) {
    if (fd >= 0) close(fd);
    fd = file;
  }
};

/// A pipe that children do not inherit. Throws Error when no descriptors are left.
inline void make_pipe(Descriptor& read_end, Descriptor& write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    throw Error(std::strerror(errno), "pipe", "close some programs: no descriptors are left");
  }
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
}

}  // namespace aisp::bench
