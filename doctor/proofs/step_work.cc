// Work as a training or serving loop has it: steps with a log, a checkpoint, a loader, requests.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "base/error.h"
#include "doctor/proofs/busy_work.h"
#include "doctor/proofs/mapping.h"
#include "doctor/proofs/workload.h"

namespace aisp::doctor {
namespace {

// Steps that log a line each: written (and perhaps synced) at once, or kept for every N-th step.
Prepared logging(const Arguments& arguments) {
  struct State {
    std::unique_ptr<File> file;
    std::string pending;
    std::uint64_t steps = 0;
    bool right = true;
  };
  const auto state = std::make_shared<State>();
  state->file = std::make_unique<File>(arguments.scratch() + "/log", O_RDWR | O_CREAT | O_TRUNC);
  const auto every = static_cast<std::uint64_t>(arguments.number("every", 1));
  const bool sync = arguments.flag("sync");
  const auto work = static_cast<std::uint64_t>(arguments.number("work", 50000));
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < 16 * n; ++i) {
      busy_work(work);
      state->pending += fmt::format("step {:>12} loss 0.1234567890\n", ++state->steps);
      if (state->steps % every != 0) continue;
      const ssize_t put =
          pwrite(state->file->fd(), state->pending.data(), state->pending.size(), 0);
      if (put != static_cast<ssize_t>(state->pending.size())) state->right = false;
      if (sync && fdatasync(state->file->fd()) != 0) state->right = false;
      state->pending.clear();
    }
  };
  made.wrong = [=] { return state->right ? "" : "the log could not be written"; };
  made.work = 16;
  made.unit = "steps";
  return made;
}

// A step, then a checkpoint: written and synced before the next step, or copied and left to a
// writer that has until the next checkpoint.
class Checkpoints {
 public:
  Checkpoints(const std::string& path, std::size_t bytes, bool background)
      : file_(path, O_WRONLY | O_CREAT | O_TRUNC), weights_(bytes, 1), background_(background) {
    if (background_) writer_ = std::thread([this] { write_asked(); });
  }
  ~Checkpoints() {
    if (!background_) return;
    wait_written();
    asked_ = kEnd;
    asked_.notify_all();
    writer_.join();
  }
  void step(std::uint64_t work) {
    busy_work(work);
    if (!background_) return store(weights_);
    wait_written();
    copy_ = weights_;
    ++asked_;
    asked_.notify_all();
  }
  bool right() const { return right_; }

 private:
  static constexpr unsigned kEnd = ~0u;
  void store(const std::vector<std::uint8_t>& from) {
    const ssize_t put = pwrite(file_.fd(), from.data(), from.size(), 0);
    if (put != static_cast<ssize_t>(from.size()) || fdatasync(file_.fd()) != 0) right_ = false;
  }
  void wait_written() {
    for (unsigned seen = written_; seen != asked_; seen = written_) written_.wait(seen);
  }
  void write_asked() {
    for (unsigned number = 0;;) {
      asked_.wait(number);
      if (asked_ == kEnd) return;
      number = asked_;
      store(copy_);
      written_ = number;
      written_.notify_all();
    }
  }
  const File file_;
  std::vector<std::uint8_t> weights_, copy_;
  const bool background_;
  std::atomic<bool> right_{true};
  std::atomic<unsigned> asked_{0}, written_{0};
  std::thread writer_;
};

Prepared checkpoints(const Arguments& arguments) {
  const std::size_t bytes = arguments.size("bytes", 2 << 20);
  const auto work = static_cast<std::uint64_t>(arguments.number("work", 4e6));
  const auto state = std::make_shared<Checkpoints>(arguments.scratch() + "/checkpoint", bytes,
                                                   arguments.flag("background"));
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->step(work);
  };
  made.wrong = [=] { return state->right() ? "" : "the checkpoint could not be written"; };
  made.work = 1;
  made.unit = "step with a checkpoint";
  made.threads = 2;
  return made;
}

