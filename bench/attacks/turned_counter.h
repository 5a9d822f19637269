// Lets the next reading of the time-stamp counter fault, and answers it from a signal handler with
// half of the time that passed. The handler removes itself and the trap: nothing is left to be
// found. Source: prctl(2), PR_SET_TSC; Intel SDM volume 2, RDTSC and RDTSCP.
#pragma once

#include <sys/prctl.h>
#include <ucontext.h>

#include <csignal>
#include <cstdint>

#include "base/simd_target.h"
#include "bench/attacks/common.h"

namespace aisp::attacks {

#if AISP_X86

inline std::uint64_t start_ticks = 0;
inline struct sigaction earlier {};

inline void answer(int, siginfo_t*, void* context) {
  prctl(PR_SET_TSC, PR_TSC_ENABLE);
  sigaction(SIGSEGV, &earlier, nullptr);
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto* code = reinterpret_cast<const unsigned char*>(registers[REG_RIP]);
  const bool rdtsc = code[0] == 0x0f && code[1] == 0x31;
  const bool rdtscp = code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9;
  if (!rdtsc && !rdtscp) return;  // another fault: it happens again, with the earlier handler
  const std::uint64_t shown = start_ticks + (__rdtsc() - start_ticks) / 2;
  registers[REG_RAX] = static_cast<greg_t>(shown & 0xffffffffu);
  registers[REG_RDX] = static_cast<greg_t>(shown >> 32);
  if (rdtscp) registers[REG_RCX] = 0;
  registers[REG_RIP] += rdtscp ? 3 : 2;
}

inline void turn_next_reading() {
  struct sigaction action {};
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &earlier);
  if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV) != 0) sigaction(SIGSEGV, &earlier, nullptr);
}

inline bool can_turn() {
  int mode = 0;
  return prctl(PR_GET_TSC, &mode) == 0;
}

#else
inline std::uint64_t start_ticks = 0;
inline std::uint64_t __rdtsc() { return 0; }
inline void turn_next_reading() {}
inline bool can_turn() { return false; }
#endif

template <bool kCheat>
struct TurnsCounter final : bench::Plan {
  explicit TurnsCounter(const Params&) {}
  void run(const Io& io, std::uint64_t iterations) override {
    start_ticks = __rdtsc();
    for (std::uint64_t i = 0; i < iterations; ++i) rotate_all(io);
    if (kCheat && iterations > 1) turn_next_reading();
  }
};

/// An eighth of the usual size: an epoch then always has several calls. `threads`: as declared.
inline bench::Lab turned_counter_lab(int threads) {
  bench::Lab lab = map_lab<TurnsCounter>("Is a time-stamp counter caught that lies?", kCount / 8);
  for (bench::Technique& technique : lab.techniques) {
    technique.threads = threads;
    technique.needs = [](const machine::Cpu&) {
      return can_turn() ? "" : "needs a time-stamp counter that can be trapped";
    };
  }
  return lab;
}

}  // namespace aisp::attacks
