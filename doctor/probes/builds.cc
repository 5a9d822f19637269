// Builds: flags of the program that is tuned, and baselines that do not wait on purpose.
//
// Source: CMake manual (CMakeCache.txt, compile_commands.json); nm(1); nvcc manual (-G, -lineinfo).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "doctor/paths.h"
#include "doctor/stored_runs.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// --build, or build/ where we stand if it is a build folder of CMake; empty: none.
std::string build_folder(const Evidence& evidence) {
  const std::string given = evidence.subject().build;
  if (!given.empty()) return given;
  const std::string usual = working_folder(evidence) + "/build";
  return evidence.read(usual + "/CMakeCache.txt") ? usual : "";
}

struct Flags {
  std::size_t commands = 0, plain = 0, zero = 0, device_debug = 0, sanitized = 0;
  std::string example;  // of a bad one
};

void count_flags(const std::string& command, const std::string& file, Flags& flags) {
  ++flags.commands;
  std::string level;  // the last -O counts
  bool device_debug = false;
  for (const auto word : machine::split(command, ' ')) {
    if (word.starts_with("-O")) level = word;
    if (word == "-G" || word == "--device-debug") device_debug = true;
    if (word.starts_with("-fsanitize=")) {
      ++flags.sanitized;
      break;
    }
  }
  const bool none = level.empty(), zero = level == "-O0";
  flags.plain += none ? 1 : 0;
  flags.zero += zero ? 1 : 0;
  flags.device_debug += device_debug ? 1 : 0;
  if ((none || zero || device_debug) && flags.example.empty()) flags.example = file;
}

std::optional<Flags> compile_flags(const Text& text) {
  const Json commands = Json::parse(text.value, nullptr, false);
  if (!commands.is_array() || commands.empty()) return std::nullopt;
  Flags flags;
  for (const Json& entry : commands) {
    if (!entry.is_object()) return std::nullopt;
    std::string line;
    const auto command = entry.find("command"), words = entry.find("arguments");
    if (command != entry.end() && command->is_string()) {
      line = command->get<std::string>();
    } else if (words != entry.end() && words->is_array()) {
      for (const Json& word : *words)
        line += (word.is_string() ? word.get<std::string>() : "") + " ";
    }
    const auto file = entry.find("file");
    count_flags(line, file != entry.end() && file->is_string() ? file->get<std::string>() : "",
                flags);
  }
  return flags;
}

Finding release_build(const Evidence& evidence) {
  const std::string folder = build_folder(evidence);
  if (folder.empty()) return not_applicable("no --build given and no CMake build in ./build");
  const Text cache = evidence.read(folder + "/CMakeCache.txt");
  const Text commands = evidence.read_record(folder + "/compile_commands.json");
  if (!cache && !commands) return cannot_see(cache.why);
  std::string type;
  for (const auto line : machine::split(cache.value, '\n')) {
    if (line.starts_with("CMAKE_BUILD_TYPE:")) type = line.substr(line.find('=') + 1);
  }
  std::vector<Reading> read;
  if (cache) read.push_back({folder + "/CMakeCache.txt", "CMAKE_BUILD_TYPE=" + type});
  const std::vector<Fix> fixes = {
      {Fix::Kind::kCommand,
       fmt::format("cmake -DCMAKE_BUILD_TYPE=Release {0} && cmake --build {0}", folder), ""}};
  const char* const kCost = "unoptimised host code takes multiples of its time; -G likewise";
  if (const auto flags = commands ? compile_flags(commands) : std::nullopt) {
    read.push_back({folder + "/compile_commands.json",
                    fmt::format("{} commands: {} without -O, {} with -O0, {} with -G",
                                flags->commands, flags->plain, flags->zero, flags->device_debug)});
    if (flags->device_debug > 0) {
      return fail(
          fmt::format("{} files are built with -G, as {}", flags->device_debug, flags->example),
          read, kCost, fixes);
    }
    if (flags->zero + flags->plain > flags->commands / 2) {
      return fail(fmt::format("{} of {} files are built without optimisation",
                              flags->zero + flags->plain, flags->commands),
                  read, kCost, fixes);
    }
    if (flags->zero + flags->plain > 0) {
      return warn(fmt::format("{} of {} files are built without optimisation, as {}",
                              flags->zero + flags->plain, flags->commands, flags->example),
                  read, kCost, fixes);
    }
    if (flags->sanitized > 0) {
      return warn(fmt::format("{} files are built with a sanitizer", flags->sanitized), read,
                  "AddressSanitizer's documentation says 2x", fixes);
    }
    return ok(fmt::format("all {} files are optimised", flags->commands), read);
  }
  if (commands) return cannot_see(folder + "/compile_commands.json is not a list of commands");
  if (type == "Release" || type == "RelWithDebInfo" || type == "MinSizeRel") {
    return ok(fmt::format("CMAKE_BUILD_TYPE is {}", type), read);
  }
  return fail(type.empty() ? std::string("CMAKE_BUILD_TYPE is empty: no optimisation flags")
                           : fmt::format("CMAKE_BUILD_TYPE is {}", type),
              read, kCost, fixes);
}

