// What else runs on the machine: daemons, exporters, jobs that share it.
//
// Source: proc_pid_stat(5), proc_net_tcp (Linux networking/proc_net_tcp.rst), accounting/psi.rst.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "doctor/tables.h"
#include "doctor/tasks.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

// Programs that belong on a desktop, or that wake up to update, index and download.
constexpr const char* kIdleWork[] = {"packagekitd", "unattended-upgr", "apt.systemd.dai",
                                     "dnf",         "dnf-automatic",   "updatedb",
                                     "plocate",     "tracker-miner",   "tracker-extr",
                                     "baloo_file",  "cupsd",           "cups-browsed",
                                     "gnome-shell", "gdm-x-session",   "Xorg",
                                     "kwin_x11",    "plasmashell",     "fwupd"};

Finding background_services(const Evidence& evidence) {
  const std::vector<Process> all = processes(evidence);
  if (all.empty()) return cannot_see("/proc: no process can be read");
  std::set<std::string> flagged;
  for (const Process& process : all) {
    if (process.kernel) continue;
    for (const char* const name : kIdleWork) {
      if (process.name.starts_with(name)) flagged.insert(process.name);
    }
  }
  std::vector<std::string> busy;
  const std::set<int> family =
      evidence.subject().pid != 0 ? family_of_subject(evidence) : std::set<int>();
  for (const Process& process : all) {
    const double cpus = busy_cpus(evidence, process);
    constexpr double kBusy = 0.5;
    if (cpus > kBusy && !family.contains(process.pid) && !process.kernel) {
      busy.push_back(fmt::format("{} {:.0f} %", process.name, cpus * 100));
    }
  }
  std::vector<Reading> read = {{"/proc/*/stat", fmt::format("{} processes", all.size())}};
  if (!busy.empty()) read.push_back({"busy now", fmt::format("{}", fmt::join(busy, ", "))});
  if (!flagged.empty()) {
    read.push_back({"/proc/*/stat", fmt::format("{}", fmt::join(flagged, ", "))});
    return warn(fmt::format("{} programs run that a compute node does not need: {}", flagged.size(),
                            fmt::join(flagged, ", ")),
                read, "they wake up when they like: processor time, disk reads, cache");
  }
  if (!busy.empty() && evidence.subject().pid != 0) {
    return warn(
        fmt::format("{} processes beside the one looked at keep processors busy", busy.size()),
        read, "the share shown");
  }
  return ok("no program that a compute node does not need", read);
}

// Ports that somebody listens on, from /proc/net/tcp and tcp6.
std::set<int> listening_ports(const Evidence& evidence) {
  std::set<int> ports;
  for (const char* const file : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    for (const auto line : split(evidence.read(file).value, '\n')) {
      std::vector<std::string_view> words;
      for (const auto word : split(line, ' ')) {
        if (!word.empty()) words.push_back(word);
      }
      if (words.size() < 4 || words[3] != "0A") continue;
      const std::size_t colon = words[1].rfind(':');
      if (colon == std::string_view::npos || words[1].size() - colon != 5) continue;
      const std::string digits(words[1].substr(colon + 1));
      if (digits.find_first_not_of("0123456789ABCDEFabcdef") != std::string::npos) continue;
      ports.insert(std::stoi(digits, nullptr, 16));
    }
  }
  return ports;
}

Finding monitoring_exporters(const Evidence& evidence) {
  if (!evidence.facts().container.empty()) {
    return cannot_see("in a container: its host's exporters are not seen from here");
  }
  const Text sockets = evidence.read("/proc/net/tcp");
  if (!sockets) return cannot_see(sockets.why);
  if (sockets.value.find("local_address") == std::string::npos) {
    return cannot_see("/proc/net/tcp: not a table of sockets");
  }
  const std::set<int> ports = listening_ports(evidence);
  std::set<std::string> running;
  for (const Process& process : processes(evidence)) {
    if (process.name.starts_with("nv-hostengine") || process.name.starts_with("dcgm-exporter")) {
      running.insert("GPU");
    }
    if (process.name.starts_with("node_exporter") || process.name.starts_with("prometheus-node")) {
      running.insert("node");
    }
  }
  constexpr int kGpuPort = 9400, kNodePort = 9100;
  if (ports.contains(kGpuPort)) running.insert("GPU");
  if (ports.contains(kNodePort)) running.insert("node");
  const std::vector<Reading> read = {
      {"/proc/net/tcp, /proc/*/stat", fmt::format("exporters: {}", fmt::join(running, ", "))}};
  if (evidence.facts().gpus.empty()) {
    return running.contains("node")
               ? ok("a node exporter runs", read)
               : not_applicable("no GPU and no exporter: nothing to watch", read);
  }
  if (running.size() == 2) return ok("GPU and node exporters run", read);
  return warn(running.empty() ? std::string("no exporter runs: drops and spikes go unseen")
                              : fmt::format("only a {} exporter runs", *running.begin()),
              read, "hours of a GPU that throttles or idles before somebody looks");
}

// "full avg10=0.00 avg60=1.25 ..." -> 1.25.
std::optional<double> full_pressure(const Text& text) {
  const auto line = Evidence::value_of(text.value, "full");
  const std::size_t at = line ? line->find("avg60=") : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const std::string rest = line->substr(at + 6);
  return parse_number(rest.substr(0, rest.find(' ')));
}

Finding job_packing_contention(const Evidence& evidence) {
  if (evidence.facts().gpus.empty()) return not_applicable("no GPU");
  std::set<int> jobs;
  for (const auto& gpu : evidence.facts().gpus) {
    for (const auto& process : gpu.processes) jobs.insert(process.pid);
  }
  if (jobs.size() < 2) return not_applicable("fewer than two processes hold GPUs");
  std::vector<Reading> read;
  double worst = 0;
  std::string what;
  for (const char* const resource : {"memory", "io"}) {
    const std::string file = fmt::format("/proc/pressure/{}", resource);
    const auto percent = full_pressure(evidence.read(file));
    if (!percent) continue;
    read.push_back({file, fmt::format("full avg60={:g}", *percent)});
    if (*percent > worst) {
      worst = *percent;
      what = resource;
    }
  }
  if (read.empty()) return cannot_see("/proc/pressure: not there");
  if (worst > 5) {
    return warn(fmt::format("for {:g} % of the last minute all work waited for {}, with {} GPU "
                            "processes",
                            worst, what, jobs.size()),
                read, "that share of every job's time");
  }
  return ok(fmt::format("{} GPU processes share the machine without waiting", jobs.size()), read);
}

}  // namespace

std::vector<Probe> service_probes() {
  return {{"background-services", background_services, {"/proc/*/stat"}},
          {"monitoring-exporters", monitoring_exporters},
          {"job-packing-contention", job_packing_contention}};
}

}  // namespace aisp::doctor
