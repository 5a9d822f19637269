// Can the work be repeated: version control, a gate in continuous integration, checkpoints that
// bring a job back.
//
// Source: git-status(1), git-ls-files(1); Slurm scontrol manual (Requeue); torchrun documentation
// (--max-restarts).
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "doctor/files_with_age.h"
#include "doctor/paths.h"
#include "doctor/stored_runs.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

std::string source_folder(const Evidence& evidence) {
  const std::string given = evidence.subject().source;
  return given.empty() ? working_folder(evidence) : given;
}

// Words of the subject's command line; empty when no process is given.
std::vector<std::string> command_line(const Evidence& evidence) {
  std::vector<std::string> words;
  if (evidence.subject().pid == 0) return words;
  const Text text = evidence.read(evidence.of_subject("cmdline"));  // NULs read as new lines
  for (const auto word : machine::split(text.value, '\n')) words.emplace_back(word);
  return words;
}

bool is_config(const std::string& word) {
  static const char* const kEnds[] = {".yaml", ".yml", ".toml", ".json", ".ini", ".cfg"};
  return std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](const char* end) { return word.ends_with(end); });
}

Finding versioned_state(const Evidence& evidence) {
  const std::string folder = source_folder(evidence);
  int status = 0;
  const Text head = evidence.command({"git", "-C", folder, "rev-parse", "HEAD"}, &status);
  if (!head) return cannot_see(head.why);
  if (status != 0) {
    if (evidence.subject().source.empty()) {
      return not_applicable("no --source given and this folder is not under version control");
    }
    return fail(folder + " is not under version control", {{"git rev-parse HEAD", "fails"}},
                "no result can be traced to its source",
                {{Fix::Kind::kCommand, "git -C " + folder + " init", ""}});
  }
  std::vector<Reading> read = {{"git rev-parse HEAD", head.value}};
  const Text changes = evidence.command({"git", "-C", folder, "status", "--porcelain"}, &status);
  if (!changes || status != 0) return cannot_see("git status: " + changes.why, read);
  for (const std::string& word : command_line(evidence)) {
    if (!is_config(word)) continue;
    const Text listed =
        evidence.command({"git", "-C", folder, "ls-files", "--error-unmatch", word}, &status);
    if (listed && status != 0) {
      read.push_back({"git ls-files " + word, "not tracked"});
      return warn("the job's " + word + " is not under version control", std::move(read),
                  "the run cannot be repeated from the commit alone",
                  {{Fix::Kind::kCommand, fmt::format("git -C {} add {}", folder, word), ""}});
    }
  }
  const std::size_t changed = machine::split(changes.value, '\n').size();
  if (changed > 0) {
    read.push_back({"git status --porcelain", fmt::format("{} lines", changed)});
    return warn(fmt::format("{} files differ from commit {}", changed, head.value.substr(0, 12)),
                std::move(read), "no commit holds the state that is measured");
  }
  const Text tag = evidence.command({"git", "-C", folder, "describe", "--tags"}, &status);
  if (tag && status == 0) read.push_back({"git describe --tags", tag.value});
  return ok("commit " + head.value.substr(0, 12) + " holds all of it", std::move(read));
}

// Steps that compare a benchmark with a stored one, by the tools' own documentation.
const char* const kGates[] = {
    "bench gate",     "--benchmark-compare", "benchmark-action/", "github-action-benchmark",
    "asv continuous", "bencher run",         "CodSpeedHQ/",       "perf-gate",
    "critcmp",        "benchstat",           "hyperfine",         "compare.py benchmarks"};

Finding performance_gate(const Evidence& evidence) {
  const std::string folder = source_folder(evidence);
  std::vector<std::string> files;
  if (!folder.empty() && folder.starts_with('/')) {
    for (const char* pattern : {"/.github/workflows/*.yml", "/.github/workflows/*.yaml"}) {
      for (auto& path : matching_paths(evidence, folder + pattern)) files.push_back(path);
    }
  }
  for (const char* name : {"/.gitlab-ci.yml", "/.circleci/config.yml", "/Jenkinsfile"}) {
    if (evidence.read(folder + name)) files.push_back(folder + name);
  }
  if (files.empty()) {
    if (evidence.subject().source.empty()) {
      return not_applicable("no --source given and no continuous integration set up here");
    }
    return warn("no continuous integration is set up", {{folder, "no workflow file"}},
                "regressions are found by users");
  }
  for (const std::string& path : files) {
    const Text text = evidence.read(path);
    for (const char* gate : kGates) {
      if (text.value.find(gate) != std::string::npos) {
        return ok("a benchmark is compared in CI", {{path, gate}});
      }
    }
  }
  std::vector<Reading> read;
  for (const std::string& path : files) read.push_back({path, "no step compares a benchmark"});
  return warn("continuous integration runs, but no step compares benchmarks", std::move(read),
              "one percent lost a week is 40 % in a year; aisp bench gate finds it");
}

