// Fresh memory populated by one system call: the kernel still finds, zeroes and maps every page,
// but takes no exception for each.
// Source: madvise(2), MADV_POPULATE_WRITE, since Linux 5.14.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/error.h"
#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {
namespace {

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE; headers before 5.14 lack it

bench::WhyNot why_not(const machine::Cpu& cpu) {
  void* page =
      mmap(nullptr, cpu.page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return "cannot map a page";
  const bool supported = madvise(page, cpu.page_bytes, kPopulateWrite) == 0;
  munmap(page, cpu.page_bytes);
  return supported ? "" : "needs Linux 5.14 (MADV_POPULATE_WRITE)";
}

void populate(std::span<float> out) {
  const auto pages = whole_pages(out, machine::cpu().page_bytes);
  if (pages.empty() || madvise(pages.data(), pages.size(), kPopulateWrite) == 0) return;
  throw Error("cannot populate the destination", "madvise", "free some memory");
}

}  // namespace

bench::Technique fresh_populated() {
  return {.name = "fresh_populated",
          .summary = "newly allocated memory, all pages mapped by one system call, then memcpy",
          .needs = why_not,
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const auto in = io.in<float>(0);
              const auto out = io.out<float>(0);
              release_pages(out);
              populate(out);
              std::memcpy(out.data(), in.data(), in.size_bytes());
            });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer
