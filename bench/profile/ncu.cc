// See ncu.h.
#include "bench/profile/ncu.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "bench/command/spawn.h"
#include "bench/profile/ncu_csv.h"

extern char** environ;

namespace aisp::bench {
namespace {

namespace fs = std::filesystem;

// On the PATH, or where the toolkit puts it.
std::string find_ncu() {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  folders += ":/usr/local/cuda/bin";
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string file = folders.substr(at, end - at) + "/ncu";
    if (file.front() == '/' && access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return "";
}

command::Startable startable(std::vector<std::string> argv) {
  command::Startable what;
  what.argv = std::move(argv);
  for (char** entry = environ; *entry != nullptr; ++entry) what.environment.emplace_back(*entry);
  return what;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "ncu 2025.3.1.0" of the line "Version 2025.3.1.0 (build 36398880)".
std::string version_in(const std::string& text) {
  const std::size_t at = text.find("Version ");
  if (at == std::string::npos) return "ncu";
  const std::size_t begin = at + 8;
  return "ncu " + printable(text.substr(begin, text.find_first_of(" \n", begin) - begin));
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return printable(text.substr(text.rfind('\n') + 1));
}

// A folder that goes away with what is in it.
struct Scratch {
  explicit Scratch(const std::string& parent) : path(parent + "/aisp-profile-XXXXXX") {
    if (mkdtemp(path.data()) == nullptr) {
      throw Error("no folder can be made here", parent, "set TMPDIR to one that can be written");
    }
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string path;
};

void keep_only(const std::vector<std::string>& names, std::vector<KernelCounters>& kernels) {
  for (KernelCounters& one : kernels) {
    std::map<std::string, double> kept;
    for (const std::string& name : names) {
      const double value = one.value(name);
      if (std::isfinite(value)) kept[name] = value;
    }
    one.values = std::move(kept);
  }
}

constexpr const char* kNoPermission = "ERR_NVGPUCTRPERM";

}  // namespace

std::string CounterReader::report_of(const Job& job) const {
  if (reports_.empty() || level_ != CounterLevel::kDeepDive) return "";
  fs::create_directories(reports_);
  std::string name = job.lab + "-" + job.case_name + "-" + job.techniques.front();
  for (char& c : name) {
    if (c == '/' || c == ':') c = '-';
  }
  return reports_ + "/" + name;
}

CounterProfile CounterReader::run(const Job& job, const std::string& folder) {
  CounterProfile profile{.level = name(level_), .tool = version_};
  const std::string log = folder + "/counters.csv", job_file = folder + "/job.json";
  std::ofstream(job_file) << to_json(job).dump();
  std::vector<std::string> argv = {tool_};
  for (std::string& argument : ncu_arguments(level_, job.cache, log, report_of(job))) {
    argv.push_back(std::move(argument));
  }
  for (const std::string& argument :
       {fs::read_symlink("/proc/self/exe").string(), std::string("bench"),
        std::string("profile-worker"), std::string("--job"), job_file}) {
    argv.push_back(argument);
  }
  const command::Ended ended = command::run_process(startable(std::move(argv)), time_limit_s_);
  NcuOutput output = read_ncu_csv(text_of(log));
  for (const std::string& error : output.errors) {
    if (error.find(kNoPermission) == std::string::npos) continue;
    hopeless_ = fmt::format(
        "ncu may not read this card's counters ({}): an administrator must allow it, see "
        "developer.nvidia.com/{}",
        kNoPermission, kNoPermission);
  }
  const auto most = static_cast<std::size_t>(most_launches(level_));
  profile.cut = output.kernels.size() > most;
  if (profile.cut) output.kernels.resize(most);
  profile.kernels = std::move(output.kernels);
  keep_only(counter_names(level_), profile.kernels);
  if (!profile.kernels.empty() && ended.ok()) return profile;
  profile.kernels.clear();
  if (!hopeless_.empty()) {
    profile.why_not = hopeless_;
  } else if (ended.how != command::Ended::How::kExited) {
    profile.why_not = "under ncu: " + command::describe(ended, time_limit_s_);
  } else if (!output.errors.empty()) {
    profile.why_not = "ncu: " + printable(output.errors.back());
  } else if (output.no_kernels) {
    profile.why_not = "the call launched no kernel";
  } else if (!ended.ok()) {
    profile.why_not = fmt::format("under ncu: {}: {}", command::describe(ended, time_limit_s_),
                                  last_line(ended.tail));
  } else {
    profile.why_not = "what ncu printed is no table of counters";
  }
  return profile;
}

CounterProfile CounterReader::read(const Job& job) {
  try {
    if (!asked_) {
      asked_ = true;
      tool_ = find_ncu();
      if (tool_.empty()) {
        hopeless_ = "no ncu on the PATH (Nsight Compute, a part of the CUDA toolkit): no counters";
      } else {
        version_ = version_in(command::run_process(startable({tool_, "--version"}), 10.0).tail);
      }
    }
    if (!hopeless_.empty()) {
      return {.level = name(level_), .tool = version_, .why_not = hopeless_};
    }
    const Scratch scratch(job.scratch_folder);
    return run(job, scratch.path);
  } catch (const std::exception& problem) {
    return {.level = name(level_), .tool = version_, .why_not = problem.what()};
  }
}

}  // namespace aisp::bench
