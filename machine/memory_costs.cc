// Costs of memory: a load that waits for the one before, at each level; DRAM by number of threads;
// pages touched for the first time.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

#include "base/units.h"
#include "machine/ceiling_loops.h"
#include "machine/cost_memory.h"
#include "machine/pointer_chase.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

using Clock = std::chrono::steady_clock;

// The cycle of a set this large takes half a second to lay; beyond it nothing changes.
constexpr std::size_t kMostChasedBytes = std::size_t{1} << 30;
// A level's latency is asked for, not its size: a set this many times the level before it is nearly
// never found there, and it leaves most of a shared cache to those who share it (on a 2-core
// virtual machine with neighbours half of a 32 MiB L3 took 130 ns a load, 4 MiB of it 15).
constexpr std::size_t kOverFaster = 4;
// Away for longer than this, a loop finds its cache full of what others read.
constexpr std::chrono::milliseconds kLongestAway{2};
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// A fresh mapping, every epoch: beyond the private caches, because a kernel that gets back the
// pages it has just cleared would find them there (2 MiB took a third of the time here).
constexpr std::size_t kFreshBytes = std::size_t{32} << 20;

std::string pages_text(const PageBuffer& buffer, Pages pages) {
  if (pages == Pages::kBase) return "pages of the base size";
  const double share =
      static_cast<double>(buffer.huge_bytes()) / static_cast<double>(buffer.size_bytes());
  return fmt::format("{} on huge pages", format_percent(std::min(1.0, share)));
}

void add_chase(const CostProbe& probe, const std::string& name, std::size_t bytes, Pages pages,
               bool cached) {
  auto buffer = std::make_shared<PageBuffer>(std::max(bytes, kHugePage), pages);
  buffer->fill();
  const auto line = static_cast<std::size_t>(
      probe.cpu.data_caches.empty() ? 64 : std::max(64, probe.cpu.data_caches[0].line_bytes));
  const void* const start = lay_cycle(buffer->data(), bytes, line, bytes);
  probe.sheet.add_time(
      {name, "ns",
       fmt::format("random cycle over {}, {}", format_bytes(static_cast<double>(bytes)),
                   pages_text(*buffer, pages))},
      10000,
      chase_loop(probe.crew, buffer, start, cached ? static_cast<std::int64_t>(bytes / line) : 0));
}

long minor_faults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

// Does the kernel give a fresh mapping one huge page for its first touch?
bool huge_pages_granted() {
  constexpr std::size_t kTried = 8;
  PageBuffer buffer(kTried * kHugePage);
  const long before = minor_faults();
  touch_pages(buffer, kTried * kHugePage, 4096);
  return minor_faults() - before <= static_cast<long>(2 * kTried);
}

void add_fault_rows(const CostProbe& probe, const std::string& size, Pages pages,
                    std::size_t page_bytes) {
  const std::string mapping = "a fresh mapping of " + format_bytes(kFreshBytes);
  probe.sheet.add_time(
      {"pages/fault, " + size, "ns", "one byte written to each page of " + mapping}, 1,
      fault_loop(probe.crew, pages, page_bytes));
  probe.sheet.add_bytes(
      {"pages/first touch, " + size, "GB/s", mapping + " written once, one thread"},
      {first_touch_loop(probe.crew, pages)});
}

}  // namespace

void touch_pages(const PageBuffer& buffer, std::size_t bytes, std::size_t page_bytes) {
  for (std::size_t at = 0; at < bytes; at += page_bytes) {
    *reinterpret_cast<volatile char*>(buffer.data() + at) = 1;
  }
}

CountedLoop chase_loop(Crew& crew, std::shared_ptr<PageBuffer> buffer, const void* start,
                       std::int64_t warm_loads) {
  struct State {
    const void* at;
    Clock::time_point left{};
  };
  auto state = std::make_shared<State>(State{start});
  return [&crew, buffer = std::move(buffer), state, warm_loads](std::int64_t count) {
    const std::int64_t blocks = std::max<std::int64_t>(1, count / kChaseBlock);
    if (warm_loads > 0 && Clock::now() - state->left > kLongestAway) {
      state->at = chase(state->at, warm_loads / kChaseBlock + 1);
    }
    const Crew::Time time = crew.timed(1, [&](int) { state->at = chase(state->at, blocks); });
    state->left = Clock::now();
    return Epoch{time.seconds, static_cast<double>(blocks * kChaseBlock), time.interrupted};
  };
}

CountedLoop fault_loop(Crew& crew, Pages pages, std::size_t page_bytes) {
  return [&crew, pages, page_bytes](std::int64_t) {
    const PageBuffer buffer(kFreshBytes, pages);
    const Crew::Time time =
        crew.timed(1, [&](int) { touch_pages(buffer, kFreshBytes, page_bytes); });
    return Epoch{time.seconds, static_cast<double>(kFreshBytes / page_bytes), time.interrupted};
  };
}

