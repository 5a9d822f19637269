// The process in which probes run: asked with one JSON document, answers with one, within a limit.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "bench/descriptor.h"
#include "doctor/evidence.h"

namespace aisp::doctor {

class Worker {
 public:
  /// `serve` runs in the child. A child is forked at the first question, and again after one was
  /// lost: it sees the memory of the parent as it was then.
  explicit Worker(std::function<Json(const Json&)> serve) : serve_(std::move(serve)) {}
  ~Worker() { abandon(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// The answer; nothing when the child died or was silent for `limit_s`, and then `lost()` says
  /// which. Throws Error when no process can be had.
  std::optional<Json> ask(const Json& question, double limit_s);
  const std::string& lost() const { return lost_; }
  /// The next question goes to a child that sees the parent's memory of now.
  void restart() { abandon(); }

 private:
  void start();
  void abandon();  // kills; does not wait for one that the kernel holds

  std::function<Json(const Json&)> serve_;
  pid_t child_ = -1;
  bench::Descriptor to_, from_;
  std::string lost_;
};

}  // namespace aisp::doctor
