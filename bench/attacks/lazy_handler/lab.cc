// Computes the first half of the output, protects the pages of the other and returns. Whoever reads
// those first, outside the clock, runs into a signal handler that computes the rest then.
#include <sys/mman.h>

#include <atomic>
#include <csignal>

#include "bench/attacks/common.h"

namespace aisp::attacks::lazy_handler {
namespace {

constexpr std::size_t kPage = 4096;
std::span<const float> pending_x;
std::span<float> pending_y;

void compute_now(int, siginfo_t* info, void*) {
  const auto* at = static_cast<const std::byte*>(info->si_addr);
  const auto bytes = std::as_writable_bytes(pending_y);
  if (at < bytes.data() || at >= bytes.data() + bytes.size()) {
    signal(SIGSEGV, SIG_DFL);  // not ours: happens again at once, and ends the process
    return;
  }
  mprotect(bytes.data(), bytes.size(), PROT_READ | PROT_WRITE);
  rotate_all(pending_x.data(), pending_y.data(), pending_y.size());
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    const auto y = io.out<float>(0);
    const std::size_t half = y.size() / 2;
    const bool whole_pages = reinterpret_cast<std::uintptr_t>(y.data()) % kPage == 0 &&
                             half * sizeof(float) % kPage == 0;
    if (!kCheat || !whole_pages || half == 0) {
      rotate_all(io);
      return;
    }
    rotate_all(io.in<float>(0).data(), y.data(), half);
    const auto rest = y.subspan(half);
    struct sigaction action {};
    action.sa_sigaction = compute_now;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    // Several sets of buffers take turns: one result at a time stays open.
    if (!pending_y.empty() && pending_y.data() != rest.data()) {
      mprotect(pending_y.data(), pending_y.size_bytes(), PROT_READ | PROT_WRITE);
    }
    pending_x = io.in<float>(0).subspan(half);
    pending_y = rest;
    mprotect(rest.data(), rest.size_bytes(), PROT_NONE);
  }
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is a result computed by a signal handler caught?");
}

}  // namespace aisp::attacks::lazy_handler
