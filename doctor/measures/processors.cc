// Measures of the processors themselves: what the operating system takes, how work spreads over
// them, whether SMT helps.
//
// Source: fixed work quantum, Sottile and Minnich, CLUSTER 2004; proc(5) (softirqs, interrupts).
#include <fmt/format.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <set>
#include <sstream>
#include <thread>

#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/user_command.h"
#include "doctor/measures/window.h"
#include "doctor/paths.h"
#include "doctor/tables.h"
#include "machine/cpu.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

std::vector<int> usable_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// Dependent multiplications: nothing that a neighbour on another core can take away.
std::uint64_t spin(std::uint64_t steps, std::uint64_t seed) {
  for (std::uint64_t i = 0; i < steps; ++i) seed = seed * 6364136223846793005ULL + i;
  return seed;
}

std::atomic<std::uint64_t> sink{0};

// Quanta of about 50 us on one processor; the fastest is what they take undisturbed.
Json jitter_of(int cpu, double seconds) {
  if (!pin_to(cpu)) return nullptr;
  std::uint64_t steps = 1000, value = 1;
  for (double took = 0; took < 50e-6 && steps < (1U << 24); steps *= 2) {
    const auto start = Clock::now();
    value = spin(steps, value);
    took = since(start);
  }
  std::vector<double> times;
  times.reserve(1 << 20);
  const auto begin = Clock::now();
  for (auto last = begin; since(begin) < seconds && times.size() < (1U << 20);) {
    value = spin(steps, value);
    const auto now = Clock::now();
    times.push_back(std::chrono::duration<double>(now - last).count());
    last = now;
  }
  sink += value;
  // The undisturbed time: a low quantile, so that one lucky clock step does not set it.
  const double quantum = quantile(times, 0.05);
  double lost = 0.0, worst = 0.0, interruptions = 0.0, all = 0.0;
  for (const double one : times) {
    all += one;
    worst = std::max(worst, one - quantum);
    if (one > 1.2 * quantum) {
      lost += one - quantum;
      ++interruptions;
    }
  }
  return {{"cpu", cpu},
          {"quantum_us", quantum * 1e6},
          {"lost_share", all > 0 ? lost / all : 0.0},
          {"worst_gap_us", worst * 1e6},
          {"interruptions_per_s", all > 0 ? interruptions / all : 0.0}};
}

Json measure_jitter(const Evidence& evidence, double seconds) {
  constexpr std::size_t kMostCpus = 64;
  auto cpus = usable_cpus();
  if (cpus.size() > kMostCpus) cpus.resize(kMostCpus);
  Json rows = Json::array();
  std::thread worker([&] {  // a thread of its own: pinning ends with it
    for (const int cpu : cpus) {
      Json row = jitter_of(cpu, seconds / static_cast<double>(cpus.size()));
      if (!row.is_null()) rows.push_back(std::move(row));
    }
  });
  worker.join();
  const Text load = evidence.read("/proc/loadavg");
  return {{"cpus", rows}, {"loadavg", load.value.substr(0, load.value.find(' '))}};
}

Finding decide_jitter(const Evidence&, const Json& found) {
  double lost = 0.0, gap = 0.0;
  int at = -1;
  std::vector<Reading> read;
  for (const Json& row : found.at("cpus")) {
    const double share = row.at("lost_share").get<double>();
    const double worst = row.at("worst_gap_us").get<double>();
    if (share > lost || at < 0) at = row.at("cpu").get<int>();
    lost = std::max(lost, share);
    gap = std::max(gap, worst);
    if (read.size() < 8) {
      read.push_back(
          {fmt::format("processor {}", row.at("cpu").get<int>()),
           fmt::format("{:.2f} % lost, worst gap {}, {:.0f} interruptions/s", 100 * share,
                       format_time(worst * 1e3), row.at("interruptions_per_s").get<double>())});
    }
  }
  if (read.empty()) return cannot_see("no processor could be measured");
  const std::string words = fmt::format("processor {} loses {:.2f} % of its time, worst gap {}", at,
                                        100 * lost, format_time(gap * 1e3));
  const std::string load = found.value("loadavg", "");
  if (!load.empty()) read.push_back({"/proc/loadavg", load});
  if (lost <= 0.005 && gap <= 1000) return ok(words, read);
  // A tenth is no longer the system's own noise: something else runs here.
  if (lost > 0.1) {
    return warn(fmt::format("{}: other programs run on it (load {})", words,
                            load.empty() ? "unknown" : load),
                read, fmt::format("{:.0f} % of that processor", 100 * lost));
  }
  return warn(words, read, "every rank waits for the one that was interrupted");
}

const char* const kSoftirqs = "/proc/softirqs";
const char* const kStat = "/proc/stat";

