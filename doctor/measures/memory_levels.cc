// Measures of the memory: latency of each level, remote nodes, huge pages, paging.
//
// Source: pointer chase as in lmbench, McVoy and Staelin, USENIX 1996; mbind(2); Linux
// Documentation/admin-guide/mm/transhuge.rst (thp_*, compact_* counters).
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <numeric>
#include <thread>

#include "base/rng.h"
#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/window.h"
#include "doctor/paths.h"
#include "doctor/tables.h"
#include "machine/cpu.h"

namespace aisp::doctor {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Anonymous memory that goes when it is out of scope.
struct Pages {
  explicit Pages(std::size_t size_bytes) : bytes(size_bytes) {
    void* const got =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got != MAP_FAILED) at = static_cast<char*>(got);
  }
  ~Pages() {
    if (at != nullptr) munmap(at, bytes);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  char* at = nullptr;
  std::size_t bytes;
};

constexpr std::size_t kLine = 64;

// One cycle through all lines in random order (Sattolo's shuffle): each load waits for the last.
double chase_ns(char* memory, std::size_t bytes, double seconds) {
  const std::size_t lines = bytes / kLine;
  std::vector<std::uint32_t> order(lines);
  std::iota(order.begin(), order.end(), 0U);
  Rng rng(1);
  for (std::size_t i = lines - 1; i > 0; --i) {
    std::swap(order[i], order[static_cast<std::size_t>(rng.below(i))]);
  }
  for (std::size_t i = 0; i < lines; ++i) {
    *reinterpret_cast<void**>(memory + i * kLine) = memory + std::size_t{order[i]} * kLine;
  }
  void** at = reinterpret_cast<void**>(memory);
  const auto walk = [&](std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) at = static_cast<void**>(*at);
  };
  walk(std::min<std::size_t>(lines, 1 << 18));
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 3 || (since(begin) < seconds && times.size() < 64)) {
    constexpr std::size_t kSteps = 1 << 14;
    const auto start = Clock::now();
    walk(kSteps);
    times.push_back(since(start) * 1e9 / kSteps);
  }
  asm volatile("" : : "r"(at));
  return quantile(times, 0.25);
}

Json measure_hierarchy(const Evidence&, double seconds) {
  const auto& cpu = machine::cpu();
  const std::size_t last = cpu.data_caches.empty() ? 8U << 20 : cpu.data_caches.back().size_bytes;
  const std::size_t most = std::clamp<std::size_t>(std::bit_ceil(2 * last), 32U << 20, 512U << 20);
  const Pages pages(most);
  Json rows = Json::array(), caches = Json::array();
  if (pages.at == nullptr) return {{"rows", rows}, {"caches", caches}};
  madvise(pages.at, most, MADV_HUGEPAGE);
  int count = 0;
  for (std::size_t bytes = 4096; bytes <= most; bytes *= 2) ++count;
  const auto begin = Clock::now();
  for (std::size_t bytes = 4096; bytes <= most && since(begin) < 2 * seconds; bytes *= 2) {
    rows.push_back({{"bytes", bytes}, {"ns", chase_ns(pages.at, bytes, seconds / count)}});
  }
  for (const auto& cache : cpu.data_caches) {
    caches.push_back({{"level", cache.level}, {"bytes", cache.size_bytes}});
  }
  return {{"rows", rows}, {"caches", caches}};
}

// A level keeps what it promises when half of it is no slower than 1.6 times a quarter of it.
Finding decide_hierarchy(const Evidence&, const Json& found) {
  struct Point {
    double bytes, ns;
  };
  std::vector<Point> points;
  for (const Json& row : found.at("rows")) {
    points.push_back({row.at("bytes").get<double>(), row.at("ns").get<double>()});
  }
  const Json& caches = found.at("caches");
  if (points.size() < 4 || caches.empty()) return cannot_see("too few working sets were measured");
  if (points.back().bytes < 2 * caches.back().at("bytes").get<double>()) {
    return cannot_see(
        "the time did not suffice to leave the last cache: the machine is busy, or "
        "that cache is larger than 256 MiB");
  }
  const auto at = [&](double bytes) {
    const Point* best = &points.front();
    for (const Point& point : points) {
      if (point.bytes <= bytes) best = &point;
    }
    return best->ns;
  };
  std::vector<Reading> read;
  std::string shrunk;
  for (const Json& cache : found.at("caches")) {
    const double bytes = cache.at("bytes").get<double>();
    const int level = cache.at("level").get<int>();
    read.push_back({fmt::format("L{} of {}", level, format_bytes(bytes)),
                    fmt::format("{:.2g} ns a load in half of it", at(bytes / 2))});
    const bool slow = at(bytes / 2) > 1.6 * at(bytes / 4) && at(bytes / 2) > 0.5 * points.back().ns;
    if (slow) shrunk = fmt::format("L{}", level);
  }
  read.push_back({"memory", fmt::format("{:.3g} ns a load", points.back().ns)});
  if (!shrunk.empty()) {
    return warn(fmt::format("half of {} already costs {:.0f} % of memory's latency", shrunk,
                            100 * at(found.at("caches").back().at("bytes").get<double>() / 2) /
                                points.back().ns),
                read, "neighbours share this cache, or it is smaller than the machine says");
  }
  return ok(fmt::format("a load takes {:.2g} ns in the first level, {:.3g} ns in memory",
                        points.front().ns, points.back().ns),
            read);
}

