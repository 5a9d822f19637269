// Reads or writes of one file with a given number of them under way: pread and pwrite for one,
// io_uring for more.
// Source: J. Axboe, "Efficient IO with io_uring" (2019).
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "machine/crew.h"

namespace aisp::machine {

/// Why no ring can be made here; empty where one can.
std::string why_no_ring();

class DiskQueue {
 public:
  /// Buffers of their own, aligned for direct access, on huge pages unless `pages` says otherwise:
  /// the kernel hands a disk one piece for each page that is not beside the one before, and large
  /// direct transfers split (1 MiB at depth 8 from a virtio disk: 1.0 GB/s, on huge pages 2.9).
  /// Throws Error when depth > 1 and io_uring is refused.
  DiskQueue(int depth, std::size_t block_bytes, Pages pages = Pages::kHuge);
  ~DiskQueue();
  DiskQueue(const DiskQueue&) = delete;
  DiskQueue& operator=(const DiskQueue&) = delete;

  /// `count` whole blocks at the places that `offset()` gives. Throws Error when one fails or is
  /// short; none is under way then.
  void transfer(int file, bool write, std::int64_t count,
                const std::function<std::uint64_t()>& offset);

 private:
  void transfer_one(int file, bool write, std::uint64_t offset);
  int reap();

  int depth_;
  std::size_t block_bytes_;
  PageBuffer buffers_;
  io_uring ring_{};
};

}  // namespace aisp::machine