// The NET_RX row of /proc/softirqs, by processor.
std::vector<double> net_rx(const std::string& text) {
  std::vector<double> counts;
  for (const auto line : machine::split(text, '\n')) {
    const auto trimmed = machine::trim(line);
    if (!trimmed.starts_with("NET_RX:")) continue;
    std::istringstream words{std::string(trimmed.substr(7))};
    for (double count = 0; words >> count;) counts.push_back(count);
  }
  return counts;
}

Json measure_softirq(const Evidence& evidence, double seconds) {
  const Window window = watch(evidence, {kSoftirqs, kStat}, seconds);
  const std::string mask =
      Evidence::value_of(evidence.read(evidence.of_subject("status")).value, "Cpus_allowed_list")
          .value_or("");
  const auto cpus = parse_cpu_list(mask).value_or(std::set<int>());
  Json rows = Json::array();
  if (window.before.contains(kStat) && window.after.contains(kStat)) {
    std::vector<double> a, b;
    if (window.before.contains(kSoftirqs)) a = net_rx(window.before.at(kSoftirqs));
    if (window.after.contains(kSoftirqs)) b = net_rx(window.after.at(kSoftirqs));
    for (const CpuUse& use : cpu_use(window.before.at(kStat), window.after.at(kStat))) {
      if (use.cpu < 0 || (!cpus.empty() && !cpus.contains(use.cpu))) continue;
      const auto i = static_cast<std::size_t>(use.cpu);
      rows.push_back(
          {{"cpu", use.cpu},
           {"softirq_share", use.softirq / window.seconds},
           {"net_rx_per_s", i < a.size() && i < b.size() ? (b[i] - a[i]) / window.seconds : 0.0}});
    }
  }
  return {{"cpus", rows}};
}

Finding decide_softirq(const Evidence&, const Json& found) {
  double worst = 0.0, packets = 0.0;
  int at = -1;
  for (const Json& row : found.at("cpus")) {
    const double share = row.at("softirq_share").get<double>();
    if (at >= 0 && share <= worst) continue;
    worst = share;
    at = row.at("cpu").get<int>();
    packets = row.at("net_rx_per_s").get<double>();
  }
  if (at < 0) return cannot_see("/proc/stat shows none of the job's processors");
  const std::vector<Reading> read = {
      {fmt::format("/proc/stat cpu{}", at), fmt::format("{:.2f} % in softirq", 100 * worst)},
      {"/proc/softirqs NET_RX", fmt::format("{:.0f}/s", packets)}};
  const std::string words =
      fmt::format("softirqs take {:.2f} % of processor {}, the most of the job's", 100 * worst, at);
  if (worst <= 0.02) return ok(words, read);
  return warn(words, read, fmt::format("{:.1f} % of that processor", 100 * worst));
}

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void add_to(std::atomic<double>& total, double value) {
  double before = total.load();
  while (!total.compare_exchange_weak(before, before + value)) {
  }
}

// Equal work on the given processors at once, one thread each: a second of their own CPU time, and
// a second of the clock. Other programs take the second and leave the first alone.
struct Rates {
  double cpu = 0.0, wall = 0.0;
};
Rates rate_on(const std::vector<int>& cpus, double seconds) {
  std::atomic<int> ready{0};
  std::atomic<double> by_cpu{0.0}, by_wall{0.0};
  std::vector<std::thread> threads;
  for (const int cpu : cpus) {
    threads.emplace_back([&, cpu] {
      pin_to(cpu);
      ++ready;
      while (ready.load() < static_cast<int>(cpus.size())) std::this_thread::yield();
      std::uint64_t done = 0;
      // Four chains: one alone leaves the core to its SMT sibling.
      std::uint64_t a = 1, b = 2, c = 3, d = 4;
      const auto start = Clock::now();
      const double cpu_start = thread_cpu_seconds();
      while (since(start) < seconds) {
        for (int i = 0; i < 4096; ++i) {
          a = a * 6364136223846793005ULL + 1;
          b = b * 6364136223846793005ULL + 1;
          c = c * 6364136223846793005ULL + 1;
          d = d * 6364136223846793005ULL + 1;
        }
        done += 4096;
      }
      add_to(by_wall, static_cast<double>(done) / since(start));
      const double cpu = thread_cpu_seconds() - cpu_start;
      if (cpu > 0) add_to(by_cpu, static_cast<double>(done) / cpu);
      sink += a ^ b ^ c ^ d;
    });
  }
  for (auto& thread : threads) thread.join();
  return {by_cpu.load(), by_wall.load()};
}

Json measure_scaling(const Evidence& evidence, double seconds) {
  const std::string& command = evidence.subject().command;
  if (choices(command, "ranks").size() >= 2) return sweep(command, "ranks", 4 * seconds);
  const auto cpus = usable_cpus();
  std::vector<std::size_t> counts;
  for (std::size_t n = 1; n < cpus.size(); n *= 2) counts.push_back(n);
  counts.push_back(cpus.size());
  const double each = seconds / static_cast<double>(2 * counts.size());
  Json rows = Json::array();
  std::vector<std::vector<double>> cpu(counts.size()), wall(counts.size());
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const auto end = cpus.begin() + static_cast<std::ptrdiff_t>(counts[i]);
      const Rates one = rate_on({cpus.begin(), end}, each);
      cpu[i].push_back(one.cpu);
      wall[i].push_back(one.wall);
    }
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    rows.push_back({{"ranks", counts[i]},
                    {"rate", median(cpu[i])},
                    {"wall_share", median(wall[i]) / median(cpu[i])}});
  }
  return {{"rows", rows}};
}

