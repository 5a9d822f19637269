// Reads past the page cache through io_uring: depth of the queue, buffers pinned once or each time.
// Source: io_uring(7), io_uring_register(2); open(2), O_DIRECT.
#include <fcntl.h>
#include <fmt/format.h>
#include <liburing.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "doctor/proofs/mapping.h"
#include "doctor/proofs/workload.h"

namespace aisp::doctor {
namespace {

// Random blocks of one file, `depth` in flight.
class Reads {
 public:
  explicit Reads(const Arguments& arguments)
      : block_(arguments.size("block", 65536)),
        count_(arguments.size("reads", 64)),
        depth_(static_cast<unsigned>(arguments.size("depth", 1))),
        pinned_(arguments.flag("pinned")),
        bytes_(arguments.size("bytes", 32 << 20)),
        path_(arguments.scratch() + "/direct"),
        buffers_(block_ * depth_, {Mapping::Pages::kAsIs, true}) {
    write_pattern(path_, bytes_);
    file_ = std::make_unique<File>(path_, O_RDONLY | O_DIRECT);
    int problem = io_uring_queue_init(depth_, &ring_, 0);
    if (problem < 0) {
      throw Error(std::strerror(-problem), "io_uring", "allow it (kernel.io_uring_disabled)");
    }
    if (!pinned_) return;
    std::vector<iovec> parts;
    for (unsigned i = 0; i < depth_; ++i) parts.push_back({buffers_.data() + i * block_, block_});
    problem = io_uring_register_buffers(&ring_, parts.data(), depth_);
    if (problem == 0) return;
    io_uring_queue_exit(&ring_);
    throw Error(std::strerror(-problem), "pinning io_uring's buffers",
                "raise the limit (ulimit -l)");
  }
  ~Reads() { io_uring_queue_exit(&ring_); }
  Reads(const Reads&) = delete;
  Reads& operator=(const Reads&) = delete;

  void pass() {
    std::size_t begun = 0, done = 0;
    for (unsigned i = 0; i < depth_ && begun < count_; ++i, ++begun) ask(i);
    while (done < count_) {
      if (io_uring_submit_and_wait(&ring_, 1) < 0) break;
      io_uring_cqe* answer = nullptr;
      while (io_uring_peek_cqe(&ring_, &answer) == 0) {
        const auto slot = static_cast<unsigned>(io_uring_cqe_get_data64(answer));
        if (answer->res != static_cast<int>(block_)) right = false;
        io_uring_cqe_seen(&ring_, answer);
        ++done;
        if (begun < count_) {
          ask(slot);
          ++begun;
        }
      }
    }
  }
  std::size_t bytes_a_pass() const { return block_ * count_; }
  bool right = true;

 private:
  void ask(unsigned slot) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const std::size_t at = static_cast<std::size_t>(state_ >> 33) % (bytes_ / block_) * block_;
    io_uring_sqe* const question = io_uring_get_sqe(&ring_);
    std::uint8_t* const to = buffers_.data() + slot * block_;
    if (pinned_) {
      io_uring_prep_read_fixed(question, file_->fd(), to, static_cast<unsigned>(block_), at,
                               static_cast<int>(slot));
    } else {
      io_uring_prep_read(question, file_->fd(), to, static_cast<unsigned>(block_), at);
    }
    io_uring_sqe_set_data64(question, slot);
  }
  const std::size_t block_, count_;
  const unsigned depth_;
  const bool pinned_;
  const std::size_t bytes_;
  const std::string path_;
  const Mapping buffers_;
  std::unique_ptr<File> file_;
  io_uring ring_{};
  std::uint64_t state_ = 7;
};

Prepared direct_reads(const Arguments& arguments) {
  const auto state = std::make_shared<Reads>(arguments);
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->pass();
  };
  made.wrong = [=] { return state->right ? "" : "a read was short"; };
  made.work = static_cast<double>(state->bytes_a_pass()) / (1024.0 * 1024.0);
  made.unit = "MiB read past the cache";
  return made;
}

}  // namespace

std::vector<WorkloadRow> direct_work() { return {{"direct_reads", direct_reads}}; }

}  // namespace aisp::doctor