struct Generations {
  std::map<std::string, double> age;  // by the first part of the path, its youngest file
  bool manifest = false;
};

Generations generations_of(const AgedFiles& found) {
  Generations all;
  for (const AgedFile& file : found.files) {
    const std::size_t slash = file.path.find('/');
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    const bool manifest = name.find("manifest") != std::string::npos ||
                          name.find("index.json") != std::string::npos ||
                          name.ends_with(".sha256") || name.ends_with(".md5") ||
                          name.ends_with(".metadata") || name == "latest" ||
                          name == "latest_checkpointed_iteration.txt";
    all.manifest = all.manifest || manifest;
    if (slash == std::string::npos && manifest) continue;
    all.age.try_emplace(file.path.substr(0, slash), file.age_s);  // files come youngest first
  }
  return all;
}

// What brings the job back after a fault; empty: not known here.
std::string restarter(const Evidence& evidence, bool* none) {
  const auto words = command_line(evidence);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view count;
    if (words[i].starts_with("--max-restarts=") || words[i].starts_with("--max_restarts=")) {
      count = std::string_view(words[i]).substr(15);
    } else if ((words[i] == "--max-restarts" || words[i] == "--max_restarts") &&
               i + 1 < words.size()) {
      count = words[i + 1];
    }
    if (const auto number = machine::parse_number(count)) {
      if (*number <= 0) *none = true;
      return fmt::format("--max-restarts {:g}", *number);
    }
  }
  const Text job = evidence.variable("SLURM_JOB_ID");
  if (!job) return "";
  const Text shown = evidence.command({"scontrol", "show", "job", job.value});
  const std::size_t at = shown.value.find("Requeue=");
  if (!shown || at == std::string::npos) return "";
  if (shown.value.substr(at + 8, 1) == "0") *none = true;
  return shown.value.substr(at, 9);
}

Finding checkpoint_recovery(const Evidence& evidence) {
  const std::string folder = evidence.subject().checkpoints;
  if (folder.empty()) return not_applicable("no --checkpoints given");
  const AgedFiles found = files_with_age(evidence, folder);
  if (!found.why.empty()) return cannot_see(found.why);
  const Generations all = generations_of(found);
  std::vector<double> ages;
  for (const auto& [name, age] : all.age) ages.push_back(age);
  std::sort(ages.begin(), ages.end());
  std::vector<Reading> read = {{folder, fmt::format("{} generations", ages.size())}};
  bool no_restart = false;
  const std::string restart = restarter(evidence, &no_restart);
  if (!restart.empty()) read.push_back({"restart", restart});
  if (ages.empty())
    return fail(folder + " holds no checkpoint", read, "a fault costs the whole run");
  if (ages.size() < 2) {
    return fail("only one checkpoint: a fault while it is written loses all", read,
                "keep two generations, write to a temporary name and rename");
  }
  const double interval = ages[1] - ages[0];
  read.push_back(
      {"newest", fmt::format("{:.0f} s old, {:.0f} s after the one before", ages[0], interval)});
  if (no_restart) return warn("nothing restarts the job after a fault: " + restart, read);
  constexpr double kSlack = 60.0;  // generations written together are parts of one
  if (ages[0] > 2.0 * interval + kSlack) {
    return warn(fmt::format("the newest checkpoint is {:.1f} h old, they came every {:.1f} h",
                            ages[0] / 3600.0, interval / 3600.0),
                read, fmt::format("a fault now costs {:.1f} h", ages[0] / 3600.0));
  }
  if (!all.manifest) {
    return warn("no checksum or manifest says that a checkpoint is complete", read,
                "a torn checkpoint is found when it is needed");
  }
  return ok(fmt::format("{} generations, the newest {:.0f} min old", ages.size(), ages[0] / 60.0),
            read);
}

}  // namespace

std::vector<Probe> reproducibility_probes() {
  return {{"versioned-state", versioned_state},
          {"ci-performance-gate", performance_gate},
          {"checkpoint-recovery", checkpoint_recovery}};
}

}  // namespace aisp::doctor
