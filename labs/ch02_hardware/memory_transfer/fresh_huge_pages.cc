// Fresh memory with transparent huge pages: one fault per 2 MiB instead of 512, and one entry of
// the page table; the zeroing stays. The advice is taken back before the call ends; the huge pages
// themselves go before the next call (before_each).
// Source: Linux Documentation/admin-guide/mm/transhuge.rst.
#include <cstring>
#include <fstream>
#include <string>

#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {
namespace {

bench::WhyNot why_not(const machine::Cpu&) {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  if (!std::getline(file, modes)) return "needs transparent huge pages";
  return modes.find("[never]") == std::string::npos ? ""
                                                    : "transparent huge pages are set to never";
}

}  // namespace

bench::Technique fresh_huge_pages() {
  return {.name = "fresh_huge_pages",
          .summary = "memcpy into newly allocated memory, 2 MiB pages",
          .needs = why_not,
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const auto in = io.in<float>(0);
              const auto out = io.out<float>(0);
              advise_huge_pages(out, true);
              release_pages(out);
              std::memcpy(out.data(), in.data(), in.size_bytes());
              advise_huge_pages(out, false);
            });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer
