// Measures of a running process and of the devices it uses, by counters read twice (--pid).
//
// Source: proc(5) (io, task/TID/stat, task/TID/syscall, pressure); iostats.rst; sysfs-class-net.
#include <fmt/format.h>
#include <sys/syscall.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/window.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

const char* const kDisks = "/proc/diskstats";
const char* const kStat = "/proc/stat";

double gpu_busy_now(const Evidence& evidence) {
  double sum = 0.0;
  int known = 0;
  for (const auto& gpu : evidence.facts().gpus) {
    if (!gpu.utilization_percent) continue;
    sum += *gpu.utilization_percent / 100.0;
    ++known;
  }
  return known > 0 ? sum / known : -1.0;  // -1: no GPU tells
}

// "some avg10=1.23 avg60=..." -> 1.23; -1 when absent.
double pressure_avg10(const std::string& text, const char* which) {
  for (const auto line : machine::split(text, '\n')) {
    if (!line.starts_with(which)) continue;
    const std::size_t at = line.find("avg10=");
    if (at == line.npos) continue;
    const auto rest = line.substr(at + 6);
    return machine::parse_number(rest.substr(0, rest.find(' '))).value_or(-1.0);
  }
  return -1.0;
}

Json measure_input(const Evidence& evidence, double seconds) {
  std::vector<std::string> paths = {kDisks, kStat};
  const auto pids = family(evidence, evidence.subject().pid);
  for (const int pid : pids) {
    paths.push_back(fmt::format("/proc/{}/io", pid));
    paths.push_back(fmt::format("/proc/{}/stat", pid));
  }
  const Window window = watch(evidence, paths, seconds);
  double read_bytes = 0.0, rchar = 0.0, busiest = 0.0;
  for (const int pid : pids) {
    const std::string io = fmt::format("/proc/{}/io", pid),
                      stat = fmt::format("/proc/{}/stat", pid);
    read_bytes += window.growth(io, "read_bytes");
    rchar += window.growth(io, "rchar");
    const auto a = window.before.find(stat), b = window.after.find(stat);
    if (a == window.before.end() || b == window.after.end()) continue;
    if (pid == pids.front()) continue;  // loaders are children of the job
    busiest = std::max(busiest, (cpu_seconds_of_stat(b->second) - cpu_seconds_of_stat(a->second)) /
                                    window.seconds);
  }
  double disk_busy = 0.0;
  if (window.before.contains(kDisks) && window.after.contains(kDisks)) {
    for (const DiskUse& disk :
         disk_use(window.before.at(kDisks), window.after.at(kDisks), window.seconds)) {
      disk_busy = std::max(disk_busy, disk.busy_share);
    }
  }
  return {{"disk_busy", disk_busy},
          {"disk_mb_per_s", read_bytes / 1e6 / window.seconds},
          {"read_mb_per_s", rchar / 1e6 / window.seconds},
          {"loader_cpu", busiest},
          {"io_pressure", pressure_avg10(evidence.read("/proc/pressure/io").value, "some")},
          {"gpu_busy", gpu_busy_now(evidence)}};
}

Finding decide_input(const Evidence&, const Json& found) {
  const double disk = found.at("disk_busy").get<double>(),
               cpu = found.at("loader_cpu").get<double>();
  const double gpu = found.at("gpu_busy").get<double>();
  const double pressure = found.value("io_pressure", -1.0);
  const std::vector<Reading> read = {
      {"/proc/diskstats", fmt::format("busiest disk {}", format_percent(disk))},
      {"/proc/PID/io",
       fmt::format("{} asked for, {} from disk",
                   format_rate(found.at("read_mb_per_s").get<double>() * 1e6, "B/s"),
                   format_rate(found.at("disk_mb_per_s").get<double>() * 1e6, "B/s"))},
      {"busiest child process", format_percent(cpu)},
      {"/proc/pressure/io some avg10",
       pressure < 0 ? "unknown" : fmt::format("{:.1f} %", pressure)},
      {"GPUs busy", gpu < 0 ? "none tells" : format_percent(gpu)}};
  const bool starved = gpu >= 0 ? gpu < 0.9 : pressure > 10;
  const char* const what = disk > 0.9 ? "the disk" : cpu > 0.9 ? "a loader process" : nullptr;
  if (starved && what != nullptr) {
    return warn(fmt::format("the job is input bound: {} is saturated{}", what,
                            gpu >= 0 ? fmt::format(", GPUs are {} busy", format_percent(gpu)) : ""),
                read,
                gpu >= 0 ? fmt::format("{} of the GPUs' time", format_percent(1 - gpu))
                         : fmt::format("{:.0f} % of the time something waits for I/O", pressure));
  }
  return ok(fmt::format("neither disk ({}) nor loaders ({}) hold the job back",
                        format_percent(disk), format_percent(cpu)),
            read);
}

Json measure_disks(const Evidence& evidence, double seconds) {
  const Window window = watch(evidence, {kDisks}, seconds);
  Json rows = Json::array();
  if (window.before.contains(kDisks) && window.after.contains(kDisks)) {
    for (const DiskUse& disk :
         disk_use(window.before.at(kDisks), window.after.at(kDisks), window.seconds)) {
      rows.push_back({{"disk", disk.name},
                      {"busy", disk.busy_share},
                      {"read_mb_per_s", disk.read_mb_per_s},
                      {"write_mb_per_s", disk.write_mb_per_s},
                      {"queue", disk.queue}});
    }
  }
  return {{"disks", rows}, {"gpu_busy", gpu_busy_now(evidence)}};
}

Finding decide_disks(const Evidence&, const Json& found) {
  const double gpu = found.at("gpu_busy").get<double>();
  const Json* worst = nullptr;
  for (const Json& row : found.at("disks")) {
    if (worst == nullptr || row.at("busy").get<double>() > worst->at("busy").get<double>()) {
      worst = &row;
    }
  }
  if (worst == nullptr) return cannot_see("/proc/diskstats shows no disk");
  const double busy = worst->at("busy").get<double>();
  const std::string name = worst->at("disk").get<std::string>();
  std::vector<Reading> read = {
      {"/proc/diskstats " + name,
       fmt::format("{} busy, {} read, {} written, queue {:.1f}", format_percent(busy),
                   format_rate(worst->at("read_mb_per_s").get<double>() * 1e6, "B/s"),
                   format_rate(worst->at("write_mb_per_s").get<double>() * 1e6, "B/s"),
                   worst->at("queue").get<double>())}};
  if (gpu >= 0) read.push_back({"GPUs busy", format_percent(gpu)});
  const std::string words = fmt::format("{} is {} busy", name, format_percent(busy));
  if (busy > 0.95 && gpu >= 0 && gpu < 0.5) {
    return fail(words + fmt::format(" while the GPUs are {} busy", format_percent(gpu)), read,
                "the GPUs wait for this disk");
  }
  // An NVMe disk that serves many requests at once reports busy long before it is full.
  if (busy > 0.95 && worst->at("queue").get<double>() > 1.5) {
    return warn(words + ", requests wait in its queue", read,
                "whatever reads or writes there waits; --explain input-pipeline-throughput");
  }
  return ok(words, read);
}

Json measure_nics(const Evidence& evidence, double seconds) {
  std::vector<std::string> paths;
  std::vector<std::string> names;
  for (const std::string& name : evidence.list("/sys/class/net")) {
    if (name == "lo") continue;
    names.push_back(name);
    for (const char* way : {"rx_bytes", "tx_bytes"}) {
      paths.push_back(fmt::format("/sys/class/net/{}/statistics/{}", name, way));
    }
  }
  const Window window = watch(evidence, paths, seconds);
  Json rows = Json::array();
  for (const std::string& name : names) {
    Json row = {{"nic", name}};
    for (const char* way : {"rx_bytes", "tx_bytes"}) {
      const std::string path = fmt::format("/sys/class/net/{}/statistics/{}", name, way);
      const auto a = window.before.find(path), b = window.after.find(path);
      if (a == window.before.end() || b == window.after.end()) continue;
      const auto x = machine::parse_number(a->second), y = machine::parse_number(b->second);
      if (x && y) row[way] = (*y - *x) * 8 / 1e9 / window.seconds;  // Gbit/s
    }
    const auto speed = evidence.number(fmt::format("/sys/class/net/{}/speed", name));
    if (speed && *speed > 0) row["speed_gbit"] = *speed / 1e3;
    rows.push_back(std::move(row));
  }
  return {{"nics", rows}};
}

