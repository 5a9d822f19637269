// Limits of a worker process. See sandbox.h.
#include "bench/sandbox.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>

namespace aisp::bench {

void limit_memory(std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  (void)bytes;
#else
  if (bytes == 0) return;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = pages * 4096 + bytes;
  const rlimit both{limit, limit};
  setrlimit(RLIMIT_AS, &both);
#endif
}

std::string forbid_signals_to_others() {
#if defined(__x86_64__)
  // kill, tkill, tgkill, rt_sigqueueinfo, pidfd_send_signal: allowed only with our own pid as first
  // argument; tkill, which takes only a thread id, never (the C library uses tgkill). The filter
  // ends the process, because an error code would let the technique go on.
  const auto self = static_cast<unsigned>(getpid());
  const auto number = static_cast<unsigned>(offsetof(seccomp_data, nr));
  const auto first = static_cast<unsigned>(offsetof(seccomp_data, args[0]));
  const auto machine = static_cast<unsigned>(offsetof(seccomp_data, arch));
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, machine),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 9),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigqueueinfo, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tkill, 2, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, self, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{sizeof program / sizeof program[0], program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
    return fmt::format("seccomp refused: {}", std::strerror(errno));
  }
  return "";
#else
  return "no seccomp filter for this architecture";
#endif
}

}  // namespace aisp::bench
