// Direct I/O through io_uring: many block-sized reads in flight at once, one system call for
// each batch. The queue stays full however small the single read is, which matters on disks that
// need depth.
// Source: J. Axboe, "Efficient IO with io_uring" (2019); liburing.
#include <liburing.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/error.h"
#include "labs/ch05_storage/storage_cpu/problem.h"

namespace aisp::labs::ch05::storage_cpu {
namespace {

// 8 MiB in flight. 512 KiB x 2 gave 2.3 GB/s, x 8 2.8, x 32 2.9; 128 KiB needed 32 to reach 2.6.
constexpr std::size_t kChunk = 512 << 10;
constexpr unsigned kDepth = 16;

bench::WhyNot why_not(const machine::Cpu&) {
  io_uring ring{};
  const int result = io_uring_queue_init(2, &ring, 0);
  if (result != 0) return std::string("io_uring is refused: ") + std::strerror(-result);
  io_uring_queue_exit(&ring);
  return "";
}

// One read in flight: `wanted` bytes of the file from `offset`.
struct Slot {
  std::size_t offset = 0;
  std::size_t wanted = 0;
  std::byte* into = nullptr;
};

class Loader final : public bench::Plan {
 public:
  Loader() : bounce_(allocate_scratch(kDepth * kChunk)) {
    const int result = io_uring_queue_init(kDepth, &ring_, 0);
    if (result != 0) {
      throw Error(std::string("io_uring is refused: ") + std::strerror(-result), "io_uring",
                  "allow io_uring in the container or leave this technique out");
    }
  }
  ~Loader() override { io_uring_queue_exit(&ring_); }

  void run(const bench::Io& io, std::uint64_t iterations) override {
    for (std::uint64_t i = 0; i < iterations; ++i) load(io);
  }

 private:
  void load(const bench::Io& io) {
    const DirectFile file(io.in_path(0));
    alignment_ = file.alignment();
    out_ = destination(io);
    in_place_ = reinterpret_cast<std::uintptr_t>(out_.data()) % alignment_.memory == 0;
    next_ = 0;
    failure_ = 0;
    unsigned in_flight = 0;
    for (unsigned slot = 0; slot < kDepth && next_ < out_.size(); ++slot, ++in_flight) {
      start_next(file, slot);
    }
    // Also after a failure: the kernel writes into the tensor until the last read is done.
    while (in_flight > 0) {
      const int submitted = io_uring_submit_and_wait(&ring_, 1);
      if (submitted < 0 && submitted != -EINTR) {
        check(false, "io_uring lost its queue with reads in flight");
      }
      io_uring_cqe* done = nullptr;
      while (in_flight > 0 && io_uring_peek_cqe(&ring_, &done) == 0) {
        const auto slot =
            static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(io_uring_cqe_get_data(done)));
        const int result = done->res;
        io_uring_cqe_seen(&ring_, done);
        if (!finish(file, slot, result)) --in_flight;
      }
    }
    if (failure_ != 0) {
      throw Error(std::string("direct read failed: ") + std::strerror(failure_), io.in_path(0),
                  "check the disk, or set TMPDIR to a folder on another one");
    }
  }

  // The next chunk of the file. Whole blocks go into the tensor, the rest through the buffer.
  void start_next(const DirectFile& file, unsigned index) {
    Slot& slot = slots_[index];
    const std::size_t left = out_.size() - next_;
    const std::size_t whole = std::min(kChunk, left / alignment_.offset * alignment_.offset);
    const bool direct = in_place_ && whole > 0;
    slot.offset = next_;
    slot.wanted = direct ? whole : std::min(kChunk, left);
    slot.into = direct ? out_.data() + next_ : bounce_.get() + index * kChunk;
    next_ += slot.wanted;
    submit(file, index, direct ? whole : kChunk);
  }

  void submit(const DirectFile& file, unsigned index, std::size_t bytes) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    check(entry != nullptr, "more reads than the queue holds");
    const Slot& slot = slots_[index];
    io_uring_prep_read(entry, file.descriptor(), slot.into, static_cast<unsigned>(bytes),
                       slot.offset);
    io_uring_sqe_set_data(entry, reinterpret_cast<void*>(std::uintptr_t{index}));
  }

  // Handles a completion; true when the slot is in flight again.
  bool finish(const DirectFile& file, unsigned index, int result) {
    Slot& slot = slots_[index];
    if (result == -EINTR || result == -EAGAIN) {
      result = 0;  // nothing read: submitted again below
    } else if (result <= 0) {
      failure_ = result == 0 ? EIO : -result;
    }
    if (failure_ != 0) return false;
    const auto got = std::min(static_cast<std::size_t>(result), slot.wanted);
    const bool bounced = slot.into == bounce_.get() + index * kChunk;
    if (bounced) std::memcpy(out_.data() + slot.offset, slot.into, got);
    if (got < slot.wanted) {  // a short read: the rest again
      slot.offset += got;
      slot.wanted -= got;
      if (!bounced) slot.into += got;
      submit(file, index, bounced ? kChunk : slot.wanted);
      return true;
    }
    if (next_ >= out_.size()) return false;
    start_next(file, index);
    return true;
  }

  io_uring ring_{};
  Scratch bounce_;  // touched only for what cannot go straight into the tensor
  std::array<Slot, kDepth> slots_{};
  std::span<std::byte> out_;
  DirectAlignment alignment_;
  bool in_place_ = false;
  std::size_t next_ = 0;  // first byte that no slot has taken
  int failure_ = 0;       // errno of the first failure
};

}  // namespace

bench::Technique uring_direct() {
  return {.name = "uring_direct",
          .summary = "io_uring, 16 direct reads of 512 KiB in flight, straight into the tensor",
          .blocks = true,
          .needs = why_not,
          .plan = [](const bench::Params&) { return std::make_unique<Loader>(); }};
}

}  // namespace aisp::labs::ch05::storage_cpu
