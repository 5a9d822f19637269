// Threads and the processors they run on: how many, where, with which priority, and how long they
// wait. Which processors are kept free of others is in isolation.cc.
//
// Source: proc_pid_stat(5), sched(7), Linux Documentation/accounting/psi.rst, OpenMP 5.2.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "doctor/processors.h"
#include "doctor/tables.h"
#include "doctor/tasks.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

const char* const kNoPid = "no --pid given";
constexpr std::size_t kMostShown = 8;

std::string shown(const std::vector<std::string>& names) {
  const std::size_t count = std::min(names.size(), kMostShown);
  return fmt::format("{}{}",
                     fmt::join(names.begin(), names.begin() + static_cast<long>(count), ", "),
                     names.size() > count ? ", ..." : "");
}

Finding critical_thread_pinning(const Evidence& evidence) {
  if (evidence.subject().pid == 0) return not_applicable(kNoPid);
  const std::vector<Task> tasks = tasks_of_subject(evidence);
  if (tasks.empty()) return cannot_see(evidence.of_subject("task") + ": not there or empty");
  const std::set<int> online = online_cpus(evidence);
  std::vector<std::string> loose, all;
  for (const Task& task : tasks) {
    if (!feeds_devices(task.process.name)) continue;
    all.push_back(task.process.name);
    if (task.allowed.size() >= online.size()) loose.push_back(task.process.name);
  }
  if (all.empty()) {
    return not_applicable("the process has no loader, NCCL or RPC thread, by their names");
  }
  const std::string source = evidence.of_subject("task/*/status");
  if (loose.empty()) {
    return ok(fmt::format("{} feeding threads have processors of their own", all.size()),
              {{source, shown(all)}});
  }
  return warn(
      fmt::format("{} of {} feeding threads may run on every processor", loose.size(), all.size()),
      {{source, shown(loose)}},
      "a batch waits for the daemon that took the processor: milliseconds; --prove "
      "critical-thread-pinning measures it here");
}

struct ThreadVariable {
  std::string name, text;
  std::optional<double> threads;
};

std::vector<ThreadVariable> thread_variables(const Evidence& evidence) {
  std::vector<ThreadVariable> found;
  for (const char* const name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                 "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"}) {
    const Text text = evidence.variable(name);
    if (!text) continue;
    // OMP_NUM_THREADS may be a list, one for each level of nesting: the first counts.
    const auto number = parse_number(text.value.substr(0, text.value.find(',')));
    found.push_back({name, text.value, number && *number >= 1 ? number : std::nullopt});
  }
  return found;
}

// Processes of one job on this machine, as its launcher says.
double processes_here(const Evidence& evidence, std::vector<Reading>* read) {
  for (const char* const name :
       {"LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE"}) {
    const Text text = evidence.variable(name);
    const auto number = text ? parse_number(text.value) : std::nullopt;
    if (!number || *number < 1) continue;
    read->push_back({name, text.value});
    return *number;
  }
  return 1.0;
}

