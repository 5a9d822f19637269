// See tasks.h.
#include "doctor/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "doctor/paths.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr double kTicksPerSecond = 100.0;     // USER_HZ of every architecture that Linux has today
constexpr double kKernelThread = 0x00200000;  // PF_KTHREAD

bool is_pid(const std::string& name) {
  return !name.empty() && name.size() < 8 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::optional<Process> parse_process(std::string_view stat) {
  // The name stands in parentheses and may hold blanks and parentheses itself.
  const std::size_t open = stat.find('('), close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  const auto pid = machine::parse_number(stat.substr(0, open));
  const auto fields = machine::split(machine::trim(stat.substr(close + 1)), ' ');
  constexpr std::size_t kFirst = 3;  // the number of fields[0] in the manual
  const auto field = [&](std::size_t number) -> std::optional<double> {
    const std::size_t at = number - kFirst;
    return at < fields.size() ? machine::parse_number(fields[at]) : std::nullopt;
  };
  const auto user = field(14), system = field(15), parent = field(4);
  if (!pid || *pid < 1 || *pid > 1e9 || !user || !system || !parent) return std::nullopt;
  const auto small = [&](std::size_t number, int otherwise) {
    const auto value = field(number);
    return value && *value > -1e6 && *value < 1e6 ? static_cast<int>(*value) : otherwise;
  };
  Process process;
  process.pid = static_cast<int>(*pid);
  process.parent = small(4, 0);
  process.name = stat.substr(open + 1, close - open - 1);
  process.ticks = *user + *system;
  process.nice = small(19, 0);
  process.last_cpu = small(39, -1);
  process.real_time = small(40, 0);
  process.policy = small(41, 0);
  const double flags = field(9).value_or(0.0);
  process.kernel = flags >= 0 && flags < 4294967296.0 &&
                   (static_cast<std::uint64_t>(flags) & static_cast<std::uint64_t>(kKernelThread));
  return process;
}

std::vector<Process> processes(const Evidence& evidence) {
  std::vector<Process> all;
  for (const std::string& name : evidence.list("/proc")) {
    if (!is_pid(name)) continue;
    const auto process = parse_process(evidence.read(fmt::format("/proc/{}/stat", name)).value);
    if (process) all.push_back(*process);
  }
  return all;
}

double busy_cpus(const Evidence& evidence, const Process& process) {
  const Text text = evidence.earlier(fmt::format("/proc/{}/stat", process.pid));
  const auto before = text ? parse_process(text.value) : std::nullopt;
  const double window = evidence.window_s();
  if (!before || window <= 0 || before->ticks > process.ticks) return 0.0;
  return (process.ticks - before->ticks) / kTicksPerSecond / window;
}

std::vector<Task> tasks_of_subject(const Evidence& evidence) {
  std::vector<Task> tasks;
  const std::string folder = evidence.of_subject("task");
  for (const std::string& name : evidence.list(folder)) {
    if (!is_pid(name)) continue;
    const std::string task = fmt::format("{}/{}", folder, name);
    const auto process = parse_process(evidence.read(task + "/stat").value);
    if (!process) continue;
    const auto mask =
        Evidence::value_of(evidence.read(task + "/status").value, "Cpus_allowed_list");
    tasks.push_back(
        {*process, mask ? parse_cpu_list(*mask).value_or(std::set<int>()) : std::set<int>()});
  }
  return tasks;
}

bool feeds_devices(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* const part :
       {"pt_data", "loader", "prefetch", "dali", "nccl", "rpc", "feeder", "pin_memory"}) {
    if (lower.find(part) != std::string::npos) return true;
  }
  return false;
}

std::set<int> family_of_subject(const Evidence& evidence) {
  std::set<int> family = {evidence.subject().pid};
  const std::vector<Process> all = processes(evidence);
  for (bool grew = true; grew;) {
    grew = false;
    for (const Process& process : all) {
      if (family.contains(process.parent)) grew |= family.insert(process.pid).second;
    }
  }
  return family;
}

}  // namespace aisp::doctor