Finding decide_scaling(const Evidence&, const Json& found) {
  struct Point {
    double ranks, rate;
  };
  std::vector<Point> points;
  for (const Json& row : found.at("rows")) {
    if (row.contains("rate")) {
      points.push_back({row.at("ranks").get<double>(), row.at("rate").get<double>()});
    } else {  // a sweep of the command: equal work a rank, so the rate is ranks over time
      const double ranks = machine::parse_number(row.at("value").get<std::string>()).value_or(0.0);
      points.push_back({ranks, ranks / median(values(row, "seconds"))});
    }
  }
  if (points.size() < 2) return not_applicable("one processor: nothing to scale over");
  const Point &one = points.front(), &all = points.back();
  if (!(one.rate > 0 && one.ranks > 0)) return cannot_see("the first count did no work");
  const double efficiency = all.rate / all.ranks / (one.rate / one.ranks);
  std::vector<Reading> read;
  for (const Point& point : points) {
    read.push_back({fmt::format("{:g} ranks", point.ranks),
                    fmt::format("{:.0f} % of as many single ones",
                                100 * point.rate / point.ranks / (one.rate / one.ranks))});
  }
  const std::string words = fmt::format("{:g} ranks do {:.2f} times the work of {:g}", all.ranks,
                                        all.rate / one.rate, one.ranks);
  const double got = found.at("rows").back().value("wall_share", 1.0);
  if (got < 0.8) {
    return warn(fmt::format("{:g} threads get {:.0f} % of the processors: other work or a quota "
                            "takes the rest",
                            all.ranks, 100 * got),
                read, fmt::format("{:.0f} % of the machine", 100 * (1 - got)));
  }
  if (efficiency >= 0.8) return ok(words, read);
  return warn(words, read,
              fmt::format("{:.0f} % of what was added is lost", 100 * (1 - efficiency)));
}

std::vector<int> first_siblings(const Evidence& evidence, const std::vector<int>& cpus) {
  std::vector<int> firsts;
  for (const int cpu : cpus) {
    const Text list = evidence.read(
        fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    const auto siblings = parse_cpu_list(list.value).value_or(std::set<int>{cpu});
    const bool first = std::none_of(cpus.begin(), cpus.end(), [&](int other) {
      return other < cpu && siblings.contains(other);
    });
    if (first) firsts.push_back(cpu);
  }
  return firsts;
}

std::string needs_smt(const Evidence& evidence) {
  const auto cpus = usable_cpus();
  return first_siblings(evidence, cpus).size() == cpus.size()
             ? "no two of the usable processors share a core (SMT is inactive or hidden)"
             : "";
}

Json measure_smt(const Evidence& evidence, double seconds) {
  const auto cpus = usable_cpus();
  const auto cores = first_siblings(evidence, cpus);
  std::vector<double> one, both;
  for (int round = 0; round < 4; ++round) {
    one.push_back(rate_on(cores, seconds / 8).cpu);
    both.push_back(rate_on(cpus, seconds / 8).cpu);
  }
  return {{"cores", cores.size()}, {"threads", cpus.size()}, {"one_each", one}, {"all", both}};
}

Finding decide_smt(const Evidence&, const Json& found) {
  const auto one = values(found, "one_each"), both = values(found, "all");
  if (one.empty() || both.empty() || !(median(one) > 0)) return cannot_see("no work was done");
  const double ratio = median(both) / median(one);
  const std::vector<Reading> read = {
      {"rate of integer work",
       fmt::format("{} threads do {} the work of {}", found.at("threads").get<int>(),
                   format_ratio(ratio), found.at("cores").get<int>())}};
  const std::string words =
      fmt::format("all hardware threads do {} the work of one a core", format_ratio(ratio));
  if (ratio >= 1.05) return ok(words, read);
  return warn(words + ": SMT brings nothing for such work", read,
              "a thread a core gives the same with less waiting for one another");
}

}  // namespace

std::vector<Measure> processor_measures() {
  return {
      {"os-jitter", needs_nothing, measure_jitter, guarded<decide_jitter>, 2.0},
      {"softirq-theft", needs_nothing, measure_softirq, guarded<decide_softirq>, 1.0},
      {"scaling-efficiency", needs_nothing, measure_scaling, guarded<decide_scaling>, 2.0},
      {"smt-benefit", needs_smt, measure_smt, guarded<decide_smt>, 2.0},
  };
}

}  // namespace aisp::doctor