Finding decide_nics(const Evidence&, const Json& found) {
  double worst = -1.0, most = 0.0;
  std::string name;
  std::vector<Reading> read;
  for (const Json& row : found.at("nics")) {
    const double rx = row.value("rx_bytes", 0.0), tx = row.value("tx_bytes", 0.0);
    const double speed = row.value("speed_gbit", 0.0);
    const std::string nic = row.at("nic").get<std::string>();
    read.push_back(
        {"/sys/class/net/" + nic, fmt::format("in {:.3g}, out {:.3g} of {} Gbit/s", rx, tx,
                                              speed > 0 ? fmt::format("{:g}", speed) : "unknown")});
    most = std::max({most, rx, tx});
    if (speed > 0 && std::max(rx, tx) / speed > worst) {
      worst = std::max(rx, tx) / speed;
      name = nic;
    }
  }
  if (read.empty()) return not_applicable("no network device but loopback");
  if (worst < 0)
    return cannot_see(fmt::format("no device tells its speed; {:.3g} Gbit/s at most now", most),
                      read);
  const std::string words = fmt::format("{} carries {} of its speed", name, format_percent(worst));
  if (worst <= 0.85) return ok(words, read);
  return warn(words, read, "communication waits for this link; compress, or use more of them");
}

struct Call {
  long number;
  const char* name;
};
constexpr Call kWriting[] = {{SYS_write, "write"},
                             {SYS_pwrite64, "pwrite64"},
                             {SYS_writev, "writev"},
                             {SYS_fsync, "fsync"},
                             {SYS_fdatasync, "fdatasync"},
                             {SYS_close, "close"},
                             {SYS_sync_file_range, "sync_file_range"}};

