// One copy by the kernel between two address spaces: what processes without a shared mapping can
// have. Sender and receiver are one process here; the kernel does the same work, it finds and pins
// the source's pages and copies them.
// Source: process_vm_readv(2), "cross memory attach" in MPICH, Open MPI and UCX.
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"
#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {
namespace {

bench::WhyNot why_not(const machine::Cpu&) {
  char from = 1, to = 0;
  const iovec local{&to, 1}, remote{&from, 1};
  if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1) return "";
  return std::string("needs process_vm_readv: ") + std::strerror(errno);
}

/// "" or why not: a worker of a pool must not throw.
std::string read_remote(std::span<std::byte> out, const std::byte* in) {
  for (std::size_t at = 0; at < out.size();) {
    const iovec local{out.data() + at, out.size() - at};
    const iovec remote{const_cast<std::byte*>(in) + at, out.size() - at};
    const ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (got <= 0) return std::strerror(errno);
    at += static_cast<std::size_t>(got);
  }
  return "";
}

}  // namespace

bench::Technique direct_kernel() {
  return {.name = "direct_kernel",
          .summary = "one copy by the kernel from the sender's address space (process_vm_readv)",
          .threads = 2,
          .needs = why_not,
          .plan = [](const bench::Params&) {
            return bench::plan_of([workers = std::make_unique<Workers>()](const bench::Io& io) {
              std::string failed;
              workers->run([] {},
                           [&] { failed = read_remote(destination(io), source(io).data()); });
              if (failed.empty()) return;
              throw Error("cannot read the other worker's memory: " + failed, "process_vm_readv",
                          "allow ptrace in the container's seccomp profile");
            });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer_multigpu
