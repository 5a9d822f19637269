// Memory: swap, huge pages, fragmentation, placement on nodes, locking.
//
// Source: proc(5); Linux Documentation/admin-guide/mm/transhuge.rst, sysctl/vm.rst,
// numa_memory_policy.
#include <fmt/format.h>

#include <algorithm>

#include "doctor/cgroups.h"
#include "doctor/limits.h"
#include "doctor/paths.h"
#include "doctor/processors.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

// "123 kB" after `key` in text of such lines, in bytes.
std::optional<double> kb_of(const std::string& text, const std::string& key) {
  const double kib = Evidence::number_of(text, key).value_or(-1.0);
  return kib >= 0 ? std::optional(kib * 1024) : std::nullopt;
}

// How much a counter of /proc/vmstat grew in the window; 0 when it was not read before.
double growth(const Evidence& evidence, const std::string& file, const std::string& key) {
  const double now = Evidence::number_of(evidence.read(file).value, key).value_or(0.0);
  const double before = Evidence::number_of(evidence.earlier(file).value, key).value_or(now);
  return std::max(0.0, now - before);
}

// Swap that is on lets a pinned-looking buffer go to disk under pressure.
Finding swap_off(const Evidence& evidence) {
  const Text swaps = evidence.read("/proc/swaps");
  if (!swaps) return cannot_see(swaps.why);
  if (!swaps.value.empty() && !swaps.value.starts_with("Filename")) {
    return cannot_see("/proc/swaps: not a table of swap areas");
  }
  const auto lines = split(swaps.value, '\n');
  const std::size_t areas = lines.empty() ? 0 : lines.size() - 1;
  std::vector<Reading> read = {{"/proc/swaps", fmt::format("{} areas", areas)}};
  if (areas == 0) return ok("no swap area is in use", read);
  const char* const cost =
      "a page that comes back from disk costs 0.1 to 10 ms; --prove swap-off measures it";
  const std::vector<Fix> fixes = {{Fix::Kind::kWrite, "/proc/sys/vm/swappiness", "10"}};
  if (evidence.subject().pid != 0) {
    const std::string status = evidence.of_subject("status");
    const auto swapped = kb_of(evidence.read(status).value, "VmSwap");
    if (swapped && *swapped > 0) {
      read.push_back({status, fmt::format("VmSwap {:g} MiB", *swapped / (1 << 20))});
      return fail(fmt::format("{:g} MiB of the process are in swap", *swapped / (1 << 20)), read,
                  cost, fixes);
    }
  }
  for (const std::string& folder : cgroup_folders(evidence, "")) {
    const auto most = evidence.number(folder + "/memory.swap.max");
    if (most && *most == 0) {
      read.push_back({folder + "/memory.swap.max", "0"});
      return ok("swap is on, but this control group may not use it", read);
    }
  }
  const Text swappiness = evidence.read("/proc/sys/vm/swappiness");
  if (swappiness) read.push_back({"/proc/sys/vm/swappiness", swappiness.value});
  const auto value = swappiness ? parse_number(swappiness.value) : std::nullopt;
  if (value && *value <= 10) return ok("swap is on, but swappiness keeps it for emergencies", read);
  return warn("swap is on and may be used before memory is short", read, cost, fixes);
}

// The order of a huge page: 9 with pages of 4 KiB, 11 with 16 KiB, 13 with 64 KiB, told apart by
// the huge page's size in KiB (2,048, 32,768, 524,288).
std::size_t huge_page_order(const std::string& meminfo) {
  const double bytes = kb_of(meminfo, "Hugepagesize").value_or(0);
  return bytes == 524288.0 * 1024 ? 13 : bytes == 32768.0 * 1024 ? 11 : 9;
}