Finding thread_count_variables(const Evidence& evidence) {
  const UsableCpus usable = usable_cpus(evidence);
  if (usable.count <= 0)
    return cannot_see("neither /sys nor /proc tells which processors there are");
  std::vector<Reading> read = usable.evidence;
  const double ranks = processes_here(evidence, &read);
  const double fit = std::max(1.0, std::floor(usable.count / ranks));
  const std::vector<Fix> fixes = {
      {Fix::Kind::kVariable, "OMP_NUM_THREADS", fmt::format("{:g}", fit)}};
  const char* const cost =
      "threads take turns on a processor and wait for each other at every "
      "barrier; --prove thread-count-variables measures it here";
  const std::vector<ThreadVariable> variables = thread_variables(evidence);
  for (const ThreadVariable& variable : variables) read.push_back({variable.name, variable.text});
  for (const ThreadVariable& variable : variables) {
    if (!variable.threads) {
      return warn(fmt::format("{}='{}' is no number of threads: libraries ignore it", variable.name,
                              variable.text.substr(0, 40)),
                  read, cost, fixes);
    }
    if (*variable.threads * ranks <= usable.count + 0.5) continue;
    const std::string says = fmt::format(
        "{}={:g}{}, but {:g} processors may be used{}", variable.name, *variable.threads,
        ranks > 1 ? fmt::format(" in each of {:g} processes", ranks) : "", usable.count,
        usable.quota && *usable.quota <= usable.count ? " (control-group quota)" : "");
    Finding finding = warn(says, read, cost, fixes);
    if (*variable.threads * ranks >= 2 * usable.count) finding.verdict = Verdict::kFail;
    return finding;
  }
  const double unset = static_cast<double>(usable.allowed.size());  // what OpenMP starts by itself
  if (variables.empty() && unset * ranks >= 1.5 * usable.count) {
    const std::string why = ranks > 1 ? fmt::format("in each of {:g} processes", ranks)
                                      : fmt::format("where the quota allows {:g}", usable.count);
    return warn(
        fmt::format("no thread variable is set: libraries start {:g} threads {}", unset, why), read,
        cost, fixes);
  }
  return ok(
      variables.empty()
          ? fmt::format("unset: libraries start one thread for each of {:g} processors", unset)
          : fmt::format("{:g} processors may be used, the settings fit", usable.count),
      read);
}

Finding loader_thread_priority(const Evidence& evidence) {
  if (evidence.subject().pid == 0) return not_applicable(kNoPid);
  const std::vector<Task> tasks = tasks_of_subject(evidence);
  if (tasks.empty()) return cannot_see(evidence.of_subject("task") + ": not there or empty");
  std::vector<std::string> nicer;
  std::size_t feeders = 0;
  // A process that is nice as a whole has chosen so; its feeders are behind where others are not.
  const bool all_nice = std::all_of(tasks.begin(), tasks.end(), [](const Task& task) {
    return feeds_devices(task.process.name) || task.process.nice > 0;
  });
  const bool has_others = std::any_of(tasks.begin(), tasks.end(), [](const Task& task) {
    return !feeds_devices(task.process.name);
  });
  constexpr int kNormal = 0, kBatch = 3, kIdle = 5;  // scheduling policies, sched(7)
  for (const Task& task : tasks) {
    if (!feeds_devices(task.process.name)) continue;
    ++feeders;
    const Process& process = task.process;
    const bool behind =
        process.policy == kIdle || process.policy == kBatch ||
        (process.policy == kNormal && process.nice > 0 && !(has_others && all_nice));
    if (behind) nicer.push_back(fmt::format("{} nice {}", process.name, process.nice));
  }
  if (feeders == 0) {
    return not_applicable("the process has no loader, NCCL or RPC thread, by their names");
  }
  const std::string source = evidence.of_subject("task/*/stat");
  if (!nicer.empty()) {
    return warn(
        fmt::format("{} of {} feeding threads stand behind other work", nicer.size(), feeders),
        {{source, shown(nicer)}},
        "at nice 10 a thread gets a tenth of the processor beside one at 0",
        {{Fix::Kind::kCommand, fmt::format("renice -n 0 -p {}", evidence.subject().pid), ""}});
  }
  return ok(fmt::format("{} feeding threads, none behind other work", feeders),
            {{source, "nice and policy"}});
}

// Share of stolen time in the "cpu" line's growth; nothing without two readings.
std::optional<double> stolen_share(const Evidence& evidence) {
  const auto numbers = [](const Text& text) {
    std::vector<double> row;
    const auto line = Evidence::value_of(text.value, "cpu").value_or("");
    for (const auto word : split(line, ' ')) {
      const auto number = parse_number(word);
      if (number) row.push_back(*number);
    }
    return row;
  };
  const auto before = numbers(evidence.earlier("/proc/stat"));
  const auto now = numbers(evidence.read("/proc/stat"));
  constexpr std::size_t kSteal = 7, kGuest = 8;  // guest time is part of user time
  if (before.size() <= kSteal || now.size() <= kSteal) return std::nullopt;
  double all = 0;
  for (std::size_t i = 0; i < kGuest; ++i) all += now[i] - before[i];
  return all > 0 ? std::optional((now[kSteal] - before[kSteal]) / all) : std::nullopt;
}

