// What every kind of evidence shares: small readings of texts. See evidence.h.
#include "doctor/evidence.h"

#include <fmt/format.h>

#include "doctor/cgroups.h"
#include "doctor/paths.h"
#include "machine/text_file.h"

namespace aisp::doctor {

Json to_json(const Subject& s) {
  return {{"pid", s.pid},
          {"data", s.data},
          {"checkpoints", s.checkpoints},
          {"run", s.run},
          {"build", s.build},
          {"source", s.source},
          {"model", s.model},
          {"metrics", s.metrics},
          {"command", s.command},
          {"trace", s.trace},
          {"reference", s.reference},
          {"outputs", s.outputs},
          {"price_per_hour", s.price_per_hour},
          {"metadata", s.metadata}};
}

Subject subject_from_json(const Json& json) {
  Subject s;
  s.pid = json.value("pid", 0);
  s.data = json.value("data", "");
  s.checkpoints = json.value("checkpoints", "");
  s.run = json.value("run", "");
  s.build = json.value("build", "");
  s.source = json.value("source", "");
  s.model = json.value("model", "");
  s.metrics = json.value("metrics", "");
  s.command = json.value("command", "");
  s.trace = json.value("trace", "");
  s.reference = json.value("reference", "");
  s.outputs = json.value("outputs", "");
  s.price_per_hour = json.value("price_per_hour", 0.0);
  s.metadata = json.value("metadata", false);
  return s;
}

bool Evidence::exists(const std::string& path) const {
  const Text::Seen seen = read(path).seen;
  return seen != Text::Seen::kAbsent || !list(path).empty();
}

std::optional<double> Evidence::number(const std::string& path) const {
  const Text text = read(path);
  return text ? machine::parse_number(text.value) : std::nullopt;
}

std::vector<std::string> Evidence::counter_paths(const std::string& pattern) const {
  constexpr std::string_view kGroup = "{cgroup}", kProcess = "{process}/";
  if (pattern.starts_with(kProcess)) return {of_subject(pattern.substr(kProcess.size()))};
  if (!pattern.starts_with(kGroup)) return matching_paths(*this, pattern);
  std::vector<std::string> paths;
  for (const std::string& folder : cgroup_folders(*this)) {
    paths.push_back(folder + pattern.substr(kGroup.size()));
  }
  return paths;
}

std::string Evidence::of_subject(const std::string& tail) const {
  const int pid = subject().pid;
  return pid == 0 ? "/proc/self/" + tail : fmt::format("/proc/{}/{}", pid, tail);
}

std::optional<std::string> Evidence::value_of(const std::string& text, const std::string& key) {
  for (std::string_view line : machine::split(text, '\n')) {
    line = machine::trim(line);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    if (line.empty() || (line[0] != ':' && line[0] != ' ' && line[0] != '\t' && line[0] != '=')) {
      continue;
    }
    line = machine::trim(line.substr(1));
    if (line.starts_with(':') || line.starts_with('=')) line = machine::trim(line.substr(1));
    return std::string(line);
  }
  return std::nullopt;
}

std::optional<double> Evidence::number_of(const std::string& text, const std::string& key) {
  const std::string value = value_of(text, key).value_or("");
  return machine::parse_number(value.substr(0, value.find_first_of(" \t")));
}

}  // namespace aisp::doctor
