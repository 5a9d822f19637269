// See disk_queue.h.
#include "machine/disk_queue.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/error.h"

namespace aisp::machine {
namespace {

[[noreturn]] void fail(int problem) {
  throw Error(std::string("the disk answers: ") + std::strerror(problem), "", "");
}

}  // namespace

std::string why_no_ring() {
  io_uring ring{};
  const int result = io_uring_queue_init(2, &ring, 0);
  if (result != 0) return std::string("io_uring is refused: ") + std::strerror(-result);
  io_uring_queue_exit(&ring);
  return "";
}

DiskQueue::DiskQueue(int depth, std::size_t block_bytes, Pages pages)
    : depth_(depth),
      block_bytes_(block_bytes),
      buffers_(static_cast<std::size_t>(depth) * block_bytes, pages) {
  buffers_.fill();
  if (depth_ == 1) return;
  const int result = io_uring_queue_init(static_cast<unsigned>(depth), &ring_, 0);
  if (result != 0) {
    throw Error(std::string("io_uring is refused: ") + std::strerror(-result), "", "");
  }
}

DiskQueue::~DiskQueue() {
  if (depth_ > 1) io_uring_queue_exit(&ring_);
}

void DiskQueue::transfer_one(int file, bool write, std::uint64_t offset) {
  ssize_t moved;
  do {
    moved = write ? pwrite(file, buffers_.data(), block_bytes_, static_cast<off_t>(offset))
                  : pread(file, buffers_.data(), block_bytes_, static_cast<off_t>(offset));
  } while (moved < 0 && errno == EINTR);
  if (moved != static_cast<ssize_t>(block_bytes_)) fail(moved < 0 ? errno : EIO);
}

// Waits for one; its buffer is free again. A failure is kept as a negative number.
int DiskQueue::reap() {
  io_uring_cqe* done = nullptr;
  int waited;
  do waited = io_uring_wait_cqe(&ring_, &done);
  while (waited == -EINTR);
  check(waited == 0, "io_uring lost its queue");
  const auto slot = static_cast<int>(reinterpret_cast<std::intptr_t>(io_uring_cqe_get_data(done)));
  const int result = done->res;
  io_uring_cqe_seen(&ring_, done);
  if (result == static_cast<int>(block_bytes_)) return slot;
  return result < 0 ? result : -EIO;
}

void DiskQueue::transfer(int file, bool write, std::int64_t count,
                         const std::function<std::uint64_t()>& offset) {
  if (depth_ == 1) {
    for (std::int64_t i = 0; i < count; ++i) transfer_one(file, write, offset());
    return;
  }
  std::int64_t begun = 0;
  int under_way = 0, problem = 0;
  const auto begin = [&](int slot) {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    check(entry != nullptr, "more under way than the queue holds");
    std::byte* const buffer = buffers_.data() + static_cast<std::size_t>(slot) * block_bytes_;
    const auto size = static_cast<unsigned>(block_bytes_);
    if (write) {
      io_uring_prep_write(entry, file, buffer, size, offset());
    } else {
      io_uring_prep_read(entry, file, buffer, size, offset());
    }
    io_uring_sqe_set_data(entry, reinterpret_cast<void*>(static_cast<std::intptr_t>(slot)));
    ++begun;
    ++under_way;
  };
  for (int slot = 0; slot < depth_ && begun < count; ++slot) begin(slot);
  // Also after a failure: the kernel writes into the buffers until the last one is done.
  while (under_way > 0) {
    const int submitted = io_uring_submit(&ring_);
    check(submitted >= 0 || submitted == -EINTR || submitted == -EAGAIN || submitted == -EBUSY,
          "io_uring lost its queue");
    const int slot = reap();
    --under_way;
    if (slot < 0) problem = -slot;
    if (problem == 0 && begun < count) begin(slot);
  }
  if (problem != 0) fail(problem);
}

}  // namespace aisp::machine