Finding host_fragmentation(const Evidence& evidence) {
  const Text info = evidence.read("/proc/buddyinfo");
  if (!info) return cannot_see(info.why);
  const std::size_t order = huge_page_order(evidence.read("/proc/meminfo").value);
  double free = 0, large = 0;
  for (const auto line : split(info.value, '\n')) {
    const std::size_t zone = line.find("zone");
    if (zone == std::string_view::npos) continue;
    std::size_t column = 0;
    for (const auto word : split(line.substr(zone + 4), ' ')) {
      const auto blocks = parse_number(word);
      if (!blocks || *blocks < 0) continue;
      const double pages =
          *blocks * static_cast<double>(std::uint64_t{1} << std::min<std::size_t>(column, 40));
      free += pages;
      if (column >= order) large += pages;
      ++column;
    }
  }
  if (free <= 0) return cannot_see("/proc/buddyinfo: no zone with free pages");
  const double share = large / free;
  std::vector<Reading> read = {{"/proc/buddyinfo", fmt::format("{:.0f} % of free pages in blocks "
                                                               "of order {} or more",
                                                               share * 100, order)}};
  const double fallbacks = growth(evidence, "/proc/vmstat", "thp_fault_fallback");
  const double failures = growth(evidence, "/proc/vmstat", "compact_fail");
  if (fallbacks + failures > 0) {
    read.push_back({"/proc/vmstat", fmt::format("thp_fault_fallback +{:g}, compact_fail +{:g}",
                                                fallbacks, failures)});
  }
  if (share < 0.2) {
    return warn(
        fmt::format("only {:.0f} % of free memory is in pieces of a huge page", share * 100), read,
        "buffers get small pages: --prove transparent-hugepages measures the "
        "difference here",
        {{Fix::Kind::kWrite, "/proc/sys/vm/compact_memory", "1"}});
  }
  return ok(fmt::format("{:.0f} % of free memory is in pieces of a huge page or more", share * 100),
            read);
}

std::string chosen_word(const std::string& text) {
  const std::size_t open = text.find('['), close = text.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return text.substr(open + 1, close - open - 1);
}

Finding transparent_hugepages(const Evidence& evidence) {
  const std::string folder = "/sys/kernel/mm/transparent_hugepage/";
  const Text enabled = evidence.read(folder + "enabled");
  if (!enabled) return cannot_see(enabled.why);
  std::vector<Reading> read = {{folder + "enabled", enabled.value}};
  const std::string mode = chosen_word(enabled.value);
  const char* const cost =
      "512 page faults and TLB entries for each 2 MiB; lab ch07:lookup and "
      "--prove transparent-hugepages measure it here";
  if (mode == "never") {
    return warn("transparent huge pages are never used", read, cost,
                {{Fix::Kind::kWrite, folder + "enabled", "madvise"}});
  }
  if (mode != "always" && mode != "madvise") {
    return cannot_see(
        fmt::format("{}enabled: no known mode in '{}'", folder, enabled.value.substr(0, 40)));
  }
  const std::string status = evidence.of_subject("status");
  const auto allowed = Evidence::value_of(evidence.read(status).value, "THP_enabled");
  if (allowed && *allowed == "0") {
    read.push_back({status, "THP_enabled: 0"});
    return warn("the process itself has switched huge pages off (prctl PR_SET_THP_DISABLE)", read,
                cost);
  }
  const Text defrag = evidence.read(folder + "defrag");
  if (defrag) read.push_back({folder + "defrag", defrag.value});
  if (defrag && chosen_word(defrag.value) == "never") {
    return warn("huge pages are allowed, but none is made when a fault finds no free one", read,
                cost, {{Fix::Kind::kWrite, folder + "defrag", "madvise"}});
  }
  return ok("transparent huge pages: " + mode, read);
}

Finding hugepages_in_use(const Evidence& evidence) {
  if (evidence.subject().pid == 0) return not_applicable("no --pid given");
  const std::string file = evidence.of_subject("smaps_rollup");
  const Text rollup = evidence.read(file);
  if (!rollup) return cannot_see(rollup.why);
  const auto anonymous = kb_of(rollup.value, "Anonymous");
  const auto huge = kb_of(rollup.value, "AnonHugePages");
  const double reserved = kb_of(rollup.value, "Private_Hugetlb").value_or(0);
  if (!anonymous || !huge) return cannot_see(file + ": no lines Anonymous and AnonHugePages");
  const double all = *anonymous + reserved, gib = all / (1 << 30);
  if (gib < 1.0) return not_applicable(fmt::format("the process holds only {:.2f} GiB", gib));
  const double share = (*huge + reserved) / all;
  const std::string says =
      fmt::format("{:.0f} % of {:.1f} GiB anonymous memory is on huge pages", share * 100, gib);
  const std::vector<Reading> read = {
      {file, fmt::format("AnonHugePages {:.2f} GiB, Private_Hugetlb {:.2f} GiB", *huge / (1 << 30),
                         reserved / (1 << 30))}};
  if (share >= 0.5) return ok(says, read);
  return warn(says, read, "TLB misses; --prove transparent-hugepages measures them here");
}