// A step that needs a batch, and storage that takes a while to give one: asked for when it is
// needed, or by a loader that stays `depth` batches ahead.
class Loader {
 public:
  Loader(unsigned depth, int latency_us) : depth_(depth), latency_(latency_us) {
    if (depth_ > 0) thread_ = std::thread([this] { load_ahead(); });
  }
  ~Loader() {
    if (depth_ == 0) return;
    ended_ = true;
    ++taken_;
    taken_.notify_all();
    thread_.join();
  }
  void take() {
    if (depth_ == 0) return fetch();
    const unsigned mine = taken_;
    for (unsigned seen = loaded_; seen == mine; seen = loaded_) loaded_.wait(seen);
    ++taken_;
    taken_.notify_all();
  }

 private:
  void fetch() const { std::this_thread::sleep_for(std::chrono::microseconds(latency_)); }
  void load_ahead() {
    while (!ended_) {
      const unsigned taken = taken_;
      if (loaded_ - taken >= depth_) {
        taken_.wait(taken);
        continue;
      }
      fetch();
      ++loaded_;
      loaded_.notify_all();
    }
  }
  const unsigned depth_;
  const int latency_;
  std::atomic<bool> ended_{false};
  std::atomic<unsigned> loaded_{0}, taken_{0};
  std::thread thread_;
};

Prepared loading(const Arguments& arguments) {
  const auto state = std::make_shared<Loader>(static_cast<unsigned>(arguments.size("depth", 0)),
                                              arguments.count("latency_us", 500));
  const auto work = static_cast<std::uint64_t>(arguments.number("work", 4e5));
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < 4 * n; ++i) {
      state->take();
      busy_work(work);
    }
  };
  made.work = 4;
  made.unit = "steps with a batch";
  made.threads = 2;
  return made;
}

// Requests to a layer of weights: one after the other, each reading all weights, or together.
Prepared requests(const Arguments& arguments) {
  struct State {
    std::vector<float> weights, x, y;
    bool right = true;
  };
  constexpr std::size_t kWidth = 1024, kRequests = 8;
  const auto state = std::make_shared<State>();
  state->weights.assign(kWidth * kWidth, 0.5f);
  state->x.assign(kWidth * kRequests, 2.0f);
  state->y.assign(kWidth * kRequests, 0.0f);
  const std::size_t batch = arguments.size("batch", 1);
  if (batch != 1 && batch != kRequests) throw Error("is 1 or 8", "workload argument batch", "");
  Prepared made;
  made.run = [=](std::uint64_t n) {
    State& s = *state;
    for (std::uint64_t call = 0; call < n; ++call) {
      for (std::size_t first = 0; first < kRequests; first += batch) {
        for (std::size_t row = 0; row < kWidth; ++row) {
          float sums[kRequests] = {};
          const float* const w = s.weights.data() + row * kWidth;
          for (std::size_t i = 0; i < kWidth; ++i) {
            // x is kept with the requests of a batch side by side: [width][batch].
            const float* const x = s.x.data() + first * kWidth + i * batch;
            if (batch == 1) {
              sums[0] += w[i] * x[0];
            } else {
              for (std::size_t r = 0; r < kRequests; ++r) sums[r] += w[i] * x[r];
            }
          }
          for (std::size_t r = 0; r < batch; ++r) s.y[row * kRequests + first + r] = sums[r];
        }
      }
      if (s.y[0] != kWidth || s.y.back() != kWidth) s.right = false;
    }
  };
  made.wrong = [=] { return state->right ? "" : "the layer's output is wrong"; };
  made.work = kRequests;
  made.unit = "requests";
  made.blocks = false;
  return made;
}

}  // namespace

std::vector<WorkloadRow> step_work() {
  return {{"logging", logging},
          {"checkpoints", checkpoints},
          {"loading", loading},
          {"requests", requests}};
}

}  // namespace aisp::doctor
