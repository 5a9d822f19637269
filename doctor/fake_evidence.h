// Evidence made of maps, for tests: set the few files that a probe looks at, and ask it. A probe
// must decide the same on this, on a recorded tree and on a machine.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/readable.h"

namespace aisp::doctor {

class FakeEvidence final : public Evidence {
 public:
  std::map<std::string, std::string> files;   // path -> text
  std::map<std::string, std::string> before;  // counters when the window began
  std::map<std::string, std::string> links;   // path -> target
  std::set<std::string> forbidden;            // paths that answer "permission denied"
  std::map<std::string, FileSystem> file_systems;
  std::map<std::string, Walk> walks;
  std::map<std::string, std::string> environment;
  struct Command {
    std::string output;
    int status = 0;
  };
  std::map<std::string, Command> commands;  // "git status" -> what it says
  std::map<std::string, Json> measurements;
  machine::Facts machine;
  Subject looked_at;
  double window = 1.0;

  Text read(const std::string& path) const override { return find(files, path); }
  Text earlier(const std::string& path) const override { return find(before, path); }
  double window_s() const override { return window; }

  std::vector<std::string> list(const std::string& path) const override {
    std::set<std::string> names;
    if (forbidden.contains(path)) return {};
    const std::string folder = path.ends_with('/') ? path : path + "/";
    const auto take = [&](const std::map<std::string, std::string>& all) {
      for (auto it = all.lower_bound(folder); it != all.end(); ++it) {
        if (!it->first.starts_with(folder)) break;
        const std::string below = it->first.substr(folder.size());
        names.insert(below.substr(0, below.find('/')));
      }
    };
    take(files);
    take(links);
    return {names.begin(), names.end()};
  }

  Text link(const std::string& path) const override { return find(links, path); }

  std::optional<FileSystem> file_system(const std::string& path) const override {
    const auto found = file_systems.find(path);
    return found == file_systems.end() ? std::nullopt : std::optional(found->second);
  }

  std::optional<Walk> walk(const std::string& path) const override {
    const auto found = walks.find(path);
    return found == walks.end() ? std::nullopt : std::optional(found->second);
  }

  Text variable(const std::string& name) const override { return find(environment, name); }
  std::map<std::string, std::string> variables() const override { return environment; }

  Text command(const std::vector<std::string>& argv, int* status) const override {
    std::string line;
    for (const std::string& word : argv) line += (line.empty() ? "" : " ") + word;
    const auto found = commands.find(line);
    if (found == commands.end()) return without(Text::Seen::kAbsent, line + ": not installed");
    if (status != nullptr) *status = found->second.status;
    return seen(found->second.output);
  }

  const machine::Facts& facts() const override { return machine; }
  const Subject& subject() const override { return looked_at; }
  Json measured(const std::string& id) const override {
    const auto found = measurements.find(id);
    return found == measurements.end() ? Json(nullptr) : found->second;
  }
  bool recorded() const override { return true; }

 private:
  static Text seen(const std::string& bytes) {
    Text text;
    text.seen = bytes.size() > kMostBytes ? Text::Seen::kTooLarge : Text::Seen::kYes;
    if (text)
      text.value = readable(bytes);
    else
      text.why = "more than 1 MiB";
    return text;
  }
  static Text without(Text::Seen why, std::string words) {
    Text text;
    text.seen = why;
    text.why = std::move(words);
    return text;
  }
  Text find(const std::map<std::string, std::string>& all, const std::string& name) const {
    if (forbidden.contains(name)) {
      return without(Text::Seen::kForbidden, name + ": permission denied");
    }
    const auto found = all.find(name);
    if (found == all.end()) return without(Text::Seen::kAbsent, name + ": not there");
    return seen(found->second);
  }
};

}  // namespace aisp::doctor