Finding locked_memory_limit(const Evidence& evidence) {
  std::string why;
  const auto locked = locked_memory(evidence, &why);
  return locked ? judge_locked_memory(evidence, *locked) : cannot_see(why);
}

// Pages of anonymous memory by node, from numa_maps: "7f12 default anon=512 N0=500 N1=12 ...".
std::map<int, double> anonymous_pages_by_node(const std::string& numa_maps) {
  std::map<int, double> pages;
  for (const auto line : split(numa_maps, '\n')) {
    if (line.find(" anon=") == std::string_view::npos) continue;
    for (const auto word : split(line, ' ')) {
      const std::size_t equals = word.find('=');
      if (word.size() < 4 || word[0] != 'N' || equals == std::string_view::npos) continue;
      const auto node = parse_number(word.substr(1, equals - 1));
      const auto count = parse_number(word.substr(equals + 1));
      if (node && count && *node >= 0 && *node < 4096 && *count >= 0) {
        pages[static_cast<int>(*node)] += *count;
      }
    }
  }
  return pages;
}

Finding numa_memory_placement(const Evidence& evidence) {
  const auto nodes = numa_nodes(evidence);
  if (nodes.empty()) return cannot_see("/sys/devices/system/node: not there or empty");
  if (nodes.size() == 1) return not_applicable("one NUMA node");
  const UsableCpus usable = usable_cpus(evidence);
  std::set<int> wanted;  // nodes of the processors that it may run on
  for (const auto& [node, cpus] : nodes) {
    const auto here = [&](int cpu) { return usable.allowed.contains(cpu); };
    if (std::any_of(cpus.begin(), cpus.end(), here)) wanted.insert(node);
  }
  const bool bound = usable.allowed.size() < online_cpus(evidence).size();
  const std::string switch_file = "/proc/sys/kernel/numa_balancing";
  const Text balancing = evidence.read(switch_file);
  std::vector<Reading> read = usable.evidence;
  if (balancing) read.push_back({switch_file, balancing.value});
  if (evidence.subject().pid != 0) {
    const std::string file = evidence.of_subject("numa_maps");
    const Text maps = evidence.read(file);
    if (maps.seen == Text::Seen::kForbidden) return cannot_see(maps.why);
    double all = 0, away = 0;
    for (const auto& [node, pages] : anonymous_pages_by_node(maps.value)) {
      all += pages;
      if (!wanted.contains(node)) away += pages;
    }
    if (all > 0)
      read.push_back({file, fmt::format("{:.0f} of {:.0f} anonymous pages away", away, all)});
    if (all > 0 && away / all > 0.1) {
      return warn(fmt::format("{:.0f} % of its memory lies on other nodes than its processors",
                              away / all * 100),
                  read, "aisp machine --ceilings measures bandwidth for each pair of nodes");
    }
  }
  if (bound && balancing && balancing.value != "0") {
    return warn("NUMA balancing is on while the process is bound to processors", read,
                "page faults of its sampling and moved pages; --prove numa-memory-placement",
                {{Fix::Kind::kWrite, switch_file, "0"}});
  }
  const double missed = growth(evidence, "/proc/vmstat", "numa_miss");
  constexpr double kMissesPerSecond = 1000;  // 4 MB/s of pages in the wrong place
  if (missed > kMissesPerSecond * std::max(evidence.window_s(), 1.0)) {
    read.push_back({"/proc/vmstat", fmt::format("numa_miss +{:.0f}", missed)});
    return warn("pages are allocated on other nodes than asked for: a node is full", read,
                "aisp machine --ceilings measures bandwidth for each pair of nodes");
  }
  return ok(bound ? "bound, and memory follows" : "not bound to part of the machine", read);
}

}  // namespace

std::vector<Probe> memory_probes() {
  return {{"swap-off", swap_off},
          {"host-fragmentation", host_fragmentation, {"/proc/vmstat"}},
          {"transparent-hugepages", transparent_hugepages},
          {"hugepages-in-use", hugepages_in_use},
          {"locked-memory-limit", locked_memory_limit},
          {"numa-memory-placement", numa_memory_placement, {"/proc/vmstat"}}};
}

}  // namespace aisp::doctor
