// Prints comparisons of machines; runs the metrics server. See doctor_fleet.h.
#include "app/doctor_fleet.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <filesystem>

#include "app/cmd_bench.h"
#include "base/error.h"
#include "doctor/fleet.h"
#include "machine/text_file.h"

namespace aisp::app {
namespace {

using doctor::Difference;
using doctor::Json;

std::atomic<bool> stop_serving = false;
void on_signal(int) { stop_serving = true; }

std::string shortened(std::string text) {
  constexpr std::size_t kMost = 100;
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text.size() > kMost ? text.substr(0, kMost) + " ..." : text;
}

Json as_json(const std::vector<Difference>& all, const std::vector<doctor::Outlier>& apart) {
  Json json = {{"schema", "aisp.doctor.differences"}, {"schema_version", 1}};
  json["differences"] = Json::array();
  for (const Difference& one : all) {
    Json values = Json::object();
    for (const auto& [value, hosts] : one.values) values[value] = hosts;
    json["differences"].push_back(
        {{"key", one.key}, {"usual", one.usual}, {"odd", one.odd()}, {"values", values}});
  }
  json["outliers"] = Json::array();
  for (const auto& one : apart) {
    json["outliers"].push_back({{"host", one.host},
                                {"item", one.item},
                                {"what", one.source},
                                {"value", one.value},
                                {"median", one.median}});
  }
  return json;
}

void print_text(const std::vector<Difference>& all, const std::vector<doctor::Outlier>& apart,
                std::size_t machines) {
  std::map<std::string, int> oddness;
  for (const Difference& one : all) {
    fmt::print("{}\n", one.key);
    for (const auto& [value, hosts] : one.values) {
      const bool usual = value == one.usual;
      if (!usual && !one.usual.empty()) {
        for (const auto& host : hosts) ++oddness[host];
      }
      const std::string who = hosts.size() > 4 ? fmt::format("{} machines", hosts.size())
                                               : fmt::format("{}", fmt::join(hosts, ", "));
      fmt::print("  {} {:<40} {}\n", usual ? " " : "*", shortened(value), who);
    }
  }
  for (const auto& one : apart) {
    ++oddness[one.host];
    fmt::print("{}: {}\n  * {:g} on {}, {:g} is usual\n", one.item, one.source, one.value, one.host,
               one.median);
  }
  fmt::print("{}{} machines: {} properties differ, {} figures lie apart\n",
             all.empty() && apart.empty() ? "" : "\n", machines, all.size(), apart.size());
  for (const auto& [host, times] : oddness) {
    fmt::print("  {} is the odd one out {} time{}\n", host, times, times == 1 ? "" : "s");
  }
}

int compare(const std::vector<doctor::Examination>& machines, bool json, bool strict) {
  if (machines.size() < 2) {
    throw UsageError("one machine cannot differ", "--compare", "name two documents or more");
  }
  const auto all = doctor::differences(machines);
  const auto apart = doctor::outliers(machines);
  if (json) {
    fmt::print("{}\n", as_json(all, apart).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(all, apart, machines.size());
  }
  return strict && (!all.empty() || !apart.empty()) ? kExitRegression : kExitOk;
}

}  // namespace

int cmd_doctor_compare(const std::vector<std::string>& documents, bool json, bool strict) {
  return compare(doctor::read_documents(documents), json, strict);
}

int cmd_doctor_fleet(const std::string& fleet, const doctor::CollectOptions& how, bool json,
                     bool strict) {
  if (std::filesystem::is_directory(fleet))
    return compare(doctor::read_documents({fleet}), json, strict);
  doctor::CollectOptions options = how;
  options.hosts = fleet;
  if (options.folder.empty()) options.folder = fleet + ".doctor";
  std::vector<std::string> documents;
  std::size_t silent = 0;
  for (const auto& answer : doctor::collect_fleet(options)) {
    if (answer.problem.empty()) {
      documents.push_back(fmt::format("{}/{}.json", options.folder, answer.host));
    } else {
      ++silent;
      fmt::print(stderr, "aisp: {}: no answer: {}\n", answer.host, answer.problem);
    }
  }
  fmt::print(stderr, "{} of {} machines answered; their documents are in {}\n", documents.size(),
             documents.size() + silent, options.folder);
  if (documents.size() < 2) return documents.empty() ? kExitFault : kExitOk;
  const int code = compare(doctor::read_documents(documents), json, strict);
  return silent > 0 && strict ? kExitRegression : code;
}

int cmd_doctor_serve(const std::string& where, doctor::ServeOptions options) {
  const std::size_t colon = where.rfind(':');
  const auto port =
      machine::parse_number(colon == std::string::npos ? where : where.substr(colon + 1));
  constexpr double kMostPort = 65535;
  if (!port || *port < 0 || *port > kMostPort || *port != static_cast<int>(*port)) {
    throw UsageError("not a port", "--serve " + where, "such as :9400 or 127.0.0.1:9400");
  }
  options.port = static_cast<std::uint16_t>(*port);
  if (colon != std::string::npos && colon > 0) options.address = where.substr(0, colon);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  options.listening = [&](std::uint16_t chosen) {
    fmt::print(stderr, "serving http://{}:{}/metrics\n", options.address, chosen);
  };
  doctor::serve_metrics(options, stop_serving);
  return kExitOk;
}

}  // namespace aisp::app
