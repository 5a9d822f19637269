// The other end of a worker's pipes: starts a process that times epochs as it is told, and talks to
// it, line by line. Builds (duel.h) and the doctor's proofs are compared through it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/descriptor.h"
#include "bench/job.h"
#include "bench/pairing.h"

namespace aisp::bench {

/// How a side is started.
struct DuelStart {
  std::vector<std::string> argv;         // argv[0] is a path
  std::vector<std::string> environment;  // "NAME=value", whole; empty: ours
  std::string remedy;                    // what to check when it does not answer
};

class DuelSide {
 public:
  /// Starts the process with the job as its first line and waits until it is ready. Throws Error
  /// when it cannot be started, dies, or does not speak our protocol; the message names argv[0].
  DuelSide(DuelStart start, const Json& job, double time_limit_s);
  ~DuelSide();  // ends the process
  DuelSide(const DuelSide&) = delete;
  DuelSide& operator=(const DuelSide&) = delete;

  struct Technique {
    std::string name, fault;
    int threads = 1;
    bool blocks = false;
  };
  const std::vector<Technique>& techniques() const { return techniques_; }
  /// Everything that the process said when it was ready.
  const Json& ready() const { return ready_; }

  /// One timed epoch over there. Throws Error when the process died or is silent for too long.
  Sample time(std::size_t index, std::uint64_t iterations, bool* conflict);

  /// Checks the outputs once more and ends the process: technique -> fault.
  std::vector<std::pair<std::string, std::string>> end();

 private:
  void greet(const Json& job);
  void stop();
  void send(const std::string& line);
  std::string receive();
  [[noreturn]] void lost(const std::string& what);

  DuelStart start_;
  double time_limit_s_;
  pid_t child_ = -1;
  Descriptor to_, from_;
  std::string buffer_;
  std::vector<Technique> techniques_;
  Json ready_;
};

}  // namespace aisp::bench
