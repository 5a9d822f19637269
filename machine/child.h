// A piece of work in a child process of its own, under a control group's limits if wanted: what it
// does to itself (groups, affinity, limits) goes with it. The child dies with its parent.
#pragma once

#include <cstddef>
#include <functional>

#include "machine/control_group.h"

namespace aisp::machine {

/// Forks, lets the child enter `group` (null: none) and run job(), and waits for it. The child has
/// a copy of the caller's memory and none of its other threads; what it should leave behind belongs
/// in SharedMemory. Throws Error when there can be no child, when it may not enter, when job
/// throws, and when the child is killed. Cost: a millisecond or less.
void run_in_child(const ControlGroup* group, const std::function<void()>& job);

/// Zeroed memory that a child can write for its parent.
class SharedMemory {
 public:
  /// Throws Error when the system refuses.
  explicit SharedMemory(std::size_t size_bytes);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  void* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  std::size_t size_bytes_;
  void* data_;
};

}  // namespace aisp::machine