std::vector<int> nodes(const Evidence& evidence) {
  std::vector<int> found;
  for (const std::string& name : evidence.list("/sys/devices/system/node")) {
    int node = 0;
    if (std::sscanf(name.c_str(), "node%d", &node) == 1) found.push_back(node);
  }
  return found;
}

std::string needs_nodes(const Evidence& evidence) {
  return nodes(evidence).size() < 2 ? "one NUMA node" : "";
}

bool run_on_node(const Evidence& evidence, int node) {
  const Text list = evidence.read(fmt::format("/sys/devices/system/node/node{}/cpulist", node));
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : parse_cpu_list(list.value).value_or(std::set<int>())) {
    if (cpu < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(cpu), &set);
  }
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

Json measure_numa(const Evidence& evidence, double seconds) {
  const auto all = nodes(evidence);
  constexpr std::size_t kBytes = 64U << 20;
  constexpr int kBind = 2;  // MPOL_BIND of linux/mempolicy.h
  Json pairs = Json::array();
  std::thread worker([&] {
    for (const int from : all) {
      if (!run_on_node(evidence, from)) continue;  // memory without processors
      for (const int to : all) {
        const Pages pages(kBytes);
        const unsigned long mask = to < 64 ? 1UL << to : 0;
        if (pages.at == nullptr || syscall(SYS_mbind, pages.at, kBytes, kBind, &mask, 65, 0) != 0) {
          continue;
        }
        const double each = seconds / static_cast<double>(all.size() * all.size());
        pairs.push_back(
            {{"cpu_node", from}, {"memory_node", to}, {"ns", chase_ns(pages.at, kBytes, each)}});
      }
    }
  });
  worker.join();
  return {{"pairs", pairs}};
}

Finding decide_numa(const Evidence& evidence, const Json& found) {
  double local = 0.0, remote = 0.0;
  std::vector<Reading> read;
  for (const Json& pair : found.at("pairs")) {
    const int from = pair.at("cpu_node").get<int>(), to = pair.at("memory_node").get<int>();
    const double ns = pair.at("ns").get<double>();
    if (from == to)
      local = std::max(local, ns);
    else
      remote = std::max(remote, ns);
    if (read.size() < 16) {
      read.push_back(
          {fmt::format("node {} to memory of {}", from, to), fmt::format("{:.0f} ns", ns)});
    }
  }
  if (!(local > 0 && remote > 0)) return cannot_see("no pair of nodes could be measured");
  const std::string words =
      fmt::format("memory of another node takes {:.0f} ns a load, the own {:.0f}", remote, local);
  if (remote <= 1.3 * local) return ok(words, read);
  return warn(words, read,
              fmt::format("{} the latency where a process is not pinned; lab "
                          "ch03:numa_unaware measures it",
                          format_ratio(remote / local)));
}

const char* const kVmstat = "/proc/vmstat";

