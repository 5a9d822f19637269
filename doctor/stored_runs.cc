// See stored_runs.h.
#include "doctor/stored_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr std::size_t kMostShown = 6;

std::string started(const Json& header) {
  const auto found = header.is_object() ? header.find("started_utc") : header.end();
  return found != header.end() && found->is_string() ? found->get<std::string>() : "";
}

Json parse_header(const Text& text) {
  Json header = Json::parse(text.value, nullptr, false);
  return header.is_object() ? header : Json();
}

// Later lines of the same case win, and a torn last line is left out, as in bench::read_run.
void parse_results(const std::string& text, const std::string& where, StoredRun& run) {
  std::map<std::string, std::size_t> position;
  const auto lines = machine::split(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (machine::trim(lines[i]).empty()) continue;
    const Json json = Json::parse(lines[i], nullptr, false);
    if (json.is_discarded() && i + 1 == lines.size()) return;
    bench::CaseResult result;
    try {
      result = bench::case_from_json(json, fmt::format("{}:{}", where, i + 1));
    } catch (const std::exception& problem) {
      run.damaged = true;
      run.why = problem.what();
      return;
    }
    const auto [found, first] = position.try_emplace(result.key(), run.results.size());
    if (first)
      run.results.push_back(std::move(result));
    else
      run.results[found->second] = std::move(result);
  }
}

}  // namespace

std::string working_folder(const Evidence& evidence) {
  const Text link = evidence.link("/proc/self/cwd");
  return link ? link.value : "";
}

std::vector<std::string> run_folders(const Evidence& evidence, std::size_t most) {
  const std::string artifacts = working_folder(evidence) + "/artifacts";
  std::vector<std::string> names = evidence.list(artifacts), folders;
  std::reverse(names.begin(), names.end());
  for (const std::string& name : names) {
    if (folders.size() == most) break;
    const std::string folder = artifacts + "/" + name;
    const auto inside = evidence.list(folder);
    if (std::binary_search(inside.begin(), inside.end(), "run.json")) folders.push_back(folder);
  }
  return folders;
}

StoredRun read_stored_run(const Evidence& evidence, const std::string& folder) {
  StoredRun run;
  run.folder = folder;
  const Text header = evidence.read(folder + "/run.json");
  if (header) run.header = parse_header(header);
  if (!run.header.is_object() || run.header.value("schema", Json()) != Json(bench::kRunSchema)) {
    run.damaged = true;
    run.why = header ? fmt::format("{}/run.json is not a header of {}", folder, bench::kRunSchema)
                     : header.why;
    return run;
  }
  const Text lines = evidence.read_record(folder + "/results.jsonl");
  if (!lines) {
    run.damaged = lines.seen != Text::Seen::kAbsent;
    run.why = lines.why;
    return run;
  }
  // A dozen probes look at the same run: its text decides whether it is the one parsed last.
  static std::pair<std::string, StoredRun> last;
  if (last.first == folder + lines.value) {
    last.second.header = run.header;
    return last.second;
  }
  parse_results(lines.value, folder + "/results.jsonl", run);
  last = {folder + lines.value, run};
  return run;
}

StoredRun subject_run(const Evidence& evidence) {
  std::string folder = evidence.subject().run;
  if (folder.ends_with("/run.json")) folder.resize(folder.size() - 9);
  if (!folder.empty()) {
    const bool relative = !folder.starts_with('/');
    return read_stored_run(evidence, relative ? working_folder(evidence) + "/" + folder : folder);
  }
  std::string latest;
  for (const std::string& one : run_folders(evidence)) {
    const Text header = evidence.read(one + "/run.json");
    const std::string when = header ? started(parse_header(header)) : "";
    if (folder.empty() || when > latest) {
      folder = one;
      latest = when;
    }
  }
  return folder.empty() ? StoredRun{} : read_stored_run(evidence, folder);
}

std::optional<Finding> no_run(const StoredRun& run) {
  if (run.folder.empty()) {
    return not_applicable("no --run given and no run stored under artifacts/");
  }
  if (run.damaged) return cannot_see(run.why);
  if (run.results.empty()) return not_applicable(run.folder + " holds no result yet");
  return std::nullopt;
}

bool is_timed(const bench::TechniqueResult& technique) {
  return technique.outcome == bench::Outcome::kOk || technique.outcome == bench::Outcome::kNoisy;
}

std::string label(const bench::CaseResult& result, const bench::TechniqueResult& technique) {
  return result.key() + " " + technique.name;
}

Survey survey(const StoredRun& run, const Complaint& complain) {
  Survey found;
  for (const auto& result : run.results) {
    for (const auto& technique : result.techniques) {
      if (!is_timed(technique)) continue;
      ++found.looked_at;
      std::string words = complain(result, technique);
      if (!words.empty()) found.bad.push_back({label(result, technique), std::move(words)});
    }
  }
  return found;
}

Finding decide(const StoredRun& run, Survey survey, Verdict otherwise, const std::string& good,
               const std::string& bad) {
  if (survey.looked_at == 0) return not_applicable(run.folder + " holds no result with a time");
  if (survey.bad.empty()) {
    return ok(fmt::format("all {} timed results: {}", survey.looked_at, good),
              {{run.folder, fmt::format("{} cases", run.results.size())}});
  }
  Finding finding;
  finding.verdict = otherwise;
  finding.says =
      fmt::format("{} of {} timed results: {}", survey.bad.size(), survey.looked_at, bad);
  finding.evidence = std::move(survey.bad);
  if (finding.evidence.size() > kMostShown) finding.evidence.resize(kMostShown);
  return finding;
}

}  // namespace aisp::doctor
