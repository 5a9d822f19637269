// One launcher process per host, each with a pipe of its own, so that answers cannot mix. See
// collect.h.
#include "doctor/collect.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"
#include "doctor/examine.h"
#include "doctor/quick_command.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr const char* kMpirun = "mpirun --host {} -n 1 --oversubscribe";

bool plain(std::string_view host) {
  return !host.empty() && host.size() < 256 && host[0] != '-' &&
         host.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") ==
             std::string_view::npos;
}

std::vector<std::string> read_hosts(const std::string& path) {
  const auto text = machine::read_text(path);
  if (!text) throw Error("cannot be read", path, "name a file with one host a line");
  std::vector<std::string> hosts;
  std::set<std::string> seen;
  int number = 0;
  for (std::string_view line : machine::split(*text, '\n')) {
    ++number;
    line = machine::trim(line.substr(0, line.find('#')));
    line = line.substr(0, line.find_first_of(" \t"));  // "node1 slots=8"
    if (line.empty()) continue;
    if (!plain(line)) {
      throw Error("not the name of a host", fmt::format("{}:{}", path, number),
                  "one host a line, letters, digits, dots and dashes");
    }
    if (seen.insert(std::string(line)).second) hosts.emplace_back(line);
  }
  if (hosts.empty()) throw Error("names no host", path, "write one host a line");
  return hosts;
}

std::vector<std::string> command_for(const CollectOptions& options, const std::string& host) {
  std::vector<std::string> argv;
  const std::string launcher = options.launcher.empty() ? kMpirun : options.launcher;
  for (const auto word : machine::split(launcher, ' ')) {
    if (word.empty()) continue;
    argv.emplace_back(word);
    const std::size_t at = argv.back().find("{}");
    if (at != std::string::npos) argv.back().replace(at, 2, host);
  }
  if (options.launcher.empty() && geteuid() == 0) {
    argv.insert(argv.begin() + 1, "--allow-run-as-root");
  }
  argv.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  argv.insert(argv.end(), {"doctor", "--json"});
  argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
  return argv;
}

HostAnswer ask(const CollectOptions& options, const std::string& host) {
  const QuickCommand ran = run_quick_command(command_for(options, host), options.limit_s);
  if (ran.seen != Text::Seen::kYes) return {host, ran.why};
  const Json json = Json::parse(ran.output, nullptr, false);
  if (!json.is_object() || json.value("schema", "") != "aisp.doctor") {
    return {host, fmt::format("the launcher ended with status {} and no document", ran.status)};
  }
  const std::string path = fmt::format("{}/{}.json", options.folder, host);
  std::ofstream file(path + ".tmp", std::ios::trunc);
  file << json.dump(2) << '\n';
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(path + ".tmp", path, error);
  if (!file || error) return {host, path + " cannot be written"};
  return {host, ""};
}

}  // namespace

std::vector<HostAnswer> collect_fleet(const CollectOptions& options) {
  const std::vector<std::string> hosts = read_hosts(options.hosts);
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) throw Error(error.message(), options.folder, "name a folder that can be written");
  std::vector<HostAnswer> answers(hosts.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < hosts.size(); i = next++) answers[i] = ask(options, hosts[i]);
  };
  std::vector<std::jthread> threads;
  const std::size_t at_once = std::min(hosts.size(), static_cast<std::size_t>(options.at_once));
  for (std::size_t i = 0; i < at_once; ++i) threads.emplace_back(work);
  threads.clear();
  return answers;
}

}  // namespace aisp::doctor