EpochLoop first_touch_loop(Crew& crew, Pages pages) {
  return [&crew, pages](double) {
    const PageBuffer buffer(kFreshBytes, pages);
    const Crew::Time time =
        crew.timed(1, [&](int) { std::memset(static_cast<void*>(buffer.data()), 1, kFreshBytes); });
    return Epoch{time.seconds, static_cast<double>(kFreshBytes), time.interrupted};
  };
}

std::vector<int> powers_up_to(int most) {
  std::vector<int> counts;
  for (int count = 1; count < most; count *= 2) counts.push_back(count);
  counts.push_back(most);
  return counts;
}

void add_load_latencies(const CostProbe& probe) {
  for (std::size_t i = 0; i < probe.cpu.data_caches.size(); ++i) {
    std::size_t bytes = cache_share_bytes(probe.cpu, i, 1);
    if (i > 0) bytes = std::min(bytes, kOverFaster * probe.cpu.data_caches[i - 1].size_bytes);
    add_chase(probe, fmt::format("load latency/L{}", probe.cpu.data_caches[i].level), bytes,
              Pages::kHuge, true);
  }
  const std::size_t bytes =
      std::min(dram_bytes(probe.cpu, 1, memory_limit_bytes(probe.cpu) / 2), kMostChasedBytes);
  for (const Pages pages : {Pages::kHuge, Pages::kBase}) {
    const std::string name =
        pages == Pages::kHuge
            ? std::string("load latency/DRAM")
            : fmt::format("load latency/DRAM, {} pages",
                          format_bytes(static_cast<double>(probe.cpu.page_bytes)));
    if (bytes == 0) {
      probe.sheet.add_missing(name, "too little free memory for a set that no cache holds");
    } else {
      add_chase(probe, name, bytes, pages, false);
    }
  }
}

void add_page_costs(const CostProbe& probe) {
  add_fault_rows(probe, format_bytes(static_cast<double>(probe.cpu.page_bytes)), Pages::kBase,
                 probe.cpu.page_bytes);
  if (huge_pages_granted()) {
    add_fault_rows(probe, "huge", Pages::kHuge, kHugePage);
    return;
  }
  const auto mode = read_line("/sys/kernel/mm/transparent_hugepage/enabled");
  const std::string why = "the kernel grants no huge pages (transparent_hugepage: " +
                          mode.value_or("not in this kernel") + ")";
  probe.sheet.add_missing("pages/fault, huge", why);
  probe.sheet.add_missing("pages/first touch, huge", why);
}

void add_memory_bandwidth(const CostProbe& probe) {
  const std::vector<int> counts = powers_up_to(probe.crew.size());
  // All sets together stay below half of the limit; the chases take the other half.
  const std::size_t limit = memory_limit_bytes(probe.cpu) / counts.size();
  std::vector<std::size_t> sizes(static_cast<std::size_t>(probe.crew.size()), kStreamAlign);
  for (const int threads : counts) {
    const std::size_t share =
        dram_bytes(probe.cpu, threads, limit) / static_cast<std::size_t>(threads);
    for (std::size_t i = 0; i < static_cast<std::size_t>(threads); ++i) {
      sizes[i] = std::max(sizes[i], share);
    }
  }
  auto buffers = std::make_shared<std::vector<PageBuffer>>();
  for (const std::size_t size : sizes) buffers->emplace_back(size);
  probe.crew.run(probe.crew.size(),
                 [&](int worker) { (*buffers)[static_cast<std::size_t>(worker)].fill(); });
  for (const int threads : counts) {
    const std::size_t bytes = dram_bytes(probe.cpu, threads, limit);
    for (const char* kind : {"read", "copy"}) {
      CostLabel label{
          fmt::format("memory bandwidth/{}, {} thread{}", kind, threads, threads == 1 ? "" : "s"),
          "GB/s", format_bytes(static_cast<double>(bytes)) + " of DRAM"};
      if (bytes == 0) {
        probe.sheet.add_missing(label.name, "too little free memory for a set no cache holds");
        continue;
      }
      probe.sheet.add_bytes(std::move(label),
                            stream_candidates(probe, buffers, threads, kind,
                                              bytes / static_cast<std::size_t>(threads)));
    }
  }
}

std::vector<EpochLoop> stream_candidates(const CostProbe& probe,
                                         const std::shared_ptr<std::vector<PageBuffer>>& buffers,
                                         int threads, std::string_view kind,
                                         std::size_t bytes_each) {
  std::vector<EpochLoop> candidates;
  for (const StreamKernel& kernel : stream_kernels(probe.cpu)) {
    if (kind != kernel.kind) continue;
    const EpochLoop loop = stream_loop(probe.crew, *buffers, threads, kernel, bytes_each);
    candidates.push_back([buffers, loop](double amount) { return loop(amount); });
  }
  return candidates;
}

}  // namespace aisp::machine
