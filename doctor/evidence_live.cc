// Evidence of this machine, and the recorder that keeps what was read as a tree. See evidence.h.
// A read that hangs costs its probe: the examination (examine.cc) ends the process that waits.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "doctor/evidence.h"
#include "doctor/kept_text.h"
#include "doctor/mounts.h"
#include "doctor/quick_command.h"
#include "doctor/readable.h"
#include "machine/text_file.h"

extern char** environ;

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;

Text without(int error, const std::string& path) {
  Text text;
  const bool absent = error == ENOENT || error == ENOTDIR || error == ENODEV || error == ENXIO;
  const bool forbidden = error == EACCES || error == EPERM;
  text.seen = absent      ? Text::Seen::kAbsent
              : forbidden ? Text::Seen::kForbidden
                          : Text::Seen::kUnreadable;
  text.why = fmt::format("{}: {}", path,
                         absent      ? "not there"
                         : forbidden ? "permission denied"
                                     : std::strerror(error));
  return text;
}

Text read_file(const std::string& path, std::size_t most = Evidence::kMostBytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return without(errno, path);
  struct stat what {};
  if (fstat(fd, &what) == 0 && S_ISDIR(what.st_mode)) {
    close(fd);
    return without(ENOENT, path);
  }
  std::string bytes;
  char buffer[16384];
  int error = 0;
  while (bytes.size() <= most) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
  close(fd);
  if (error != 0 && bytes.empty()) return without(error, path);
  Text text;
  if (bytes.size() > most) {
    text.seen = Text::Seen::kTooLarge;
    text.why = fmt::format("{}: more than {} MiB", path, most >> 20);
    return text;
  }
  text.seen = Text::Seen::kYes;
  text.value = readable(bytes);
  return text;
}

