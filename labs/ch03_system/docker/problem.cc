// The job, and the child that runs it under its limit. See problem.h.
#include "labs/ch03_system/docker/problem.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <string>

#include "base/error.h"
#include "machine/numa.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch03::docker {
namespace {

// A plain loop, one chain of additions, as pre- and postprocessing code has: about 1 GFLOP/s, so
// that a call fills several periods while its check stays below a second.
float dot(const float* a, const float* b, std::int64_t count) {
  float sum = 0.0f;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

double share_of(const bench::Params& params, int cores) {
  return std::max(0.1, static_cast<double>(params["percent"]) / 100.0 * cores);
}

int whole_cores(double share) { return std::max(1, static_cast<int>(std::floor(share))); }

SharedFloats::SharedFloats(std::size_t count) : count_(count) {
  void* memory =
      mmap(nullptr, size_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw Error(std::string("cannot share memory with a child: ") + std::strerror(errno), "mmap",
                "free some memory");
  }
  data_ = static_cast<float*>(memory);
}

SharedFloats::~SharedFloats() { munmap(data_, size_bytes()); }

Container::Container(const bench::Params& params, const Setup& setup)
    : tokens_(params["tokens"]),
      rows_(params["rows"]),
      width_(params["width"]),
      setup_(setup),
      y_(static_cast<std::size_t>(tokens_ * rows_)) {
  if (setup.quota > 0.0) {
    group_.emplace(
        machine::ControlGroup::Limits{.cpus = setup.quota, .period_us = setup.period_us});
  }
}

int Container::job(const bench::Io& io) const {
  if (group_ && !group_->enter()) return 2;
  if (setup_.pinned_cores > 0) {
    const auto& cores = machine::cpu().core_ids;
    machine::pin_thread(std::span(cores).first(
        std::min(cores.size(), static_cast<std::size_t>(setup_.pinned_cores))));
  }
  const float* weights = io.in<float>(0).data();
  const float* x = io.in<float>(1).data();
  machine::ThreadPool pool(setup_.threads);
  for (std::int64_t token = 0; token < tokens_; ++token) {
    pool.parallel_for(rows_, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        y_.data()[token * rows_ + row] = dot(weights + row * width_, x + token * width_, width_);
      }
    });
  }
  return 0;
}

void Container::run(const bench::Io& io) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    throw Error(std::string("cannot start a child: ") + std::strerror(errno), "fork",
                "raise the limit (ulimit -u, cgroup pids.max)");
  }
  if (child == 0) {
    // Dies with us, so that its group can go; getppid: we may be gone already.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int status = 1;
    if (getppid() == parent) {
      try {
        status = job(io);
      } catch (const std::exception&) {
        status = 3;
      }
    }
    _exit(status);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const bool refused = WIFEXITED(status) && WEXITSTATUS(status) == 2;
    throw Error(refused ? "the child may not enter its control group" : "the child failed",
                "ch03:docker", "see the kernel's log for out-of-memory kills");
  }
  std::memcpy(io.out<float>(0).data(), y_.data(), y_.size_bytes());
}

bench::Technique contained(const char* name, const char* summary, Setup (*setup)(double share)) {
  return {
      .name = name,
      .summary = summary,
      .threads = 0,
      .blocks = true,
      .needs = [](const machine::Cpu&) -> bench::WhyNot {
        static const std::string reason = machine::ControlGroup::why_not({.cpus = 1.0});
        return reason;
      },
      .plan =
          [setup](const bench::Params& params) {
            const double share = share_of(params, machine::cpu().cores);
            return bench::plan_of([container = std::make_unique<Container>(params, setup(share))](
                                      const bench::Io& io) { container->run(io); });
          }};
}

}  // namespace aisp::labs::ch03::docker