// How much of its runnable time the subject waited in the window.
std::optional<double> waiting_share(const Evidence& evidence) {
  const std::string file = evidence.of_subject("schedstat");
  const auto pair_of = [](const Text& text) {
    const auto words = split(text.value, ' ');
    const auto run = words.size() >= 2 ? parse_number(words[0]) : std::nullopt;
    const auto wait = words.size() >= 2 ? parse_number(words[1]) : std::nullopt;
    return run && wait ? std::optional(std::pair(*run, *wait)) : std::nullopt;
  };
  const auto before = pair_of(evidence.earlier(file)), now = pair_of(evidence.read(file));
  if (!before || !now || now->first <= before->first) return std::nullopt;
  return (now->second - before->second) / (now->first - before->first);
}

Finding cpu_oversubscription(const Evidence& evidence) {
  std::vector<Reading> read;
  const auto stolen = stolen_share(evidence);
  if (stolen && *stolen > 0.05) {
    read.push_back({"/proc/stat", fmt::format("steal {:.1f} %", *stolen * 100)});
    return warn(
        fmt::format("the host gave {:.0f} % of this machine's time to others (steal)",
                    *stolen * 100),
        read, fmt::format("{:.0f} % of processor time, and jitter of milliseconds", *stolen * 100));
  }
  if (evidence.subject().pid != 0) {
    const auto waiting = waiting_share(evidence);
    const std::string file = evidence.of_subject("schedstat");
    if (waiting)
      read.push_back({file, fmt::format("waited {:.1f} % of its run time", *waiting * 100)});
    if (waiting && *waiting > 0.1) {
      return warn(fmt::format("the process waits for a processor {:.0f} % as long as it runs",
                              *waiting * 100),
                  read, fmt::format("{:.0f} % on its run time", *waiting * 100));
    }
  }
  const Text pressure = evidence.read("/proc/pressure/cpu");
  const std::size_t at = pressure.value.find("avg60=");
  if (pressure && at != std::string::npos) {
    const std::string rest = pressure.value.substr(at + 6);
    const auto percent = parse_number(rest.substr(0, rest.find_first_of(" \n")));
    if (percent && *percent >= 0 && *percent <= 100) {
      read.push_back({"/proc/pressure/cpu", fmt::format("some avg60={:g}", *percent)});
      const std::string says =
          fmt::format("for {:g} % of the last minute a task waited for a processor", *percent);
      return *percent > 20 ? warn(says, read, "that share of somebody's time") : ok(says, read);
    }
  }
  const double running =
      Evidence::number_of(evidence.read("/proc/stat").value, "procs_running").value_or(-1.0);
  const std::size_t online = online_cpus(evidence).size();
  if (running < 0 || online == 0)
    return cannot_see("neither /proc/pressure/cpu nor /proc/stat tell");
  read.push_back({"/proc/stat", fmt::format("procs_running {:g}", running)});
  const std::string says = fmt::format("{:g} tasks want to run on {} processors", running, online);
  // One look is a snapshot: only a crowd says something.
  return running > 2.0 * static_cast<double>(online) ? warn(says, read, "they take turns")
                                                     : ok(says, read);
}

}  // namespace

std::vector<Probe> thread_probes() {
  return {{"critical-thread-pinning", critical_thread_pinning},
          {"thread-count-variables", thread_count_variables},
          {"loader-thread-priority", loader_thread_priority},
          {"cpu-oversubscription", cpu_oversubscription, {"/proc/stat", "{process}/schedstat"}}};
}

}  // namespace aisp::doctor
