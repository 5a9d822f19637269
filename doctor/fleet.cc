// Compares examinations. See fleet.h.
#include "doctor/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/interval.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAbsent = "-";

// Last parts of keys that differ by nature.
bool varies_by_nature(const std::string& part) {
  static const std::set<std::string> kNames = {"hostname",
                                               "uuid",
                                               "pci_address",
                                               "memory_free_bytes",
                                               "sm_clock_now",
                                               "memory_clock_now",
                                               "power_now",
                                               "temperature",
                                               "memory_temperature",
                                               "temperature_margin",
                                               "fan_percent",
                                               "utilization_percent",
                                               "memory_utilization_percent",
                                               "processes",
                                               "affinity",
                                               "unseen",
                                               "pcie_replays",
                                               "remote",
                                               "serial",
                                               "throttle_reasons"};
  return kNames.contains(part);
}

using Properties = std::map<std::string, std::string>;

// "gpus/0/name": entries of a list are named by their name or index where they have one.
void flatten(const Json& json, const std::string& key, Properties& into) {
  if (json.is_object()) {
    for (const auto& [name, value] : json.items()) {
      if (!varies_by_nature(name)) flatten(value, key.empty() ? name : key + "/" + name, into);
    }
  } else if (json.is_array()) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      std::string part = fmt::format("{}", i);
      if (json[i].is_object() && json[i].contains("name") && !json[i].contains("index")) {
        part = json[i].value("name", part);
      }
      flatten(json[i], key + "/" + part, into);
    }
  } else {
    into[key] = json.is_string() ? json.get<std::string>() : json.dump();
  }
}

// Settings: what a probe read from the kernel's settings or the environment does not vary by
// nature.
bool is_setting(const std::string& source) {
  return source.starts_with("/proc/sys/") || source.starts_with("/sys/kernel/mm/") ||
         source.starts_with("/sys/block/") || source.starts_with("environment ") ||
         source == "/proc/cmdline";
}

std::vector<Difference> compare(const std::vector<std::string>& hosts,
                                const std::vector<Properties>& all,
                                const std::vector<std::string>& order) {
  std::vector<Difference> found;
  for (const std::string& key : order) {
    Difference difference;
    difference.key = key;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      const auto value = all[i].find(key);
      difference.values[value == all[i].end() ? kAbsent : value->second].push_back(hosts[i]);
    }
    if (difference.values.size() < 2) continue;
    for (const auto& [value, having] : difference.values) {
      if (2 * having.size() > hosts.size()) difference.usual = value;
    }
    found.push_back(std::move(difference));
  }
  return found;
}

std::vector<std::string> keys_of(const std::vector<Properties>& all) {
  std::set<std::string> keys;
  for (const auto& properties : all) {
    for (const auto& [key, value] : properties) keys.insert(key);
  }
  return {keys.begin(), keys.end()};
}

}  // namespace

std::vector<std::string> Difference::odd() const {
  std::vector<std::string> hosts;
  for (const auto& [value, having] : values) {
    if (usual.empty() || value != usual) hosts.insert(hosts.end(), having.begin(), having.end());
  }
  std::sort(hosts.begin(), hosts.end());
  return hosts;
}

std::vector<Difference> differences(const std::vector<Examination>& machines) {
  std::vector<std::string> hosts, order;
  std::vector<Properties> verdicts, settings, facts;
  std::set<std::string> known;
  for (const Examination& machine : machines) {
    hosts.push_back(machine.host);
    Properties verdict, setting, fact;
    for (const Row& row : machine.rows) {
      verdict[row.item.id] = name(row.finding.verdict);
      if (known.insert(row.item.id).second) order.push_back(row.item.id);
      for (const Reading& reading : row.finding.evidence) {
        if (is_setting(reading.source)) setting[reading.source] = reading.value;
      }
    }
    flatten(to_json(machine.facts), "", fact);
    verdicts.push_back(std::move(verdict));
    settings.push_back(std::move(setting));
    facts.push_back(std::move(fact));
  }
  std::vector<Difference> all = compare(hosts, verdicts, order);
  for (const auto* properties : {&settings, &facts}) {
    const auto more = compare(hosts, *properties, keys_of(*properties));
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

std::vector<Outlier> outliers(const std::vector<Examination>& machines) {
  constexpr std::size_t kLeast = 4;
  constexpr double kRobustSigma = 1.4826, kSigmas = 5.0, kShare = 0.10;
  std::map<std::pair<std::string, std::string>, std::vector<std::pair<std::string, double>>>
      figures;
  for (const Examination& machine : machines) {
    for (const Row& row : machine.rows) {
      if (row.item.kind != Kind::kMeasure) continue;
      for (const Reading& reading : row.finding.evidence) {
        const auto value =
            machine::parse_number(reading.value.substr(0, reading.value.find_first_of(" [")));
        if (value) figures[{row.item.id, reading.source}].emplace_back(machine.host, *value);
      }
    }
  }
  std::vector<Outlier> found;
  for (const auto& [key, values] : figures) {
    if (values.size() < kLeast) continue;
    std::vector<double> numbers, distances;
    for (const auto& [host, value] : values) numbers.push_back(value);
    const double middle = median(numbers);
    for (const double number : numbers) distances.push_back(std::abs(number - middle));
    const double sigma = kRobustSigma * median(distances);
    for (const auto& [host, value] : values) {
      const double distance = std::abs(value - middle);
      if (distance > kShare * std::abs(middle) && distance > kSigmas * sigma) {
        found.push_back({host, key.first, key.second, value, middle});
      }
    }
  }
  return found;
}

std::vector<Examination> read_documents(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path().string());
    }
    if (files.size() == before) {
      throw Error("no *.json in it", path, "put documents of aisp doctor --json there");
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  std::vector<Examination> machines;
  std::map<std::string, int> times;
  for (const std::string& file : files) {
    const auto text = machine::read_text(file);
    if (!text) throw Error("cannot be read", file, "name a document of aisp doctor --json");
    const Json json = Json::parse(*text, nullptr, false);
    if (!json.is_object())
      throw Error("not a JSON object", file, "make it with aisp doctor --json");
    try {
      machines.push_back(examination_from_json(json));
    } catch (const Error& problem) {
      throw Error(problem.problem(), file, problem.remedy());
    }
    std::string& host = machines.back().host;
    if (host.empty()) host = fs::path(file).stem().string();
    const int count = ++times[host];
    if (count > 1) host += fmt::format("#{}", count);
  }
  return machines;
}

}  // namespace aisp::doctor