std::map<std::string, std::string> parse_environment(std::string_view lines) {
  std::map<std::string, std::string> variables;
  for (const auto line : machine::split(lines, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    variables.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return variables;
}

class Live final : public Evidence {
 public:
  Live(Subject subject, std::string record_to, const Collected* collected)
      : subject_(std::move(subject)), record_to_(std::move(record_to)), collected_(collected) {}

  Text read(const std::string& path) const override { return read_and_keep(path, kMostBytes); }
  Text read_record(const std::string& path) const override {
    return read_and_keep(path, kMostRecordBytes);
  }

  Text read_and_keep(const std::string& path, std::size_t most) const {
    Text text = read_file(path, most);
    if (text) keep_file("root" + path, kept_text(path, text.value));
    if (text.seen == Text::Seen::kForbidden) note("forbidden", path);
    if (text.seen == Text::Seen::kUnreadable) note("unreadable", path);
    return text;
  }

  Text earlier(const std::string& path) const override {
    const auto found = collected_->counters.find(path);
    if (found == collected_->counters.end()) return without(ENOENT, path);
    keep_file("before" + path, found->second);
    Text text;
    text.seen = Text::Seen::kYes;
    text.value = found->second;
    return text;
  }

  double window_s() const override { return collected_->window_s(); }

  std::vector<std::string> list(const std::string& path) const override {
    constexpr std::size_t kMost = 4096;
    std::vector<std::string> names;
    DIR* const folder = opendir(path.c_str());
    if (folder == nullptr) return names;
    while (const dirent* const entry = readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (names.size() == kMost) break;
      names.emplace_back(name);
    }
    closedir(folder);
    std::sort(names.begin(), names.end());
    std::string lines;
    for (const std::string& name : names) lines += readable(name) + '\n';
    if (!names.empty()) keep_file("lists" + path + "/.names", lines);
    return names;
  }

  Text link(const std::string& path) const override {
    std::error_code error;
    const fs::path target = fs::read_symlink(path, error);
    if (error) return without(error.value(), path);
    keep_link(path, target.string());
    Text text;
    text.seen = Text::Seen::kYes;
    text.value = readable(target.string());
    return text;
  }

  std::optional<FileSystem> file_system(const std::string& path) const override {
    struct statvfs found {};
    if (statvfs(path.c_str(), &found) != 0) return std::nullopt;
    FileSystem result;
    result.total_bytes = std::uint64_t{found.f_blocks} * found.f_frsize;
    result.free_bytes = std::uint64_t{found.f_bavail} * found.f_frsize;
    std::error_code error;
    const std::string real = fs::canonical(path, error).string();
    fill_mount(read("/proc/self/mountinfo").value, error ? path : real, result);
    note_json("statfs", path,
              {{"total_bytes", result.total_bytes},
               {"free_bytes", result.free_bytes},
               {"type", result.type},
               {"source", result.source},
               {"options", result.options}});
    return result;
  }

  std::optional<Walk> walk(const std::string& path) const override {
    auto known = walks_.find(path);
    if (known == walks_.end()) {
      known = walks_.emplace(path, walk_folder(path)).first;
      if (known->second) note_json("walks", path, to_json(*known->second));
    }
    return known->second;
  }

  Text variable(const std::string& name) const override {
    const auto all = variables();
    const auto found = all.find(name);
    if (found == all.end()) return without(ENOENT, "environment variable " + name);
    Text text;
    text.seen = Text::Seen::kYes;
    text.value = readable(found->second);
    return text;
  }

  std::map<std::string, std::string> variables() const override {
    std::map<std::string, std::string> all;
    if (subject_.pid != 0) {
      all = parse_environment(read_file(of_subject("environ")).value);
    } else {
      for (char** entry = environ; *entry != nullptr; ++entry) {
        all.merge(parse_environment(readable(*entry)));
      }
    }
    std::string lines;
    for (const auto& [name, value] : all) {
      // A recorded tree is meant to be passed on: only what steers libraries is kept.
      if (is_steering_variable(name)) lines += name + "=" + value + "\n";
    }
    keep_file("env", lines);
    return all;
  }

  Text command(const std::vector<std::string>& argv, int* status) const override {
    const QuickCommand ran = run_quick_command(argv, kCommandSeconds);
    if (status != nullptr) *status = ran.status;
    Text text;
    text.seen = ran.seen;
    text.value = readable(ran.output);
    text.why = ran.why;
    if (ran.seen == Text::Seen::kYes) {
      note_json("commands", fmt::format("{}", fmt::join(argv, " ")),
                {{"status", ran.status}, {"output", text.value}});
    }
    return text;
  }

  const machine::Facts& facts() const override { return collected_->facts; }
  const Subject& subject() const override { return subject_; }
  Json measured(const std::string&) const override { return nullptr; }
  bool recorded() const override { return false; }

 private:
  static constexpr double kCommandSeconds = 0.8;  // below the second that a probe has

  void keep_file(const std::string& name, const std::string& text) const {
    if (record_to_.empty()) return;
    const fs::path path = fs::path(record_to_) / name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    std::ofstream(path) << text << '\n';
  }

  void keep_link(const std::string& path, const std::string& target) const {
    if (record_to_.empty()) return;
    const fs::path at = record_to_ + "/root" + path;
    std::error_code error;
    fs::create_directories(at.parent_path(), error);
    fs::create_symlink(target, at, error);
  }

  // tree.json is read, changed and written: a few dozen times in a recording.
  void note(const char* field, const std::string& value) const {
    change_tree_json([&](Json& tree) {
      Json& values = tree[field];
      if (std::find(values.begin(), values.end(), Json(value)) == values.end()) {
        values.push_back(value);
      }
    });
  }
  void note_json(const char* field, const std::string& key, const Json& value) const {
    change_tree_json([&](Json& tree) { tree[field][key] = value; });
  }
  void change_tree_json(const std::function<void(Json&)>& change) const {
    if (record_to_.empty()) return;
    const std::string path = record_to_ + "/tree.json";
    Json tree = Json::parse(machine::read_text(path).value_or("{}"), nullptr, false);
    if (!tree.is_object()) tree = Json::object();
    change(tree);
    tree["window_s"] = window_s();
    std::ofstream(path) << tree.dump(1) << '\n';
  }

  Subject subject_;
  std::string record_to_;
  const Collected* collected_;
  mutable std::map<std::string, std::optional<Walk>> walks_;
};

}  // namespace

std::unique_ptr<Evidence> live_evidence(const Subject& subject, const Collected& collected,
                                        const std::string& record_to) {
  return std::make_unique<Live>(subject, record_to, &collected);
}

}  // namespace aisp::doctor
