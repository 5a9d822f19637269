// Evidence from a recorded tree. See evidence.h for what such a folder holds.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "doctor/evidence.h"
#include "doctor/mounts.h"
#include "doctor/readable.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;

Text absent(const std::string& path, const char* why = "not there") {
  Text text;
  text.why = path + ": " + why;
  return text;
}

Text seen(std::string value) {
  Text text;
  text.seen = Text::Seen::kYes;
  text.value = std::move(value);
  return text;
}

// Only of regular files: one that is a pipe would be waited for without end.
std::optional<std::string> text_of(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) ? machine::read_text(path) : std::nullopt;
}

Json parse(const std::string& path, bool needed) {
  const auto text = text_of(path);
  if (!text) {
    if (!needed) return Json::object();
    throw Error("no such file", path, "name a folder made by aisp doctor --record");
  }
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) throw Error("not a JSON object", path, "record the tree again");
  return json;
}

class Recorded final : public Evidence {
 public:
  explicit Recorded(std::string folder) : folder_(std::move(folder)) {
    tree_ = parse(folder_ + "/tree.json", true);
    try {
      facts_ = machine::facts_from_json(parse(folder_ + "/facts.json", false));
      subject_ = subject_from_json(parse(folder_ + "/subject.json", false));
      window_s_ = tree_.value("window_s", 0.0);
    } catch (const nlohmann::json::exception& problem) {
      throw Error(problem.what(), folder_, "record the tree again");
    }
    const std::string lines = readable(text_of(folder_ + "/env").value_or(""));
    for (const auto line : machine::split(lines, '\n')) {
      const std::size_t equals = line.find('=');
      if (equals == std::string_view::npos || equals == 0) continue;
      variables_.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
  }

  Text read(const std::string& path) const override {
    return read_below("/root", path, kMostBytes);
  }
  Text read_record(const std::string& path) const override {
    return read_below("/root", path, kMostRecordBytes);
  }
  Text earlier(const std::string& path) const override {
    return read_below("/before", path, kMostBytes);
  }
  double window_s() const override { return window_s_; }

  std::vector<std::string> list(const std::string& path) const override {
    std::vector<std::string> names;
    if (among("forbidden", path)) return names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_ + "/root" + path, error)) {
      names.push_back(entry.path().filename().string());
    }
    const std::string listed = text_of(folder_ + "/lists" + path + "/.names").value_or("");
    for (const auto name : machine::split(machine::trim(listed), '\n')) names.emplace_back(name);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  Text link(const std::string& path) const override {
    std::error_code error;
    const fs::path target = fs::read_symlink(folder_ + "/root" + path, error);
    return error ? absent(path) : seen(readable(target.string()));
  }

  std::optional<FileSystem> file_system(const std::string& path) const override {
    const Json all = tree_.value("statfs", Json::object());
    const auto found = all.find(path);
    if (found == all.end() || !found->is_object()) return std::nullopt;
    FileSystem result;
    result.total_bytes = found->value("total_bytes", std::uint64_t{0});
    result.free_bytes = found->value("free_bytes", std::uint64_t{0});
    fill_mount(read("/proc/self/mountinfo").value, path, result);
    if (result.type.empty()) result.type = found->value("type", "");
    if (result.options.empty()) result.options = found->value("options", "");
    if (result.source.empty()) result.source = found->value("source", "");
    return result;
  }

  std::optional<Walk> walk(const std::string& path) const override try {
    const Json all = tree_.value("walks", Json::object());
    const auto found = all.find(path);
    return found == all.end() ? std::nullopt : std::optional(walk_from_json(*found));
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }

  Text variable(const std::string& name) const override {
    const auto found = variables_.find(name);
    return found == variables_.end() ? absent("environment variable " + name) : seen(found->second);
  }
  std::map<std::string, std::string> variables() const override { return variables_; }

  Text command(const std::vector<std::string>& argv, int* status) const override {
    const Json all = tree_.value("commands", Json::object());
    const auto found = all.find(fmt::format("{}", fmt::join(argv, " ")));
    if (found == all.end()) return absent(argv.at(0), "its output was not recorded");
    if (status != nullptr) *status = found->value("status", 0);
    return seen(found->value("output", ""));
  }

  const machine::Facts& facts() const override { return facts_; }
  const Subject& subject() const override { return subject_; }
  Json measured(const std::string& id) const override {
    const auto text = machine::read_text(fmt::format("{}/measured/{}.json", folder_, id));
    if (!text) return nullptr;
    Json json = Json::parse(*text, nullptr, false);
    return json.is_discarded() ? Json(nullptr) : json;
  }
  bool recorded() const override { return true; }

 private:
  bool among(const char* field, const std::string& path) const {
    const Json all = tree_.value(field, Json::array());
    return std::find(all.begin(), all.end(), Json(path)) != all.end();
  }

  Text read_below(const char* part, const std::string& path, std::size_t most) const {
    if (among("forbidden", path) || among("unreadable", path)) {
      const bool may_not = among("forbidden", path);
      Text text = absent(path, may_not ? "permission denied" : "could not be read");
      text.seen = may_not ? Text::Seen::kForbidden : Text::Seen::kUnreadable;
      return text;
    }
    const std::string file = folder_ + part + path;
    struct stat what {};
    if (stat(file.c_str(), &what) != 0 || !S_ISREG(what.st_mode)) return absent(path);
    if (static_cast<std::size_t>(what.st_size) > most) {
      Text text = absent(path, fmt::format("more than {} MiB", most >> 20).c_str());
      text.seen = Text::Seen::kTooLarge;
      return text;
    }
    const auto text = machine::read_text(file);
    return text ? seen(readable(*text)) : absent(path);
  }

  std::string folder_;
  Json tree_;
  machine::Facts facts_;
  Subject subject_;
  double window_s_ = 0.0;
  std::map<std::string, std::string> variables_;
};

}  // namespace

std::unique_ptr<Evidence> recorded_evidence(const std::string& folder) {
  return std::make_unique<Recorded>(folder);
}

}  // namespace aisp::doctor
