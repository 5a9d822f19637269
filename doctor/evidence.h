// All that a probe may look at. One small interface, so that every probe also runs against recorded
// trees of other machines: nothing in doctor/probes touches the system by any other way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "doctor/walk.h"
#include "machine/facts.h"

namespace aisp::doctor {

using Json = nlohmann::ordered_json;

/// A text, or why there is none.
struct Text {
  enum class Seen { kYes, kAbsent, kForbidden, kTooLarge, kUnreadable };
  Seen seen = Seen::kAbsent;
  std::string value;  // without trailing white space; bytes that are not UTF-8 replaced by U+FFFD
  std::string why;    // "/proc/kmsg: permission denied"; empty when seen
  explicit operator bool() const { return seen == Seen::kYes; }
};

/// What a file system holds: statvfs(3), and the type of its mount.
struct FileSystem {
  std::uint64_t total_bytes = 0, free_bytes = 0;
  std::string type;  // "ext4", "tmpfs", "nfs4"; empty: unknown
  std::string source, options;
};

/// What is looked at besides the machine: a job, its data, its records. Empty: not given.
struct Subject {
  int pid = 0;              // the process whose settings count; 0: this one
  std::string data;         // dataset folder or file
  std::string checkpoints;  // checkpoint folder
  std::string run;          // a run of ours: artifacts/<run>
  std::string build;        // a build folder
  std::string source;       // a source tree under version control
  std::string model;        // a model folder or file
  std::string metrics;      // URL of a server's metrics
  std::string command;      // the user's step command; {batch=32|64} is swept by measurements
  std::string trace;        // a profile made elsewhere (doctor/trace.h), or a folder of one a rank
  std::string reference;    // what data or outputs are compared with: the same, made before
  std::string outputs;      // outputs of the model now
  double price_per_hour = 0.0;
  bool metadata = false;  // may ask the cloud's link-local metadata service
};
Json to_json(const Subject& subject);
Subject subject_from_json(const Json& json);

class Evidence {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  virtual ~Evidence() = default;

  /// The text of a file, at most kMostBytes.
  virtual Text read(const std::string& path) const = 0;
  /// The same up to kMostRecordBytes: records of runs and lists of builds, which are ours.
  static constexpr std::size_t kMostRecordBytes = std::size_t{32} << 20;
  virtual Text read_record(const std::string& path) const { return read(path); }
  /// The same file when the doctor began (Probe::counters names it); absent when it was not read.
  virtual Text earlier(const std::string& path) const = 0;
  /// Seconds between earlier() and read() of counters.
  virtual double window_s() const = 0;
  /// Sorted names in a folder, at most 4,096; empty when absent or forbidden.
  virtual std::vector<std::string> list(const std::string& path) const = 0;
  /// Where a symbolic link points.
  virtual Text link(const std::string& path) const = 0;
  virtual std::optional<FileSystem> file_system(const std::string& path) const = 0;
  /// A bounded look over a dataset: a third of a second the first time, then from memory.
  virtual std::optional<Walk> walk(const std::string& path) const = 0;
  /// An environment variable of the subject (its /proc/PID/environ, or ours).
  virtual Text variable(const std::string& name) const = 0;
  /// All of them, by name.
  virtual std::map<std::string, std::string> variables() const = 0;
  /// Output of a read-only program that is installed, at most a second: {"git", "status"}. Absent
  /// when it is not installed, unreadable when it fails or takes too long. Exit status is `status`.
  virtual Text command(const std::vector<std::string>& argv, int* status = nullptr) const = 0;
  virtual const machine::Facts& facts() const = 0;
  virtual const Subject& subject() const = 0;
  /// What a measurement of this item found earlier: a recorded tree's measured/<id>.json; null:
  /// none.
  virtual Json measured(const std::string& id) const = 0;
  /// True for a recorded tree: nothing may be measured.
  virtual bool recorded() const = 0;

  /// Convenience over read().
  bool exists(const std::string& path) const;
  std::optional<double> number(const std::string& path) const;  // the whole text as a number
  /// Paths that a pattern of Probe::counters stands for: "{cgroup}/..." below each control group
  /// that the subject is in, "{process}/..." of the subject, "*" for one part of a path.
  std::vector<std::string> counter_paths(const std::string& pattern) const;
  /// `path` with the subject's process: "/proc/self/..." becomes "/proc/PID/..." when one is given.
  std::string of_subject(const std::string& tail) const;  // "limits" -> "/proc/self/limits"
  /// "key: value" or "key value" lines: the value of the first line with this key.
  static std::optional<std::string> value_of(const std::string& text, const std::string& key);
  /// The first word of value_of() as a number: "MemTotal: 1024 kB" -> 1024.
  static std::optional<double> number_of(const std::string& text, const std::string& key);
};

/// What is gathered once, before the probes: the facts, and counters as the window began.
struct Collected {
  machine::Facts facts;
  std::map<std::string, std::string> counters;
  std::function<double()> window_s = [] { return 0.0; };
};

/// This machine. `collected` must outlive it. Everything read is kept when `record_to` names a
/// folder: the recorded tree.
std::unique_ptr<Evidence> live_evidence(const Subject& subject, const Collected& collected,
                                        const std::string& record_to = "");

/// Variables that steer numeric libraries and launchers: all that a recorded tree keeps.
bool is_steering_variable(const std::string& name);

/// A recorded tree:
///   root/...            files as they were; a symbolic link is kept as a link
///   lists/....names     names in a folder, where more were listed than files were read
///   before/...          counters when the window began
///   env                 NAME=VALUE lines
///   facts.json          machine::to_json(Facts)
///   subject.json        Subject
///   tree.json           {"forbidden": [paths], "window_s": 1.0, "statfs": {path: {...}},
///                        "walks": {path: Walk}, "unreadable": [paths],
///                        "commands": {"git status": {"status": 0, "output": "..."}},
///                        "source": "where the contents come from"}
///   measured/<id>.json  what a measurement found
/// Throws Error when the folder is not one.
std::unique_ptr<Evidence> recorded_evidence(const std::string& folder);

}  // namespace aisp::doctor