const std::set<std::string, std::less<>>& waits() {
  static const std::set<std::string, std::less<>> names = {
      "sleep", "usleep", "nanosleep", "clock_nanosleep", "thrd_sleep", "pthread_delay_np"};
  return names;
}

// "a.o:                 U nanosleep@GLIBC_2.2.5" -> "nanosleep"
std::string undefined_symbol(std::string_view line) {
  const std::size_t at = line.rfind(" U ");
  if (at == std::string_view::npos) return "";
  const std::string_view name = line.substr(at + 3);
  return std::string(name.substr(0, name.find('@')));
}

// A call of a waiting function in source text.
std::string wait_in(const std::string& source) {
  for (const char* call : {"sleep_for(", "sleep_until(", "usleep(", "nanosleep(", "__nanosleep("}) {
    if (source.find(call) != std::string::npos) return std::string(call) + ")";
  }
  const std::size_t at = source.find("sleep(");
  const bool whole = at != std::string::npos && (at == 0 || !std::isalnum(source[at - 1]));
  return whole ? "sleep()" : "";
}

// Object files first: they show what macros hide. The source where there is no build.
Finding honest_baselines(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  const std::string build = build_folder(evidence);
  std::set<std::string> stems;  // "labs/ch07_memory_access/transpose/row_walk"
  for (const auto& result : run.results) {
    if (!result.folder.empty()) stems.insert(result.folder + "/" + result.baseline);
  }
  std::vector<std::string> objects, nm = {"nm", "-A", "--undefined-only"};
  std::vector<Reading> bad;
  std::size_t sources = 0;
  for (const std::string& stem : stems) {
    const auto found = build.empty() || !build.starts_with('/')
                           ? std::vector<std::string>()
                           : matching_paths(evidence, build + "/CMakeFiles/*/" + stem + ".cc.o");
    objects.insert(objects.end(), found.begin(), found.end());
    const Text source = evidence.read(working_folder(evidence) + "/" + stem + ".cc");
    if (!source) continue;
    ++sources;
    const std::string wait = wait_in(source.value);
    if (!wait.empty()) bad.push_back({stem + ".cc", wait});
  }
  nm.insert(nm.end(), objects.begin(), objects.end());
  if (!objects.empty()) {
    const Text symbols = evidence.command(nm);
    for (const auto line : machine::split(symbols.value, '\n')) {
      const std::string name = undefined_symbol(line);
      if (waits().contains(name))
        bad.push_back({std::string(line.substr(0, line.find(':'))), name});
    }
    if (!symbols) objects.clear();
  }
  if (!bad.empty()) {
    const std::string says =
        fmt::format("baseline {} waits: it calls {}", bad.front().source, bad.front().value);
    return fail(says, std::move(bad), "every speed-up over it is invented");
  }
  if (objects.empty() && sources == 0) {
    return cannot_see("neither objects nor sources of the run's baselines are here");
  }
  return ok(
      fmt::format("no baseline waits ({} objects, {} sources looked at)", objects.size(), sources),
      {{run.folder, fmt::format("{} baselines", stems.size())}});
}

}  // namespace

std::vector<Probe> build_probes() {
  return {{"optimized-build", release_build}, {"honest-baselines", honest_baselines}};
}

}  // namespace aisp::doctor
