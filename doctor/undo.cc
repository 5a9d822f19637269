// See undo.h.
// Source: Linux Documentation/filesystems/sysfs.rst (one write call is one value).
#include "doctor/undo.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"
#include "bench/descriptor.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using bench::Descriptor;

constexpr const char* kSchema = "aisp.undo/1";
constexpr std::size_t kMostBytes = std::size_t{1} << 20;

// The whole bytes; kernel files report no size.
std::optional<std::string> read_bytes(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) return std::nullopt;
  std::string all;
  char block[4096];
  for (;;) {
    const ssize_t got = read(file.fd, block, sizeof block);
    if (got < 0) return std::nullopt;
    if (got == 0) return all;
    all.append(block, static_cast<std::size_t>(got));
    if (all.size() > kMostBytes) {
      errno = EFBIG;
      return std::nullopt;
    }
  }
}

// In one call, as the kernel wants it. Never makes a file. "": done; else why not.
std::string write_bytes(const std::string& path, const std::string& bytes) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
  if (file.fd < 0) return std::strerror(errno);
  if (bytes.empty()) return "";
  const ssize_t put = write(file.fd, bytes.data(), bytes.size());
  if (put < 0) return std::strerror(errno);
  return put == static_cast<ssize_t>(bytes.size()) ? "" : "only a part was taken";
}

// The word in brackets, where the kernel shows a choice; else "".
std::string chosen_word(const std::string& text) {
  const std::size_t open = text.find('['), close = text.find(']', open);
  if (open == std::string::npos || close == std::string::npos) return "";
  return text.substr(open + 1, close - open - 1);
}

// "": the file holds the very bytes again.
std::string restore_one(const std::string& path, const std::string& old_text) {
  if (read_bytes(path) == old_text) return "";
  std::string problem = write_bytes(path, old_text);
  if (read_bytes(path) == old_text) return "";
  const std::string word = chosen_word(old_text);
  if (!word.empty()) problem = write_bytes(path, word + "\n");
  if (read_bytes(path) == old_text) return "";
  return problem.empty() ? "the kernel shows another value" : problem;
}

void check_target(const std::string& target, const std::string& root) {
  const bool below = target.starts_with("/proc/sys/") || target.starts_with("/sys/");
  const bool up = (target + "/").find("/../") != std::string::npos;
  if (!below || up || target.find('\0') != std::string::npos) {
    throw Error("is no setting of the kernel", target, "only /proc/sys and /sys are written");
  }
  // Links inside /sys (devices by class) are followed; a link must not lead out of it.
  std::error_code failure;
  const fs::path real = fs::canonical(root + target, failure);
  if (failure) throw Error(failure.message(), target, "");
  const std::string tree = fs::canonical(root.empty() ? "/" : root).string();
  const std::string base = tree == "/" ? "" : tree;
  const std::string inside = real.string();
  if (!inside.starts_with(base + "/sys/") && !inside.starts_with(base + "/proc/sys/")) {
    throw Error("a link leads out of the kernel's settings", target, "");
  }
}