// In which system call each thread is, looked at every 5 ms: a share of wall time without tracing.
Json measure_writing(const Evidence& evidence, double seconds) {
  const std::string folder = evidence.of_subject("task");
  std::map<std::string, std::map<std::string, int>> seen;  // thread -> call -> samples
  int samples = 0;
  std::string why;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (; std::chrono::steady_clock::now() < end; ++samples) {
    for (const std::string& task : evidence.list(folder)) {
      const Text text = evidence.read(fmt::format("{}/{}/syscall", folder, task));
      if (!text) {
        if (text.seen == Text::Seen::kForbidden) why = text.why;
        continue;
      }
      const auto number = machine::parse_number(text.value.substr(0, text.value.find(' ')));
      for (const Call& call : kWriting) {
        if (number && static_cast<long>(*number) == call.number) ++seen[task][call.name];
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  Json rows = Json::array();
  for (const auto& [task, calls] : seen) {
    for (const auto& [name, count] : calls) {
      rows.push_back({{"thread", task}, {"call", name}, {"samples", count}});
    }
  }
  Json found = {{"samples", samples}, {"rows", rows}};
  if (!why.empty()) found["why"] = why;
  return found;
}

Finding decide_writing(const Evidence&, const Json& found) {
  const int samples = found.at("samples").get<int>();
  if (found.contains("why")) {
    return cannot_see(found.at("why").get<std::string>() + "; root or the owner sees it");
  }
  if (samples < 20) return cannot_see("fewer than 20 looks at the job");
  std::map<std::string, int> by_thread;
  std::vector<Reading> read;
  for (const Json& row : found.at("rows")) {
    const int count = row.at("samples").get<int>();
    const std::string thread = row.at("thread").get<std::string>();
    by_thread[thread] += count;
    if (read.size() < 6) {
      read.push_back(
          {"thread " + thread,
           fmt::format("{} in {} of {} looks", row.at("call").get<std::string>(), count, samples)});
    }
  }
  double worst = 0.0;
  std::string at;
  for (const auto& [thread, count] : by_thread) {
    const double share = static_cast<double>(count) / samples;
    if (share > worst) {
      worst = share;
      at = thread;
    }
  }
  if (read.empty()) read.push_back({"/proc/PID/task/*/syscall", fmt::format("{} looks", samples)});
  if (worst <= 0.02) {
    return ok(fmt::format("no thread spends over {:.1f} % in writing", 100 * worst), read);
  }
  return warn(fmt::format("thread {} spends {:.0f} % of its time writing or syncing files", at,
                          100 * worst),
              read, "lost if the step waits for that thread: write from another one");
}

Json measure_idle_cores(const Evidence& evidence, double seconds) {
  const std::string tasks = evidence.of_subject("task");
  std::vector<std::string> paths = {kStat};
  for (const std::string& task : evidence.list(tasks))
    paths.push_back(fmt::format("{}/{}/stat", tasks, task));
  const Window window = watch(evidence, paths, seconds);
  double idle = 0.0, cpus = 0.0, busiest = 0.0;
  std::string name;
  if (window.before.contains(kStat) && window.after.contains(kStat)) {
    for (const CpuUse& use : cpu_use(window.before.at(kStat), window.after.at(kStat))) {
      if (use.cpu < 0) continue;
      ++cpus;
      idle += use.share() < 0.1 ? 1 : 0;
    }
  }
  for (const auto& [path, text] : window.after) {
    const auto before = window.before.find(path);
    if (path == kStat || before == window.before.end()) continue;
    const double share =
        (cpu_seconds_of_stat(text) - cpu_seconds_of_stat(before->second)) / window.seconds;
    if (share <= busiest) continue;
    busiest = share;
    name = name_of_stat(text);
  }
  return {{"cpus", cpus},
          {"idle_cpus", idle},
          {"busiest_thread", busiest},
          {"thread", name},
          {"gpu_busy", gpu_busy_now(evidence)}};
}

Finding decide_idle_cores(const Evidence&, const Json& found) {
  const double cpus = found.at("cpus").get<double>(), idle = found.at("idle_cpus").get<double>();
  const double busiest = found.at("busiest_thread").get<double>();
  const double gpu = found.at("gpu_busy").get<double>();
  if (gpu < 0) return cannot_see("no GPU tells how busy it is");
  if (cpus <= 0) return cannot_see("/proc/stat shows no processor");
  const std::string thread = found.value("thread", "");
  const std::vector<Reading> read = {
      {"/proc/stat", fmt::format("{:.0f} of {:.0f} processors idle", idle, cpus)},
      {"thread " + thread, format_percent(busiest)},
      {"GPUs busy", format_percent(gpu)}};
  if (gpu < 0.8 && idle > 0.5 * cpus && busiest > 0.9) {
    return warn(
        fmt::format("GPUs are {} busy and {:.0f} of {:.0f} processors idle, while one thread "
                    "({}) works alone",
                    format_percent(gpu), idle, cpus, thread),
        read, fmt::format("up to {} of the GPUs' time", format_percent(1 - gpu)));
  }
  return ok(fmt::format("GPUs are {} busy; no single thread holds them back", format_percent(gpu)),
            read);
}

std::string needs_job_on_gpu(const Evidence& evidence) {
  const std::string gpu = needs_gpu(evidence);
  return gpu.empty() ? needs_pid(evidence) : gpu;
}

}  // namespace

std::vector<Measure> running_job_measures() {
  return {
      {"input-pipeline-throughput", needs_pid, measure_input, guarded<decide_input>, 1.0},
      {"disk-saturation", needs_nothing, measure_disks, guarded<decide_disks>, 1.0},
      {"nic-throughput", needs_nothing, measure_nics, guarded<decide_nics>, 1.0},
      {"checkpoint-log-overhead", needs_pid, measure_writing, guarded<decide_writing>, 2.0},
      {"host-cores-idle", needs_job_on_gpu, measure_idle_cores, guarded<decide_idle_cores>, 1.0},
  };
}

}  // namespace aisp::doctor
