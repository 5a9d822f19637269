// A control group of our own with limits on CPU time and memory, for children that work under them.
// Version 1 and 2. The group goes with the object, and also when this process crashes or is killed:
// a keeper process outside of everything waits for our end and removes it. Nothing else of the
// system is changed.
// Source: Linux Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst; scheduler/sched-bwc.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace aisp::machine {

class ControlGroup {
 public:
  struct Limits {
    double cpus = 0.0;  // CPU seconds per second; 0: no limit
    std::int64_t period_us = 100000;
    std::size_t memory_bytes = 0;  // 0: no limit
  };

  /// "" or why no group with such limits can be made here, in words ("needs root", ...). Makes one
  /// and removes it.
  static std::string why_not(const Limits& limits);

  /// Throws Error when the system refuses. Also removes empty groups that earlier processes of
  /// ours left behind.
  explicit ControlGroup(const Limits& limits);
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  /// Moves the calling process, with all its threads, into the group; false when refused. For a
  /// child after fork(): system calls only. Nobody may be inside any more when the object goes.
  bool enter() const;

  /// How often the group was throttled since it was made (nr_throttled); -1 unknown.
  std::int64_t throttled() const;

  /// The group's folder, for each hierarchy that it has one in.
  const std::vector<std::string>& folders() const { return folders_; }

 private:
  void make_folder(const std::string& controller);
  void set_limits(const Limits& limits);
  void start_keeper();
  void remove() const;

  std::vector<std::string> folders_;
  std::vector<std::string> doors_;  // folders_[i] + "/cgroup.procs"
  int keeper_ = -1;                 // its process
  int lifeline_ = -1;               // its pipe: closed by our end, however it comes
};

}  // namespace aisp::machine