// Bytes as JSON can hold them whatever they are.
std::string to_hex(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

std::optional<std::string> from_hex(const std::string& hex) {
  std::string bytes;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (hex.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(16 * high + low);
  }
  return bytes;
}

// Created, written and synced with its folder, or an Error and nothing left.
void write_synced(const std::string& path, const std::string& text) {
  const std::string folder = fs::absolute(path).parent_path().string();
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const std::string remedy =
      errno == EEXIST ? "restore it first: aisp doctor --undo " + path : "name another folder";
  if (file.fd < 0) throw Error(std::strerror(errno), path, remedy);
  const bool done = write(file.fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    fsync(file.fd) == 0;
  const int failure = errno;
  const Descriptor parent(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (done && (parent.fd < 0 || fsync(parent.fd) == 0 || errno == EINVAL)) return;
  unlink(path.c_str());
  throw Error(std::strerror(failure), path, "free some space");
}

}  // namespace

std::vector<Change> plan_changes(const std::vector<Fix>& fixes, const std::string& root) {
  std::vector<Change> changes;
  std::set<std::string> seen;
  for (const Fix& fix : fixes) {
    if (fix.kind != Fix::Kind::kWrite) {
      throw Error("is not a write to a file", fix.target, "take it from --fix-script");
    }
    check_target(fix.target, root);
    if (!seen.insert(fix.target).second) throw Error("is written twice", fix.target, "");
    const auto old_text = read_bytes(root + fix.target);
    if (!old_text) throw Error(std::strerror(errno), fix.target, "run as root");
    changes.push_back({fix.target, *old_text, fix.value});
  }
  return changes;
}

bool holds_wanted(const std::string& text, const std::string& wanted) {
  const std::string found(machine::trim(text)), asked(machine::trim(wanted));
  if (found == asked || chosen_word(found) == asked) return true;
  // Several numbers (tcp_rmem) come back with tabs between them.
  const auto words = [](const std::string& line) {
    std::string all;
    for (const char c : line) all += c == '\t' || c == '\n' ? ' ' : c;
    return all;
  };
  if (words(found) == words(asked)) return true;
  const auto a = machine::parse_number(found), b = machine::parse_number(asked);
  return a && b && *a == *b;
}

Undo::Undo(std::string file, std::string item, std::string root, std::vector<Change> changes)
    : file_(std::move(file)),
      item_(std::move(item)),
      root_(std::move(root)),
      changes_(std::move(changes)) {
  Json steps = Json::array();
  for (const Change& one : changes_) {
    steps.push_back(
        {{"target", one.target}, {"old_hex", to_hex(one.old_text)}, {"wanted", one.wanted}});
  }
  const Json json = {{"schema", kSchema}, {"item", item_}, {"steps", steps}};
  write_synced(file_, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Undo Undo::read(const std::string& file, const std::string& root) {
  const auto text = read_bytes(file);
  if (!text) throw Error(std::strerror(errno), file, "name the file that --apply printed");
  const Json json = Json::parse(*text, nullptr, false);
  Undo undo;
  undo.file_ = file;
  undo.root_ = root;
  try {
    if (json.at("schema") != kSchema) throw Error("is of another version", file, "");
    undo.item_ = json.at("item");
    for (const Json& step : json.at("steps")) {
      const auto old_text = from_hex(step.at("old_hex"));
      if (!old_text) throw Error("holds a value that is not hexadecimal", file, "");
      undo.changes_.push_back({step.at("target"), *old_text, step.at("wanted")});
    }
  } catch (const Json::exception&) {
    throw Error("is no undo file", file, "name the file that --apply printed");
  }
  for (const Change& one : undo.changes_) check_target(one.target, root);
  return undo;
}

void Undo::apply() const {
  for (const Change& one : changes_) {
    const std::string path = root_ + one.target;
    std::string problem = write_bytes(path, one.wanted + "\n");
    const auto found = read_bytes(path);
    if (problem.empty() && (!found || !holds_wanted(*found, one.wanted))) {
      problem = fmt::format("the kernel made '{}' of '{}'", machine::trim(found.value_or("")),
                            one.wanted);
    }
    if (problem.empty()) continue;
    restore();
    throw Error(problem, one.target, "all is as it was");
  }
}

void Undo::restore() const {
  std::string left;
  for (auto one = changes_.rbegin(); one != changes_.rend(); ++one) {
    const std::string problem = restore_one(root_ + one->target, one->old_text);
    if (!problem.empty()) left += (left.empty() ? "" : "; ") + one->target + ": " + problem;
  }
  if (!left.empty()) throw Error("not restored: " + left, file_, "restore by hand from it");
}

void Undo::forget() const { unlink(file_.c_str()); }

}  // namespace aisp::doctor
