// Versions of frameworks, from the metadata that installers leave, without starting any Python.
//
// Source: PyPA, Recording installed projects (*.dist-info/METADATA); release dates of each
// project's own release list.
#include <fmt/format.h>

#include <map>
#include <string>

#include "doctor/paths.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

struct Release {
  const char* name;  // normalised: lower case, '_'
  int major, minor;  // the first release of this minor version ...
  int year, month;   // ... came out then
};

// Ascending for each project. A version between two rows counts as the lower one.
constexpr Release kReleases[] = {{"torch", 1, 13, 2022, 10},
                                 {"torch", 2, 0, 2023, 3},
                                 {"torch", 2, 1, 2023, 10},
                                 {"torch", 2, 2, 2024, 1},
                                 {"torch", 2, 3, 2024, 4},
                                 {"torch", 2, 4, 2024, 7},
                                 {"torch", 2, 5, 2024, 10},
                                 {"torch", 2, 6, 2025, 1},
                                 {"torch", 2, 7, 2025, 4},
                                 {"torch", 2, 8, 2025, 8},
                                 {"torch", 2, 9, 2025, 10},
                                 {"triton", 2, 0, 2023, 3},
                                 {"triton", 2, 1, 2023, 9},
                                 {"triton", 3, 0, 2024, 7},
                                 {"triton", 3, 1, 2024, 10},
                                 {"triton", 3, 2, 2025, 1},
                                 {"triton", 3, 3, 2025, 4},
                                 {"triton", 3, 4, 2025, 7},
                                 {"triton", 3, 5, 2025, 10},
                                 {"jax", 0, 4, 2022, 12},
                                 {"jax", 0, 5, 2025, 1},
                                 {"jax", 0, 6, 2025, 4},
                                 {"jax", 0, 7, 2025, 7},
                                 {"jax", 0, 8, 2025, 10},
                                 {"tensorflow", 2, 12, 2023, 3},
                                 {"tensorflow", 2, 15, 2023, 11},
                                 {"tensorflow", 2, 16, 2024, 3},
                                 {"tensorflow", 2, 17, 2024, 7},
                                 {"tensorflow", 2, 18, 2024, 10},
                                 {"tensorflow", 2, 19, 2025, 3},
                                 {"tensorflow", 2, 20, 2025, 8},
                                 {"vllm", 0, 2, 2023, 9},
                                 {"vllm", 0, 4, 2024, 3},
                                 {"vllm", 0, 5, 2024, 6},
                                 {"vllm", 0, 6, 2024, 9},
                                 {"vllm", 0, 7, 2025, 1},
                                 {"vllm", 0, 8, 2025, 3},
                                 {"vllm", 0, 9, 2025, 5},
                                 {"vllm", 0, 10, 2025, 7},
                                 {"vllm", 0, 11, 2025, 10},
                                 {"transformer_engine", 1, 0, 2023, 12},
                                 {"transformer_engine", 2, 0, 2025, 2}};

int month_number(const Release& release) { return release.year * 12 + release.month; }

// Months between the installed release and the newest row; nothing for a project without rows.
std::optional<int> months_behind(const std::string& name, int major, int minor) {
  const Release *installed = nullptr, *newest = nullptr, *oldest = nullptr;
  for (const Release& release : kReleases) {
    if (name != release.name) continue;
    if (oldest == nullptr) oldest = &release;
    newest = &release;
    if (std::pair(release.major, release.minor) <= std::pair(major, minor)) installed = &release;
  }
  if (newest == nullptr) return std::nullopt;
  if (installed == nullptr) installed = oldest;
  return month_number(*newest) - month_number(*installed);
}

std::string normalised(std::string name) {
  for (char& c : name)
    c = c == '-' || c == '.' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::vector<std::string> package_folders(const Evidence& evidence) {
  std::vector<std::string> patterns;
  for (const char* root : {"/usr", "/usr/local", "/opt/*", "/opt/*/envs/*"}) {
    patterns.push_back(std::string(root) + "/lib/python3*");
  }
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const Text at = evidence.variable(name);
    if (at && at.value.starts_with('/')) patterns.push_back(at.value + "/lib/python3*");
  }
  std::vector<std::string> folders;
  for (const std::string& pattern : patterns) {
    for (const std::string& python : matching_paths(evidence, pattern)) {
      for (const char* packages : {"/site-packages", "/dist-packages"}) {
        folders.push_back(python + packages);
      }
    }
  }
  return folders;
}

constexpr int kMonthsBehind = 12;

Finding frameworks(const Evidence& evidence) {
  std::vector<Reading> read, behind;
  std::string unreadable;
  for (const std::string& folder : package_folders(evidence)) {
    for (const std::string& entry : evidence.list(folder)) {
      if (!entry.ends_with(".dist-info")) continue;
      const std::string stem = entry.substr(0, entry.find('-'));
      if (!months_behind(normalised(stem), 0, 0)) continue;
      const std::string path = fmt::format("{}/{}/METADATA", folder, entry);
      const Text text = evidence.read(path);
      const auto version = text ? Evidence::value_of(text.value, "Version") : std::nullopt;
      const auto parts = machine::split(version.value_or(""), '.');
      const auto major = parts.size() > 1 ? machine::parse_number(parts[0]) : std::nullopt;
      const auto minor = parts.size() > 1 ? machine::parse_number(parts[1]) : std::nullopt;
      if (!major || !minor || *major < 0 || *major > 9999 || *minor < 0 || *minor > 9999) {
        unreadable = path;
        continue;
      }
      const int months =
          *months_behind(normalised(stem), static_cast<int>(*major), static_cast<int>(*minor));
      const std::string words = fmt::format("{} {}", stem, *version);
      if (months >= kMonthsBehind) {
        behind.push_back({path, fmt::format("{}: {} months behind", words, months)});
      } else {
        read.push_back({path, words});
      }
    }
  }
  if (!behind.empty()) {
    return warn(fmt::format("{} the newest release known here", behind.front().value), behind,
                "newer releases carry fused operators; measure with bench compare before rollout");
  }
  if (!read.empty()) {
    return ok(fmt::format("{} frameworks, each less than a year behind", read.size()), read);
  }
  if (!unreadable.empty()) return cannot_see(unreadable + " names no version");
  return not_applicable("no deep-learning framework is installed where Python looks");
}

}  // namespace

std::vector<Probe> framework_probes() { return {{"frameworks-current", frameworks}}; }

}  // namespace aisp::doctor
