// The state of the destination's pages. See problem.h.
#include <sys/mman.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "labs/ch02_hardware/memory_transfer/problem.h"
#include "machine/cpu.h"

namespace aisp::labs::ch02::memory_transfer {
namespace {

void advise(std::span<std::byte> pages, int advice, const char* what) {
  if (pages.empty() || madvise(pages.data(), pages.size(), advice) == 0) return;
  throw Error(std::string("the system refused to ") + what + ": " + std::strerror(errno), "madvise",
              "run without locked memory (ulimit -l, mlockall)");
}

}  // namespace

std::span<std::byte> whole_pages(std::span<float> data, std::size_t page_bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data.data());
  const std::uintptr_t first = (begin + page_bytes - 1) / page_bytes * page_bytes;
  const std::uintptr_t last = (begin + data.size_bytes()) / page_bytes * page_bytes;
  if (first >= last) return {};
  return {reinterpret_cast<std::byte*>(first), last - first};
}

void release_pages(std::span<float> data) {
  advise(whole_pages(data, machine::cpu().page_bytes), MADV_DONTNEED, "release pages");
}

void advise_huge_pages(std::span<float> data, bool wanted) {
  // A kernel without transparent huge pages refuses both; then all pages are small anyway.
  const auto pages = whole_pages(data, machine::cpu().page_bytes);
  if (!pages.empty()) madvise(pages.data(), pages.size(), wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

std::ptrdiff_t huge_page_bytes(std::span<const float> data) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data.data());
  const std::uintptr_t end = begin + data.size_bytes();
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  bool inside = false, seen = false;
  std::ptrdiff_t total = 0;
  while (std::getline(smaps, line)) {
    std::uintptr_t first = 0, last = 0;
    long kib = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &first, &last) == 2) {
      inside = first < end && last > begin;
    } else if (inside && std::sscanf(line.c_str(), "AnonHugePages: %ld kB", &kib) == 1) {
      total += kib * 1024;
      seen = true;
    }
  }
  return seen ? total : -1;
}

void make_resident_in_small_pages(std::span<float> data) {
  if (huge_page_bytes(data) == 0) return;
  const std::vector<float> contents(data.begin(), data.end());
  advise_huge_pages(data, false);
  release_pages(data);
  std::memcpy(data.data(), contents.data(), data.size_bytes());
}

}  // namespace aisp::labs::ch02::memory_transfer