// First touches of fresh memory in pages' order: what a step with new buffers pays.
Json measure_huge(const Evidence& evidence, double seconds) {
  const Text before = evidence.read(kVmstat);
  std::vector<double> times;
  const auto begin = Clock::now();
  while (since(begin) < seconds && times.size() < (1U << 20)) {
    constexpr std::size_t kBytes = 16U << 20, kPage = 4096;
    const Pages pages(kBytes);
    if (pages.at == nullptr) break;
    for (std::size_t at = 0; at < kBytes; at += kPage) {
      const auto start = Clock::now();
      *reinterpret_cast<volatile char*>(pages.at + at) = 1;
      times.push_back(since(start) * 1e6);
    }
  }
  Window window;
  if (before) window.before[kVmstat] = before.value;
  if (const Text after = evidence.read(kVmstat)) window.after[kVmstat] = after.value;
  return {{"touches", times.size()},
          {"p50_us", times.empty() ? 0.0 : median(times)},
          {"p999_us", times.empty() ? 0.0 : quantile(times, 0.999)},
          {"compact_stall", window.growth(kVmstat, "compact_stall")},
          {"thp_fault_fallback", window.growth(kVmstat, "thp_fault_fallback")},
          {"thp_split_page", window.growth(kVmstat, "thp_split_page")}};
}

Finding decide_huge(const Evidence&, const Json& found) {
  const double p50 = found.at("p50_us").get<double>(), p999 = found.at("p999_us").get<double>();
  const double stalls = found.at("compact_stall").get<double>();
  if (!(p50 > 0)) return cannot_see("no page could be touched");
  const std::vector<Reading> read = {
      {"first touch of a page",
       fmt::format("median {}, p99.9 {}", format_time(p50 * 1e3), format_time(p999 * 1e3))},
      {"/proc/vmstat compact_stall", fmt::format("+{:.0f}", stalls)},
      {"/proc/vmstat thp_fault_fallback",
       fmt::format("+{:.0f}", found.value("thp_fault_fallback", 0.0))},
      {"/proc/vmstat thp_split_page", fmt::format("+{:.0f}", found.value("thp_split_page", 0.0))}};
  if (stalls > 0 && p999 > 10 * p50) {
    return warn(fmt::format("the kernel compacts memory while a page is waited for: p99.9 is {}",
                            format_time(p999 * 1e3)),
                read, fmt::format("{} in one of a thousand first touches", format_time(p999 * 1e3)),
                {{Fix::Kind::kWrite, "/sys/kernel/mm/transparent_hugepage/defrag", "madvise"}});
  }
  return ok(fmt::format("no first touch waits for compaction (p99.9 {})", format_time(p999 * 1e3)),
            read);
}

Json measure_paging(const Evidence& evidence, double seconds) {
  const Window window = watch(evidence, {kVmstat}, seconds);
  const Text status = evidence.read(evidence.of_subject("status"));
  const Text pressure = evidence.read("/proc/pressure/memory");
  Json found = {{"seconds", window.seconds},
                {"seen", window.after.contains(kVmstat)},
                {"pswpin", window.growth(kVmstat, "pswpin")},
                {"pswpout", window.growth(kVmstat, "pswpout")},
                {"pgmajfault", window.growth(kVmstat, "pgmajfault")}};
  found["vm_swap"] = Evidence::value_of(status.value, "VmSwap").value_or("");
  found["pressure"] = pressure.value;
  return found;
}

Finding decide_paging(const Evidence&, const Json& found) {
  if (!found.at("seen").get<bool>()) return cannot_see("/proc/vmstat cannot be read");
  const double in = found.at("pswpin").get<double>(), out = found.at("pswpout").get<double>();
  const double faults = found.at("pgmajfault").get<double>();
  const std::string swapped = found.value("vm_swap", "");
  const std::vector<Reading> read = {
      {"/proc/vmstat", fmt::format("+{:.0f} pages swapped in, +{:.0f} out, +{:.0f} major faults in "
                                   "{:.1f} s",
                                   in, out, faults, found.at("seconds").get<double>())},
      {"VmSwap of the job", swapped.empty() ? "unknown" : swapped},
      {"/proc/pressure/memory", found.value("pressure", "").substr(0, 80)}};
  if (in > 0) {
    return warn(fmt::format("{:.0f} pages came back from swap while we looked", in), read,
                "0.1 to 10 ms a page, while the job waits");
  }
  if (out > 0) return warn(fmt::format("{:.0f} pages went to swap while we looked", out), read);
  return ok("nothing is paged in or out", read);
}

}  // namespace

std::vector<Measure> memory_level_measures() {
  return {
      {"memory-hierarchy", needs_nothing, measure_hierarchy, guarded<decide_hierarchy>, 1.5},
      {"numa-penalty", needs_nodes, measure_numa, guarded<decide_numa>, 2.0},
      {"hugepage-jitter", needs_nothing, measure_huge, guarded<decide_huge>, 0.5},
      {"host-paging", needs_nothing, measure_paging, guarded<decide_paging>, 1.0},
  };
}

}  // namespace aisp::doctor
